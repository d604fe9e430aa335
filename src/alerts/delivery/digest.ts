// The digest of a storm: how many alerts began and ended, and which rules they are of. It is one message to each receiver, written for a while before
// it goes out, so that it tells of the storm and not of its first second.
import { randomUUID } from 'node:crypto';
import type { Transaction } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import type { MessagePayload } from '../notification.ts';
import type { FlushedGroup, WriteOptions } from './group-writes.ts';

/** What there was of the alerts of one rule and severity. */
interface Cause {
  readonly alertname: string;
  readonly severity: string;
  readonly firing: number;
  readonly resolved: number;
  /** Labels of one of them. */
  readonly example: string;
}

/** The payload of a digest, which is written on until it is sent. */
interface DigestPayload extends MessagePayload {
  readonly digest: { readonly groups: number; readonly causes: readonly Cause[] };
}

const TAKE_DIGESTS = loadSql('alerts/delivery/take-digests');
const WRITE_DIGEST = loadSql('alerts/delivery/write-digest');
export const STORM_ALERT = 'AlertStorm';
/** Between the first alert of a digest and its message. */
const COLLECT_MS = 20_000;
/** Rules that a digest tells apart; of the others there are but numbers. */
const MOST_CAUSES = 200;
/** That it names. */
const SHOWN_CAUSES = 20;
const OTHER = 'other rules';

/** @returns how many digests were begun */
export async function addToDigests(
  transaction: Transaction,
  digested: readonly FlushedGroup[],
  { nowMs, maxDeliveryAgeMs }: Pick<WriteOptions, 'maxDeliveryAgeMs' | 'nowMs'>,
): Promise<number> {
  const receivers = [...new Set(digested.map(({ group }) => group.receiver))];
  if (receivers.length === 0) return 0;
  const open = await transaction.any<{ id: string; receiver: string; payload: DigestPayload }>(TAKE_DIGESTS, { receivers });
  for (const receiver of receivers) {
    const own = digested.filter(({ group }) => group.receiver === receiver);
    const known = open.find((row) => row.receiver === receiver);
    const payload = addTo(known?.payload, own, nowMs);
    const { firing, resolved } = totalsOf(payload.digest.causes);
    await transaction.none(WRITE_DIGEST, {
      ...{ id: known?.id ?? null, receiver, payload, alerts: firing + resolved, thread: payload.incidentId },
      ...{ alertname: STORM_ALERT, collectMs: COLLECT_MS, maxAgeMs: maxDeliveryAgeMs },
    });
  }
  return receivers.filter((receiver) => !open.some((row) => row.receiver === receiver)).length;
}

function addTo(known: DigestPayload | undefined, digested: readonly FlushedGroup[], nowMs: number): DigestPayload {
  const causes = new Map((known?.digest.causes ?? []).map((cause) => [keyOf(cause), cause]));
  for (const { flush } of digested)
    for (const { labels, isFiring } of flush.message?.alerts ?? []) count(causes, labels, isFiring);
  const most = [...causes.values()].sort((a, b) => b.firing + b.resolved - a.firing - a.resolved);
  return describe(most, { groups: (known?.digest.groups ?? 0) + digested.length, known, nowMs });
}

function count(causes: Map<string, Cause>, labels: Readonly<Record<string, string>>, isFiring: boolean): void {
  const named = { alertname: labels['alertname'] ?? '', severity: labels['severity'] ?? '' };
  const isKnown = causes.has(keyOf(named)) || causes.size < MOST_CAUSES;
  const own = isKnown ? named : { alertname: OTHER, severity: '' };
  const before = causes.get(keyOf(own)) ?? { ...own, firing: 0, resolved: 0, example: exampleOf(labels) };
  causes.set(keyOf(own), {
    ...before,
    firing: before.firing + (isFiring ? 1 : 0),
    resolved: before.resolved + (isFiring ? 0 : 1),
  });
}

function keyOf({ alertname, severity }: Pick<Cause, 'alertname' | 'severity'>): string {
  return JSON.stringify([alertname, severity]);
}

function exampleOf(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).filter(([name]) => name !== 'alertname' && name !== 'severity');
  return pairs
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(' ')
    .slice(0, 200);
}

function totalsOf(causes: readonly Cause[]): { firing: number; resolved: number } {
  return causes.reduce((sum, { firing, resolved }) => ({ firing: sum.firing + firing, resolved: sum.resolved + resolved }), {
    firing: 0,
    resolved: 0,
  });
}

function describe(
  causes: readonly Cause[],
  { groups, known, nowMs }: { readonly groups: number; readonly known: DigestPayload | undefined; readonly nowMs: number },
): DigestPayload {
  const now = new Date(nowMs).toISOString();
  const { firing, resolved } = totalsOf(causes);
  const startsAt = known?.startsAt ?? now;
  const names = causes.slice(0, 5).map((cause) => `${cause.alertname} ${cause.firing + cause.resolved}`);
  const incidentId = known?.incidentId ?? randomUUID();
  return {
    status: 'firing',
    reason: 'firing',
    group: 'keepwatch',
    labels: { alertname: STORM_ALERT, severity: 'warning' },
    annotations: {
      summary: `${firing} alerts began and ${resolved} ended since ${startsAt}, more than is told one by one. Most of them: ${names.join(', ')}`,
      description: 'Each of them is in keepwatch alerts list. What fires on is not told again one by one; what ends later is.',
    },
    ...{ startsAt, endsAt: null, activeAt: startsAt, slot: now },
    fingerprint: incidentId.replaceAll('-', '').padEnd(64, '0'),
    incidentId,
    value: firing,
    row: { firing, resolved, groups, rules: causes.length },
    context: causes.slice(0, SHOWN_CAUSES).map((cause) => ({ ...cause })),
    fireWhen: 'more messages in a minute than the receiver is told one by one',
    forMs: 0,
    partial: false,
    digest: { groups, causes },
  };
}
