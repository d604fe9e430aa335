// How slow the disk was under the servers of a campaign: on a machine that others use too, that explains much.
import { closeSync, fsync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const sync = promisify(fsync);
const EVERY_MS = 1000;

export class DiskWatch {
  #isEnded = false;
  #slowestMs = 0;
  #sinceMs: number | undefined;

  constructor() {
    void this.#watch();
  }

  /** The longest time that it took to bring a few bytes to the disk, so far. */
  get slowestMs(): number {
    return Math.max(this.#slowestMs, this.#sinceMs === undefined ? 0 : performance.now() - this.#sinceMs);
  }

  end(): void {
    this.#isEnded = true;
  }

  async #watch(): Promise<void> {
    const path = join(tmpdir(), `keepwatch-chaos-${process.pid}.sync`);
    const fd = openSync(path, 'w', 0o600);
    rmSync(path); // it lives as long as it is open
    while (!this.#isEnded) {
      this.#sinceMs = performance.now();
      writeSync(fd, 'x', 0);
      await sync(fd);
      this.#slowestMs = this.slowestMs;
      this.#sinceMs = undefined;
      await sleep(EVERY_MS, undefined, { ref: false });
    }
    closeSync(fd);
  }
}
