// The folder of this process in the spool, with the file that says whose it is. Made when the first segment is written, for all lanes.
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, rename, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from './segment-file.ts';
import { formatSource, type Source } from './source.ts';
import { SOURCE_FILE } from './spool-folder.ts';

export class SourceHome {
  readonly folder: string;
  readonly source: Source;
  /** Undefined: it is not there, as far as we know. */
  #making: Promise<void> | undefined;
  #isReady = false;

  constructor(folder: string, source: Source) {
    this.folder = folder;
    this.source = source;
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

  /** Shows other processes that this one lives. */
  async touch(): Promise<void> {
    const now = new Date();
    if (this.#isReady) await utimes(join(this.folder, SOURCE_FILE), now, now).catch(() => {});
  }

  async #make(): Promise<void> {
    const path = join(this.folder, SOURCE_FILE);
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    // Synced as segments are: after a power loss, one without it would never be drained.
    await writeFile(`${path}.new`, formatSource(this.source), { mode: 0o600, flush: true });
    await rename(`${path}.new`, path);
    await syncFolder(this.folder);
    await syncFolder(dirname(this.folder));
    this.#isReady = true;
  }
}
