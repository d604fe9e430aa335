// Daily partitions of observability_metrics: there before the first row of a day is, and made ahead so that nobody waits for one.
import type { Database } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';

const DAY_MS = 86_400_000;
const DAYS_AHEAD = 7;

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

  async function cover(fromMs: number, toMs: number): Promise<void> {
    const days: number[] = [];
    for (let day = Math.floor(fromMs / DAY_MS); day <= Math.floor(toMs / DAY_MS); day++) if (!known.has(day)) days.push(day);
    const [first, last] = [days[0], days.at(-1)];
    if (first === undefined || last === undefined) return;
    await database.one(ensurePartitions, { fromMs: first * DAY_MS, toMs: last * DAY_MS });
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
