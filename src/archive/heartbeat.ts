// What is done for the spool every 5 s, whatever Postgres and runs are at: other processes are shown that this one lives, and what they have in the
// spool is measured, as all share its bound.
import type { Spool } from './spool/spool.ts';
import { bytesOfOthers } from './spool/spool-folder.ts';

const EVERY_MS = 5000;

export class Heartbeat {
  readonly #spool: Spool;
  readonly #spoolDir: string;
  #timer: NodeJS.Timeout | undefined;
  #isMeasuring = false;

  constructor({ spool, spoolDir }: { readonly spool: Spool; readonly spoolDir: string }) {
    this.#spool = spool;
    this.#spoolDir = spoolDir;
  }

  /** Keeps no process alive. */
  start(): void {
    this.#timer = setInterval(() => {
      void this.#spool.touch();
      void this.#measureOthers();
    }, EVERY_MS).unref();
    void this.#measureOthers();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** One look at a time, however slow the disk is. */
  async #measureOthers(): Promise<void> {
    if (this.#isMeasuring) return;
    this.#isMeasuring = true;
    this.#spool.setOtherBytes(await bytesOfOthers(this.#spoolDir, this.#spool.sourceIds));
    this.#isMeasuring = false;
  }
}
