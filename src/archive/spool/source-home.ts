// The folder of a source in the spool, with the file that says whose it is, and how long that may be relied on: whoever has not touched it for
// 20 s may be taken for dead after 30 s. Made when the first segment is written, for all lanes.
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, rename, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from './segment-file.ts';
import { formatSource, type Source } from './source.ts';
import { SOURCE_FILE } from './spool-folder.ts';

/** Well below the heartbeat's age at which others adopt a folder (`isOwnerDead`): a write that was begun in time has ended by then. */
const LEASE_MS = 20_000;

/** Both clocks of a machine: the monotonic one stands still while the machine is suspended, the other one can be set. */
export interface HomeClock {
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
}

const SYSTEM_CLOCK: HomeClock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() };

interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export class SourceHome {
  readonly folder: string;
  readonly source: Source;
  readonly #clock: HomeClock;
  /** Undefined: it is not there, as far as we know. */
  #making: Promise<void> | undefined;
  #isReady = false;
  /** When it was last shown that its owner lives; undefined before there was anything to own. */
  #touched: Moment | undefined;
  #isTouching = false;
  #hasLapsed = false;

  constructor(folder: string, source: Source, clock: HomeClock = SYSTEM_CLOCK) {
    this.folder = folder;
    this.source = source;
    this.#clock = clock;
  }

  /**
   * Others may have taken its owner for dead: it could not be touched for 20 s, by either clock (the process or the machine was stopped,
   * the disk hung), or the clock was set by as much. Once it has, it has for ever: the source is to be ended.
   */
  get hasLapsed(): boolean {
    if (this.#touched !== undefined && !this.#hasLapsed) this.#hasLapsed = this.#isTooLong(this.#touched, this.#read());
    return this.#hasLapsed;
  }

  /** Makes it where it is not there, once for all who ask. @throws what the file system says; a next call tries again */
  make(): Promise<void> {
    this.#making ??= this.#make().catch((error: unknown) => {
      this.forget();
      throw error;
    });
    return this.#making;
  }

  /** The same at once, for the moment before the process ends. @throws what the file system says */
  makeSync(): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    if (!this.#isReady) writeFileSync(join(this.folder, SOURCE_FILE), formatSource(this.source), { mode: 0o600, flush: true });
  }

  /** The disk has refused something: it may be gone. */
  forget(): void {
    this.#isReady = false;
    this.#making = undefined;
  }

  /** Shows other processes that this one lives. Never rejects. */
  async touch(): Promise<void> {
    if (this.#touched === undefined || this.#isTouching) return;
    this.#isTouching = true;
    const begun = this.#read();
    try {
      const now = new Date(begun.wallMs);
      await utimes(join(this.folder, SOURCE_FILE), now, now);
      this.#noteTouched(begun);
    } catch (error) {
      // Somebody has removed it; whatever else is wrong, the lease lapses when it goes on.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#hasLapsed = true;
    } finally {
      this.#isTouching = false;
    }
  }

  async #make(): Promise<void> {
    const begun = this.#read();
    const path = join(this.folder, SOURCE_FILE);
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    // Synced as segments are: after a power loss, one without it would never be drained.
    await writeFile(`${path}.new`, formatSource(this.source), { mode: 0o600, flush: true });
    await rename(`${path}.new`, path);
    await syncFolder(this.folder);
    await syncFolder(dirname(this.folder));
    this.#isReady = true;
    this.#noteTouched(begun);
  }

  /** Whoever comes back after too long finds that it has lapsed, though the file is touched again. */
  #noteTouched(begun: Moment): void {
    if (this.#touched !== undefined && this.#isTooLong(this.#touched, this.#read())) this.#hasLapsed = true;
    this.#touched = begun;
  }

  #isTooLong(from: Moment, to: Moment): boolean {
    return to.monotonicMs - from.monotonicMs > LEASE_MS || Math.abs(to.wallMs - from.wallMs) > LEASE_MS;
  }

  #read(): Moment {
    return { monotonicMs: this.#clock.monotonicMs(), wallMs: this.#clock.wallMs() };
  }
}
