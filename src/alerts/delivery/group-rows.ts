// Groups and their alerts as Postgres keeps them, and what the decision about a group takes of them.
import type { Labels } from '../../routing/matcher.ts';
import type { FlapDamping } from '../../routing/routing.ts';
import type { NotificationPayload } from '../notification.ts';
import type { Destination } from './destination.ts';
import type { GroupAlert, GroupPolicy } from './group-flush.ts';

/** A row of notification_group. Times are ms since the epoch. */
export interface GroupRow extends Destination {
  /** Messages so far. */
  readonly version: number;
  readonly thread: string | null;
  readonly flushed_at_ms: number | null;
  readonly told_at_ms: number | null;
}

/** What names an alert of a group. */
export interface MemberKey {
  readonly group_key: string;
  readonly rule_uid: string;
  /** Hexadecimal. */
  readonly fingerprint: string;
}

/** A row of notification_member. */
export interface MemberRow extends MemberKey {
  readonly incident_id: string;
  readonly rule: string;
  readonly is_firing: boolean;
  readonly is_latched: boolean;
  readonly mark: string;
  readonly told: 'firing' | 'resolved' | null;
  readonly told_mark: string | null;
  /** When it last began to fire or ended, the newest last. */
  readonly turns: readonly number[];
  readonly every_ms: number;
  readonly changed_at_ms: number;
  readonly is_acknowledged: boolean;
  readonly labels: Labels;
}

/** What is told of an alert. */
export interface PayloadRow extends MemberKey {
  readonly group_name: string;
  readonly payload: NotificationPayload;
}

export interface Member extends GroupAlert {
  readonly row: MemberRow;
}

/** How long an Alertmanager is told again of what is over, as Prometheus does. */
const RESEND_RESOLVED_MS = 900_000;

/** The alerts that a group is told of; those whose end was told are none of them, unless the receiver wants to hear it again. */
export function toMembers(
  rows: readonly MemberRow[],
  group: GroupRow,
  damping: FlapDamping | undefined,
  nowMs: number,
): Member[] {
  const isResent = group.settings.isResent === true;
  return rows
    .filter((row) => isResent || row.is_firing || row.told !== 'resolved' || isFlapping(row, damping, nowMs))
    .map((row) => ({
      row,
      id: `${row.rule_uid} ${row.fingerprint}`,
      labels: row.labels,
      isFiring: row.is_firing,
      mark: row.mark,
      told: row.told === null ? undefined : { as: row.told, mark: row.told_mark ?? '' },
      isLatched: row.is_latched && !isResent,
      isAcknowledged: row.is_acknowledged && !isResent,
      isFlapping: !isResent && isFlapping(row, damping, nowMs),
      isEarly: isEarly(row, group, nowMs),
    }));
}

/** A level of an escalation hears of an alert that has fired for as long as the level waits. */
function isEarly({ is_firing, told, turns }: MemberRow, { settings }: GroupRow, nowMs: number): boolean {
  return settings.level > 0 && is_firing && told === null && nowMs < (turns.at(-1) ?? 0) + settings.groupWaitMs;
}

/** Until it was quiet for as long as it is watched for. */
export function isFlapping({ turns, every_ms }: MemberRow, damping: FlapDamping | undefined, nowMs: number): boolean {
  if (damping === undefined || every_ms === 0) return false;
  return turns.filter((turn) => turn > nowMs - damping.slots * every_ms).length >= damping.changes;
}

/** Whether what is over is still to be known: it may begin again and flap, or is told again. When that ends, in ms; undefined: it is not. */
export function keptUntil(row: MemberRow, group: GroupRow, damping: FlapDamping | undefined, nowMs: number): number | undefined {
  const { turns, every_ms, changed_at_ms } = row;
  const windowMs = (damping?.slots ?? 0) * every_ms;
  const until = group.settings.isResent === true ? changed_at_ms + RESEND_RESOLVED_MS : (turns.at(-1) ?? 0) + windowMs;
  return until > nowMs && (group.settings.isResent === true || turns.length > 1) ? until : undefined;
}

export function toPolicy({ settings, told_at_ms }: GroupRow): GroupPolicy {
  return {
    repeatIntervalMs: settings.repeatIntervalMs ?? Number.POSITIVE_INFINITY,
    mute: settings.mute,
    active: settings.active,
    sendResolved: settings.sendResolved !== false,
    toldAtMs: told_at_ms ?? undefined,
    isResent: settings.isResent === true,
  };
}
