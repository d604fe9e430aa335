// What a program asks of its own history, by the names of the document that Keepwatch was asked for with: whichever store has the events.
import { KeepwatchError } from './errors.ts';
import type { EventRow, SummaryRow } from './event-row.ts';

/** Reads what a store has, and removes what is old. */
export interface EventReader {
  /** Half-open: `from` belongs to it, `to` does not. The busiest first. */
  summary(query: { readonly from: Date; readonly to: Date }): Promise<readonly SummaryRow[]>;
  /** The newest first. */
  recent(query: { readonly name?: string | undefined; readonly limit: number }): Promise<readonly EventRow[]>;
  /** Removes the UTC days that are older than `keepMs` as a whole. @returns how many */
  prune(keepMs: number): Promise<number>;
}

export interface MetricsHistory {
  /**
   * Count, failures, success rate and latencies of each type and name of the last `days` (default 7, at most 3650), the busiest first, as
   * `keepwatch summary --json` has them. What was recorded before the call is in it.
   * @throws KeepwatchError ERR_USAGE for a wrong number, and when nothing keeps events (no database, no JSONL folder); what the store says
   */
  getMetricsSummary(days?: number): Promise<readonly SummaryRow[]>;
  /**
   * The newest events, of all or of one name, the newest first. What was recorded before the call is among them.
   * @param limit 1 to 1000; default 10
   * @throws as `getMetricsSummary`
   */
  getRecentMetrics(name?: string, limit?: number): Promise<readonly EventRow[]>;
  /**
   * Removes events older than `daysToKeep` (default 30, at least 1), by whole UTC days, now. Rollups in Postgres stay.
   * @returns how many days were removed: files, or partitions
   * @throws as `getMetricsSummary`
   */
  clearOldMetrics(daysToKeep?: number): Promise<number>;
}

const DAY_MS = 86_400_000;
const MAX_DAYS = 3650;
const MAX_LIMIT = 1000;

/** @param options.reader undefined: nothing keeps events */
export function createMetricsHistory(options: {
  readonly reader: EventReader | undefined;
  /** Resolves when what was recorded so far can be read. */
  readonly flush: () => Promise<void>;
  /** The clock of the events: milliseconds since the epoch. */
  readonly now: () => number;
}): MetricsHistory {
  const open = (asker: string): EventReader => {
    if (options.reader !== undefined) return options.reader;
    throw new KeepwatchError('ERR_USAGE', `${asker}: nothing keeps events; set DATABASE_URL or KEEPWATCH_JSONL_DIR`);
  };
  return {
    async getMetricsSummary(days = 7) {
      const reader = open('getMetricsSummary');
      check('getMetricsSummary: days', days, MAX_DAYS);
      await options.flush();
      // One more, since the end is left out: what has just ended belongs to it.
      const to = new Date(options.now() + 1);
      return reader.summary({ from: new Date(to.getTime() - days * DAY_MS), to });
    },
    async getRecentMetrics(name, limit = 10) {
      const reader = open('getRecentMetrics');
      check('getRecentMetrics: limit', limit, MAX_LIMIT);
      await options.flush();
      return reader.recent({ name, limit });
    },
    async clearOldMetrics(daysToKeep = 30) {
      const reader = open('clearOldMetrics');
      check('clearOldMetrics: daysToKeep', daysToKeep, MAX_DAYS);
      return reader.prune(daysToKeep * DAY_MS);
    },
  };
}

function check(what: string, given: unknown, max: number): void {
  if (Number.isInteger(given) && (given as number) >= 1 && (given as number) <= max) return;
  throw new KeepwatchError('ERR_USAGE', `${what}: got ${String(given).slice(0, 100)}; allowed: a whole number from 1 to ${max}`);
}
