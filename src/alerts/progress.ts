// What a pass has to know before it begins: the clock of Postgres, what is archived, what is leased, what is owed. One statement, one snapshot.
import type { Database } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';
import type { LeaseProgress } from './group-leases.ts';

/** The row of read-progress. */
export interface AlertProgress extends LeaseProgress {
  readonly now_ms: number;
  readonly watermark_ms: number | null;
  /** Not closed, and left out as nobody has heard of them for a while. */
  readonly silent_sources: number;
  readonly is_dispatch_due: boolean;
  readonly due_receivers: readonly string[];
  readonly breaking_version: number | null;
  readonly revision: number;
}

export interface ProgressReaderOptions {
  readonly database: Database;
  /** Names of the receivers whose messages are looked for. */
  readonly receivers: readonly string[];
  /** A source that was not heard of for longer does not hold up evaluations; default 30000. */
  readonly silentMs?: number;
}

const READ_PROGRESS = loadSql('alerts/read-progress');
const SILENT_MS = 30_000;
/** A source whose clock is behind by less is waited for, so that its last events are in the window that they belong to. */
const SKEW_MS = 2000;

/** Remembers since when the database has been in reach: nobody can be heard of while it is not. */
export class ProgressReader {
  readonly #options: ProgressReaderOptions;
  /** When the database answered again after it had not, by the monotonic clock; Infinity while it does not. */
  #backAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ProgressReaderOptions) {
    this.#options = options;
  }

  /** @param leases parameters of the process' leases @throws when the database does not answer */
  async read(leases: object): Promise<AlertProgress> {
    const { database, receivers, silentMs = SILENT_MS } = this.#options;
    const nowMs = performance.now();
    const backMs = Math.max(0, nowMs - this.#backAtMs);
    const back = Number.isFinite(backMs) ? backMs : null;
    const values = { silentMs, skewMs: SKEW_MS, backMs: back, receivers, ...leases };
    try {
      const progress = await database.one<AlertProgress>(READ_PROGRESS, values);
      this.#backAtMs = Math.min(this.#backAtMs, nowMs);
      return progress;
    } catch (error) {
      this.#backAtMs = Number.POSITIVE_INFINITY;
      throw error;
    }
  }
}
