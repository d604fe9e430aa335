// Storms: more messages in a minute than people can read. Groups that a receiver has not heard of yet are told as a digest then; what it knows of is
// told as ever, so that nothing that was opened stays open.
import type { Transaction } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import type { FlushedGroup, WriteOptions } from './group-writes.ts';

const COUNT_RECENT = loadSql('alerts/delivery/count-recent-messages');

/** Those of the groups whose messages are too many. */
export async function chooseDigested(
  transaction: Transaction,
  telling: readonly FlushedGroup[],
  { digestOver }: Pick<WriteOptions, 'digestOver'>,
): Promise<ReadonlySet<FlushedGroup>> {
  const digested = new Set<FlushedGroup>();
  const limited = telling.filter(({ group }) => digestOver?.(group.receiver) !== undefined);
  if (limited.length === 0) return digested;
  const receivers = [...new Set(limited.map(({ group }) => group.receiver))];
  const recent = await transaction.any<{ receiver: string; count: number }>(COUNT_RECENT, { receivers });
  for (const receiver of receivers) {
    const own = limited.filter(({ group }) => group.receiver === receiver);
    const sent = recent.find((row) => row.receiver === receiver)?.count ?? 0;
    let left = (digestOver?.(receiver) ?? 0) - sent;
    for (const one of own) if (isKnown(one)) left--;
    for (const one of own) if (!isKnown(one) && left-- <= 0) digested.add(one);
  }
  return digested;
}

/** The receiver has heard of it in a message of its own. */
function isKnown({ group }: FlushedGroup): boolean {
  return group.thread !== null;
}
