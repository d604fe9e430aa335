// A row of alert_instance, and the state that it holds. What is written of a series that is ok, of a rule that misses its series: a sign of life now
// and then. Of other rules there are no rows of series that are ok.
import type { ColumnValue } from './annotation.ts';
import type { Rule } from './rule.ts';
import type { AlertInstance, State } from './state.ts';

/** A row of a series as JSON keeps it: what is not finite is text. */
export type StoredRow = Readonly<Record<string, string | number | null>>;

/** What alert_instance says of a series. Times are ms since the epoch. */
export interface StoredInstance {
  /** The group that evaluated the rule last. */
  readonly group_name: string;
  readonly rule_uid: string;
  readonly rule: string;
  /** Hexadecimal. */
  readonly fingerprint: string;
  readonly state: State;
  readonly incident_id: string | null;
  readonly active_at_ms: number | null;
  readonly fired_at_ms: number | null;
  readonly ran_at_ms: number | null;
  readonly held_ms: number;
  readonly history: number;
  readonly missed: number;
  readonly step: number;
  readonly told_step: number;
  readonly is_told: boolean;
  readonly suppressed: string | null;
  readonly last_slot_ms: number;
  /** What is not finite is text, as in `row`. */
  readonly value: number | string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly row: StoredRow;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What a slot shows of a series; for one without a row, what is known of it. */
export type Seen = Pick<StoredInstance, 'fingerprint' | 'labels' | 'row' | 'value' | 'last_slot_ms'>;

/** A series in which nothing changes is written when its last_slot is as old as this, up to twice: its share of an hour spreads the writes. */
const SIGN_OF_LIFE_MS = 3_600_000;

/** The state in a row. */
export function toInstance(stored: StoredInstance): AlertInstance {
  return {
    state: stored.state,
    incidentId: stored.incident_id ?? undefined,
    activeAtMs: stored.active_at_ms ?? undefined,
    firedAtMs: stored.fired_at_ms ?? undefined,
    heldMs: stored.held_ms,
    ranAtMs: stored.ran_at_ms ?? undefined,
    missed: stored.missed,
    history: stored.history,
    step: stored.step,
    toldStep: stored.told_step,
    isTold: stored.is_told,
  };
}

/** What else a row says: labels with the severity that holds, annotations where people see them. */
interface Described extends Pick<StoredInstance, 'group_name' | 'labels' | 'annotations' | 'suppressed'> {
  readonly seen: Seen;
}

/** The row of a state; member by member, as it is made by the ten thousand. */
export function toStored(rule: Pick<Rule, 'uid' | 'name'>, instance: AlertInstance, described: Described): StoredInstance {
  const { seen } = described;
  return {
    group_name: described.group_name,
    rule_uid: rule.uid,
    rule: rule.name,
    fingerprint: seen.fingerprint,
    state: instance.state,
    incident_id: instance.incidentId ?? null,
    active_at_ms: instance.activeAtMs ?? null,
    fired_at_ms: instance.firedAtMs ?? null,
    ran_at_ms: instance.ranAtMs ?? null,
    held_ms: instance.heldMs,
    history: instance.history,
    missed: instance.missed,
    step: instance.step,
    told_step: instance.toldStep,
    is_told: instance.isTold,
    suppressed: described.suppressed,
    last_slot_ms: seen.last_slot_ms,
    value: seen.value,
    labels: described.labels,
    row: seen.row,
    annotations: described.annotations,
  };
}

/** Whether a series whose state did not change has to be written all the same. */
export function isWorthWriting(before: StoredInstance, after: StoredInstance): boolean {
  const ageMs = after.last_slot_ms - before.last_slot_ms;
  const isOld = ageMs >= SIGN_OF_LIFE_MS * (1 + Number.parseInt(after.fingerprint.slice(0, 2), 16) / 256);
  // Whoever moves or renames a rule finds its series where it is now.
  const isMoved = before.group_name !== after.group_name || before.rule !== after.rule;
  if (after.state === 'ok') return isOld || isMoved;
  return (
    isOld ||
    isMoved ||
    before.value !== after.value ||
    before.suppressed !== after.suppressed ||
    !isSame(before.row, after.row) ||
    !isSame(before.labels, after.labels) ||
    !isSame(before.annotations, after.annotations)
  );
}

/** Whatever the order of their members: jsonb has its own. */
function isSame(a: StoredRow, b: StoredRow): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** JSON has no NaN and no infinity: they become text, which Postgres reads as numbers again. */
export function toJson<T extends ColumnValue>(cell: T): T | string {
  return typeof cell === 'number' && !Number.isFinite(cell) ? String(cell) : cell;
}

/** A row as annotations read it. */
export function toCells(row: StoredRow): ReadonlyMap<string, ColumnValue> {
  return new Map(Object.entries(row).map(([name, cell]) => [name, NOT_FINITE.has(cell) ? Number(cell) : cell]));
}

const NOT_FINITE: ReadonlySet<unknown> = new Set(['NaN', 'Infinity', '-Infinity']);
