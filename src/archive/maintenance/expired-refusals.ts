// What Postgres refused and what came out of its time, dead letters and the quarantine: kept as long as raw events are, then removed in small
// transactions and counted by series, so that verify adds up.
import type { Transaction } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { letterSeries } from '../encoding/letter-series.ts';
import { whileHeld } from './lease.ts';
import type { LeasedRun } from './leased-work.ts';

const AT_ONCE = 2000;
const DAY_MS = 86_400_000;

const hasRefusals = loadSql('archive/has-expired-refusals');
const QUARANTINES = [loadSql('archive/expire-quarantine'), loadSql('archive/expire-logs-quarantine')];
const expireDeadLetters = loadSql('archive/expire-dead-letters');
const noteExpiredLetters = loadSql('archive/note-expired-letters');

export interface ExpiredRefusals {
  readonly deadLetters: number;
  readonly quarantined: number;
}

type Step = (transaction: Transaction, values: { readonly keepDays: number; readonly limit: number }) => Promise<number>;

/**
 * Removes what was refused or quarantined longer ago than `keepMs`, as long as the lease is ours.
 * @throws what Postgres says; a next call goes on from there
 */
export async function removeExpiredRefusals(leased: LeasedRun, keepMs: number): Promise<ExpiredRefusals> {
  // Until the schema has come up to this version, they stay.
  if (!(await leased.database.one<{ has_refusals: boolean }>(hasRefusals)).has_refusals)
    return { deadLetters: 0, quarantined: 0 };
  const deadLetters = await repeat(leased, keepMs, removeLetters);
  let quarantined = 0;
  for (const statement of QUARANTINES) {
    quarantined += await repeat(leased, keepMs, async (transaction, values) => {
      return (await transaction.one<{ events: number }>(statement, values)).events;
    });
  }
  return { deadLetters, quarantined };
}

async function repeat({ database, lease, shouldStop }: LeasedRun, keepMs: number, step: Step): Promise<number> {
  const values = { keepDays: keepMs / DAY_MS, limit: AT_ONCE };
  let total = 0;
  let removed = AT_ONCE;
  while (removed === AT_ONCE && !shouldStop() && (await lease.take())) {
    removed = (await whileHeld({ database, lease }, (transaction) => step(transaction, values))) ?? 0;
    total += removed;
  }
  return total;
}

async function removeLetters(transaction: Transaction, values: Parameters<Step>[1]): Promise<number> {
  interface Letter {
    readonly source_id: string;
    readonly lane: string;
    readonly head: Buffer;
  }
  const letters = await transaction.any<Letter>(expireDeadLetters, values);
  if (letters.length === 0) return 0;
  const named = letters.map(({ head, lane }) => letterSeries(head, lane) ?? { type: '', name: '' });
  await transaction.none(noteExpiredLetters, {
    sources: letters.map((letter) => letter.source_id),
    lanes: letters.map(({ lane }) => lane),
    types: named.map(({ type }) => type.replaceAll('\0', '\u{fffd}')),
    names: named.map(({ name }) => name),
  });
  return letters.length;
}
