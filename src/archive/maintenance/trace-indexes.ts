// Gives days that an earlier version made the index of time and trace id, one by one and beside readers and writers. Each step is a fact in
// Postgres, so that any process goes on where another ended.
import { sqlState } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import type { LeasedRun } from './leased-work.ts';

const nextTraceIndex = loadSql('archive/next-trace-index');
const createTraceIndex = loadSql('archive/create-trace-index');
const dropIndex = loadSql('archive/drop-index');
/** Another process was faster: the day is gone, or the index is there. */
const NO_LONGER_DUE = ['42P01', '42P07'];

interface Step {
  readonly step: 'create' | 'drop';
  readonly leaf: string;
  readonly index: string;
}

/**
 * Brings one day up to date, as long as the lease is ours: to make an index reads all rows of the day, so that it is left to the caller when
 * the next one follows.
 * @returns the day that has its index now; undefined when there is none to be made, or not now
 * @throws what Postgres says
 */
export async function indexTraces({ database, lease, shouldStop }: LeasedRun): Promise<string | undefined> {
  while (!shouldStop() && (await lease.take())) {
    const next = await database.oneOrNone<Step>(nextTraceIndex);
    if (next === null) return undefined;
    try {
      await database.none(next.step === 'create' ? createTraceIndex : dropIndex, next);
    } catch (error) {
      if (!NO_LONGER_DUE.includes(sqlState(error) ?? '')) throw error;
      return undefined;
    }
    if (next.step === 'create') return next.leaf;
  }
  return undefined;
}
