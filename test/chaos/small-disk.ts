// A disk of its own for a spool, that can be filled and made read-only: a tmpfs, where this process may mount one.
import { execFile } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CHUNK = Buffer.alloc(65_536, 1);

/** A writer of an app that ended amid a write may still make a file. */
const REMOVE = { recursive: true, force: true, maxRetries: 20, retryDelay: 50 } as const;

export class SmallDisk {
  /** Where it is mounted; a plain folder where it is not. */
  readonly path: string;
  /** A folder on another disk, which is never full. */
  readonly elsewhere: string;
  #isMounted: boolean;
  /** Its size. */
  readonly #bytes: number;
  readonly #root: string;
  #isReadOnly = false;

  private constructor(root: string, bytes: number, isMounted: boolean) {
    this.#root = root;
    this.path = join(root, 'disk');
    this.elsewhere = join(root, 'elsewhere');
    this.#bytes = bytes;
    this.#isMounted = isMounted;
  }

  /** Mounts it, or makes a plain folder where that is not allowed. */
  static async create(megabytes: number): Promise<SmallDisk> {
    const root = mkdtempSync(join(tmpdir(), 'keepwatch-chaos-'));
    for (const name of ['disk', 'elsewhere']) mkdirSync(join(root, name));
    const isMounted = await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', join(root, 'disk')]).then(
      () => true,
      () => false,
    );
    return new SmallDisk(root, megabytes * 1_048_576, isMounted);
  }

  /** Whether it is a disk of its own. */
  get isMounted(): boolean {
    return this.#isMounted;
  }

  /** Leaves about so many bytes free. @returns false while it is read-only, or no disk of its own */
  fill(leftBytes: number): boolean {
    if (this.#isReadOnly || !this.#isMounted) return false;
    const file = join(this.path, 'ballast');
    const fd = openSync(file, 'a');
    let bytes = 0;
    try {
      while (bytes <= this.#bytes) bytes += writeSync(fd, CHUNK); // never more: once unmounted, the path is on a real disk
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(fd);
    }
    truncateSync(file, Math.max(0, bytes - leftBytes));
    return true;
  }

  /** Takes back what `fill` did. */
  async free(): Promise<void> {
    await this.makeWritable();
    rmSync(join(this.path, 'ballast'), { force: true });
  }

  /** @returns false when some file is open for writing at the moment */
  async makeReadOnly(): Promise<boolean> {
    if (!this.#isMounted) return false;
    this.#isReadOnly = await run('mount', ['-o', 'remount,ro', this.path]).then(
      () => true,
      () => false,
    );
    return this.#isReadOnly;
  }

  async makeWritable(): Promise<void> {
    if (this.#isReadOnly) await run('mount', ['-o', 'remount,rw', this.path]);
    this.#isReadOnly = false;
  }

  /** Removes everything on it, and elsewhere. */
  async clear(): Promise<void> {
    await this.makeWritable();
    for (const folder of [this.path, this.elsewhere]) {
      for (const name of readdirSync(folder)) rmSync(join(folder, name), REMOVE);
    }
  }

  async remove(): Promise<void> {
    const wasMounted = this.#isMounted;
    this.#isMounted = false;
    if (wasMounted) await run('umount', ['-l', this.path]).catch(() => {});
    rmSync(this.#root, REMOVE);
  }
}
