// Writes what became of groups that were looked at: messages into the outbox, what receivers have heard of each alert, and when to look again.
import type { Transaction } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { addToDigests } from './digest.ts';
import type { DispatcherOptions } from './dispatcher.ts';
import type { Flush } from './group-flush.ts';
import { type GroupRow, isFlapping, keptUntil, type Member, type MemberRow, type PayloadRow } from './group-rows.ts';
import { createMessage, type MessageRow, threadOf, type UnsentRow } from './message.ts';
import { chooseDigested } from './storm.ts';

/** A group that was looked at. */
export interface FlushedGroup {
  readonly group: GroupRow;
  /** All that the group knows. */
  readonly rows: readonly MemberRow[];
  readonly flush: Flush<Member>;
}

export interface WriteOptions extends Pick<DispatcherOptions, 'digestOver' | 'flapDamping' | 'maxDeliveryAgeMs'> {
  readonly nowMs: number;
}

const LIST_PAYLOADS = loadSql('alerts/delivery/list-payloads');
const INSERT_MESSAGES = loadSql('alerts/delivery/insert-messages');
const DELETE_RESENT = loadSql('alerts/delivery/delete-resent');
const TAKE_UNSENT = loadSql('alerts/delivery/take-unsent');
const WRITE_GROUPS = loadSql('alerts/delivery/write-groups');
const WRITE_MEMBERS = loadSql('alerts/delivery/write-members');
/** Alerts that one message names. */
const MOST_ALERTS = 100;
/** To an Alertmanager: all that one of our groups holds. */
const MOST_RESENT = 1000;
/** What is muted is looked at again after a while: nobody tells that it is not any more. */
const LOOK_AGAIN_MS = 15_000;

/** @returns how many messages went to the outbox */
export async function writeFlushes(
  transaction: Transaction,
  flushed: readonly FlushedGroup[],
  options: WriteOptions,
): Promise<number> {
  const telling = flushed.filter(({ flush }) => flush.message !== undefined);
  const digested = await chooseDigested(transaction, telling, options);
  const messages = await createMessages(
    transaction,
    telling.filter((one) => !digested.has(one)),
  );
  if (messages.length > 0)
    await transaction.none(INSERT_MESSAGES, { messages, nowMs: Math.round(options.nowMs), maxAgeMs: options.maxDeliveryAgeMs });
  const resent = telling.filter(({ group }) => group.settings.isResent === true).map(({ group }) => group.group_key);
  if (resent.length > 0) await transaction.none(DELETE_RESENT, { groups: resent });
  const digests = await addToDigests(transaction, [...digested], options);
  const threads = new Map(messages.map(({ group_key, thread }) => [group_key, thread]));
  await writeGroups(transaction, flushed, { ...options, threads, digested });
  return messages.length + digests;
}

async function createMessages(transaction: Transaction, telling: readonly FlushedGroup[]): Promise<MessageRow[]> {
  const shown = new Map(
    telling.map((one) => {
      const most = one.group.settings.isResent === true ? MOST_RESENT : MOST_ALERTS;
      return [one.group.group_key, { one, alerts: one.flush.message?.alerts.slice(0, most) ?? [] }];
    }),
  );
  if (shown.size === 0) return [];
  const members = [...shown.values()].flatMap(({ alerts }) =>
    alerts.map(({ row: { group_key, rule_uid, fingerprint } }) => ({ group_key, rule_uid, fingerprint })),
  );
  const payloads = await transaction.any<PayloadRow>(LIST_PAYLOADS, { members });
  const byMember = new Map(payloads.map((row) => [memberId(row), row]));
  const groups = telling.map((one) => ({ group_key: one.group.group_key, thread: threadOf(one) }));
  const unsent = await transaction.any<UnsentRow>(TAKE_UNSENT, { groups });
  return [...shown.values()].flatMap(({ one, alerts }) => {
    const told = alerts.flatMap((member) => {
      const payload = byMember.get(memberId(member.row));
      return payload === undefined ? [] : [{ member, payload }];
    });
    const before = unsent.filter(({ group_key }) => group_key === one.group.group_key);
    const message = createMessage(one, told, before);
    return message === undefined ? [] : [message];
  });
}

function memberId({ group_key, rule_uid, fingerprint }: { group_key: string; rule_uid: string; fingerprint: string }): string {
  return `${group_key} ${fingerprint} ${rule_uid}`;
}

async function writeGroups(
  transaction: Transaction,
  flushed: readonly FlushedGroup[],
  given: WriteOptions & { readonly threads: ReadonlyMap<string, string>; readonly digested: ReadonlySet<FlushedGroup> },
): Promise<void> {
  const { nowMs, flapDamping, threads } = given;
  const groups: object[] = [];
  const told: object[] = [];
  const done: object[] = [];
  for (const one of flushed) {
    const { group, rows, flush } = one;
    const { group_key } = group;
    const isTold = flush.told.some(({ as }) => as !== null);
    const kept = new Map<string, number>();
    for (const row of rows) {
      const isSteady = row.is_firing && !isFlapping(row, flapDamping, nowMs);
      const until = isSteady ? undefined : keptUntil(row, group, flapDamping, nowMs);
      if (until !== undefined) kept.set(keyOf(row), until);
      else if (isOver(row, flush)) done.push(namesOf(row));
    }
    for (const { alert, as, mark } of flush.told)
      if (as !== (alert.told?.as ?? null) || mark !== (alert.told?.mark ?? null))
        told.push({ ...namesOf(alert.row), told: as, told_mark: mark });
    const thread = threads.get(group_key) ?? (given.digested.has(one) ? null : group.thread);
    groups.push({ group_key, is_told: isTold, thread, due_at_ms: dueAt(one, isTold ? nowMs : group.told_at_ms, kept, nowMs) });
  }
  await transaction.none(WRITE_GROUPS, { groups, nowMs });
  await transaction.none(WRITE_MEMBERS, { told, done, groups: flushed.map(({ group }) => group.group_key) });
}

/** What is over, and was told or will not be. One that flaps is not. */
function isOver(row: MemberRow, { done }: Flush<Member>): boolean {
  return !row.is_firing && (row.told === 'resolved' || done.some((alert) => alert.row === row));
}

function namesOf({ group_key, rule_uid, fingerprint }: MemberRow): object {
  return { group_key, rule_uid, fingerprint };
}

function keyOf({ rule_uid, fingerprint }: MemberRow): string {
  return `${fingerprint} ${rule_uid}`;
}

/** When the group is looked at again though nothing changes; null: not before. */
function dueAt(
  { group, rows, flush }: FlushedGroup,
  toldAtMs: number | null,
  kept: ReadonlyMap<string, number>,
  nowMs: number,
): number | null {
  const { groupIntervalMs, repeatIntervalMs, isResent } = group.settings;
  const onGrid = (atMs: number) =>
    groupIntervalMs === 0 ? atMs : nowMs + Math.max(1, Math.ceil((atMs - nowMs) / groupIntervalMs)) * groupIntervalMs;
  const times = [...kept.values()].map((until) => until + 1);
  for (const { alert, by } of flush.muted)
    if (by === 'early') times.push((alert.row.turns.at(-1) ?? 0) + group.settings.groupWaitMs + 1);
  if (flush.muted.some(({ alert, by }) => alert.isFiring && by !== 'early'))
    times.push(nowMs + Math.max(groupIntervalMs, LOOK_AGAIN_MS));
  const isRepeated = flush.isRepeatable || isResent === true || rows.some((row) => row.is_firing && row.is_acknowledged);
  // An acknowledgement may end before the incident does: until then it is looked at as late as for a repetition.
  if (isRepeated && repeatIntervalMs !== null && toldAtMs !== null)
    times.push(onGrid(Math.max(toldAtMs + repeatIntervalMs + 1, nowMs + (flush.isRepeatable ? 0 : LOOK_AGAIN_MS))));
  return times.length === 0 ? null : Math.max(nowMs + 1, Math.min(...times));
}
