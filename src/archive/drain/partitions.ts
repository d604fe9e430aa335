// Daily partitions of observability_metrics: there before the first row of a day is, and made ahead so that nobody waits for one.
import { type Database, sqlState } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';

const DAY_MS = 86_400_000;
const DAYS_AHEAD = 7;
const DUPLICATE_TABLE = '42P07';
const ATTEMPTS = 20;

export interface Partitions {
  /** Makes sure that rows of [fromMs, toMs] find their partition; asks Postgres once a day. @throws what Postgres says */
  cover(fromMs: number, toMs: number): Promise<void>;
  /** Makes the partitions of today and the next week by the clock of Postgres; asks once an hour. */
  coverAhead(nowMs: number): Promise<void>;
  /** Forgets what is known to be there. */
  forget(): void;
}

export function createPartitions(database: Database): Partitions {
  const ensurePartitions = loadSql('archive/ensure-partitions');
  const known = new Set<number>();
  let aheadUntilMs = -Infinity;

  /** A session that has waited for another one to make a partition may not see it yet, and fail to make it again: the next call does. */
  async function ensure(range: { fromMs: number; toMs: number }): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await database.one(ensurePartitions, range);
        return;
      } catch (error) {
        if (attempt === ATTEMPTS || sqlState(error) !== DUPLICATE_TABLE) throw error;
      }
    }
  }

  async function cover(fromMs: number, toMs: number): Promise<void> {
    const days: number[] = [];
    for (let day = Math.floor(fromMs / DAY_MS); day <= Math.floor(toMs / DAY_MS); day++) if (!known.has(day)) days.push(day);
    const [first, last] = [days[0], days.at(-1)];
    if (first === undefined || last === undefined) return;
    await ensure({ fromMs: first * DAY_MS, toMs: last * DAY_MS });
    for (const day of days) known.add(day);
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
