// Files of events into the archive, each line once, however often and in how many pieces it is tried: checked first, then imported chunk by
// chunk, each with its mark in one transaction.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../../db/database.ts';
import type { Logger } from '../../logger.ts';
import { RefusalStreak } from '../drain/refused-rows.ts';
import { Lease } from '../maintenance/lease.ts';
import { FileImport, type ImportProgress } from './file-import.ts';
import { type CheckedFile, checkFile } from './import-check.ts';
import { listMarks } from './import-marks.ts';
import type { LineDefaults } from './imported-event.ts';

/** What to do with events that retention would remove again. */
export const EXPIRED_CHOICES = ['refuse', 'skip', 'import'] as const;
export type ExpiredChoice = (typeof EXPIRED_CHOICES)[number];

export interface ImportOptions {
  readonly database: Database;
  /** How long raw events are kept. */
  readonly keepMs: number;
  readonly expired: ExpiredChoice;
  /** Import the other lines of a file that has broken ones. */
  readonly skipsBroken: boolean;
  /** Only check. */
  readonly isDryRun: boolean;
  readonly defaults: Omit<LineDefaults, 'latestUs'>;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ImportProgress) => void;
}

/** What became of a file. */
export interface ImportResult {
  readonly file: string;
  /** `refused`: nothing of it is imported, `checked` says why. `stopped`: a part of it is. */
  readonly outcome: 'imported' | 'refused' | 'stopped' | 'checked';
  readonly imported: number;
  readonly deadLettered: number;
  /** Were in the archive already, or come more than once in the file. */
  readonly present: number;
  readonly checked: CheckedFile;
  /** Why it is refused, a sentence each. */
  readonly reasons: readonly string[];
}

/** Days at most in one file: each is a partition. */
const MAX_DAYS = 3660;
const AHEAD_MS = 3_600_000;
const LEASE_SECONDS = 10;
const RETRY_MS = 250;

/** Imports files one after another, while no other process imports: so none of two that hold the same events adds them twice. */
export class Importer {
  readonly #options: ImportOptions;
  readonly #lease: Lease;
  readonly #refusals: RefusalStreak;

  constructor(options: ImportOptions) {
    this.#options = options;
    const holder = `import ${randomUUID()}`;
    this.#lease = new Lease({ database: options.database, name: 'import', holder, seconds: LEASE_SECONDS });
    this.#refusals = new RefusalStreak(options.logger);
  }

  /** Gives the turn to others. @throws what Postgres says */
  async close(): Promise<void> {
    await this.#lease.release();
  }

  /**
   * Checks a file and imports what of it is not imported yet.
   * @param name for people; default: the path
   * @throws what Postgres or the file system says: what is committed by then stays, and a next call goes on from there
   */
  async importFile(path: string, name = path): Promise<ImportResult> {
    const { database, keepMs, signal, onProgress, isDryRun } = this.#options;
    await this.#wait();
    const defaults = { ...this.#options.defaults, latestUs: (Date.now() + AHEAD_MS) * 1000 };
    const keptFromUs = (Date.now() - keepMs) * 1000;
    const checked = await checkFile(path, {
      marks: await listMarks(database),
      defaults,
      keptFromUs,
      signal,
      onProgress: (rows, share) => onProgress?.({ what: 'checking', rows, share }),
    });
    const nothing = { file: name, imported: 0, deadLettered: 0, present: 0, checked, reasons: [] };
    const reasons = this.#reasonsAgainst(checked);
    if (reasons.length > 0) return { ...nothing, outcome: 'refused', reasons };
    if (isDryRun || checked.bytes <= Math.min(checked.offsets.keep, checked.offsets.rest))
      return { ...nothing, outcome: isDryRun ? 'checked' : 'imported' };
    const skippedBeforeUs = this.#options.expired === 'skip' ? keptFromUs : -Infinity;
    const file = { path, name, checked, defaults, skippedBeforeUs, refusals: this.#refusals };
    const { isStopped, ...counts } = await new FileImport({ ...file, database, signal, onProgress }).run(() =>
      this.#lease.take(),
    );
    return { ...nothing, ...counts, outcome: isStopped ? 'stopped' : 'imported' };
  }

  #reasonsAgainst({ broken, expired, events, firstEndUs, days }: CheckedFile): string[] {
    const { skipsBroken, keepMs, expired: choice } = this.#options;
    const reasons: string[] = [];
    if (broken > 0 && !skipsBroken)
      reasons.push(`${broken} ${broken === 1 ? 'line is' : 'lines are'} broken: --skip-broken imports the others`);
    if (expired > 0 && choice === 'refuse') {
      const first = new Date(firstEndUs / 1000).toISOString();
      reasons.push(
        `${expired} of ${events} events are older than the ${keepMs / 86_400_000} days that KEEPWATCH_RETENTION keeps (the oldest ended ${first}): ` +
          '--expired skip imports the others, --expired import all, until retention removes them again',
      );
    }
    if (days > MAX_DAYS) reasons.push(`its events are of ${days} days; allowed: ${MAX_DAYS} in one file`);
    return reasons;
  }

  async #wait(): Promise<void> {
    const { signal, onProgress } = this.#options;
    while (!(await this.#lease.take())) {
      signal?.throwIfAborted();
      onProgress?.({ what: 'waiting', rows: 0, share: 0 });
      await delay(RETRY_MS, undefined, { signal }).catch(() => {});
    }
  }
}
