// Daily partitions of events and log lines: there before the first row of a day is; those of events are made ahead, so that nobody waits for one.
import { type Database, sqlState } from '../../db/database.ts';
import { loadSql, type SqlFile } from '../../db/sql.ts';

const DAY_MS = 86_400_000;
const DAYS_AHEAD = 7;
const DUPLICATE_TABLE = '42P07';
const ATTEMPTS = 20;

export interface Partitions {
  /** Makes sure that rows of [fromMs, toMs] find their partition; asks Postgres once a day. Default: events. @throws what Postgres says */
  cover(fromMs: number, toMs: number, relation?: string): Promise<void>;
  /** Makes the partitions of today and the next week by the clock of Postgres; asks once an hour. */
  coverAhead(nowMs: number): Promise<void>;
  /** Forgets what is known to be there. */
  forget(): void;
}

export function createPartitions(database: Database): Partitions {
  const ensurePartitions = loadSql('archive/ensure-partitions');
  const ensureLogPartitions = loadSql('archive/ensure-log-partitions');
  const known = new Set<string>();
  let aheadUntilMs = -Infinity;

  /** A session that has waited for another one to make a partition may not see it yet, and fail to make it again: the next call does. */
  async function ensure(statement: SqlFile, range: { fromMs: number; toMs: number }): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await database.one(statement, range);
        return;
      } catch (error) {
        if (attempt === ATTEMPTS || sqlState(error) !== DUPLICATE_TABLE) throw error;
      }
    }
  }

  async function cover(fromMs: number, toMs: number, relation = 'observability_metrics'): Promise<void> {
    const days: number[] = [];
    const keyOf = (day: number) => `${relation} ${day}`;
    for (let day = Math.floor(fromMs / DAY_MS); day <= Math.floor(toMs / DAY_MS); day++) {
      if (!known.has(keyOf(day))) days.push(day);
    }
    const [first, last] = [days[0], days.at(-1)];
    if (first === undefined || last === undefined) return;
    const statement = relation === 'observability_logs' ? ensureLogPartitions : ensurePartitions;
    await ensure(statement, { fromMs: first * DAY_MS, toMs: last * DAY_MS });
    for (const day of days) known.add(keyOf(day));
  }

  return {
    cover,
    coverAhead: async (nowMs) => {
      if (nowMs < aheadUntilMs) return;
      await cover(nowMs, nowMs + DAYS_AHEAD * DAY_MS);
      aheadUntilMs = nowMs + 3_600_000;
    },
    forget: () => known.clear(),
  };
}
