// What happened: transitions of series and evaluations of rules, newest first, page by page.
import type { Database } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';
import { cursorBehind, parseCursor } from './page-cursor.ts';

/** A change of state of one series. Times are ISO 8601 in UTC. */
export interface TransitionEntry {
  readonly id: string;
  /** The slot whose evaluation changed the state. */
  readonly time: string;
  readonly group: string;
  readonly rule: string;
  readonly rule_uid: string;
  readonly fingerprint: string;
  readonly incident_id: string;
  readonly from_state: string;
  readonly to_state: string;
  readonly reason: string;
  /** Why nobody was told, although a message was due. */
  readonly suppressed: string | null;
  /** As text, since it may be NaN; null without one. */
  readonly value: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly row: Readonly<Record<string, unknown>>;
}

/** One evaluation of a rule. */
export interface EvaluationEntry {
  readonly slot: string;
  readonly evaluated_at: string;
  readonly duration_ms: number;
  readonly series: number;
  readonly partial: boolean;
  readonly outcome: string;
  readonly sqlstate: string | null;
  readonly error: string | null;
}

interface PageBounds {
  readonly from: Date;
  readonly to: Date;
  readonly limit: number;
  /** Where the last page ended; its range and filters have to be given again. */
  readonly cursor?: string | undefined;
}

export interface TransitionsQuery extends PageBounds {
  /** Name or uid of a rule. */
  readonly rule?: string | undefined;
  /** The state that was reached. */
  readonly state?: string | undefined;
  readonly incident?: string | undefined;
}

export interface EvaluationsQuery extends PageBounds {
  readonly uid: string;
}

const LIST_TRANSITIONS = loadSql('alerts/list-transitions');
const LIST_EVALUATIONS = loadSql('alerts/list-evaluations');
const HAS_EVALUATIONS = loadSql('alerts/has-evaluations');
const ID = /^\d{1,18}$/;

/** A page of transitions. @throws KeepwatchError ERR_USAGE when the cursor is none of ours */
export async function readTransitions(
  database: Database,
  { rule, state, incident, ...bounds }: TransitionsQuery,
): Promise<{ transitions: readonly TransitionEntry[]; cursor?: string }> {
  const filter = { rule: rule ?? null, state: state ?? null, incident: incident ?? null };
  const rows = await database.any<TransitionEntry>(LIST_TRANSITIONS, { ...filter, ...boundsOf(bounds) });
  const page = rows.slice(0, bounds.limit);
  return { transitions: page, ...cursorBehind(rows, bounds.limit, ({ time, id }) => [time, id]) };
}

/** A page of the evaluations of a rule. @throws KeepwatchError ERR_USAGE when the cursor is none of ours */
export async function readEvaluations(
  database: Database,
  { uid, ...bounds }: EvaluationsQuery,
): Promise<{ evaluations: readonly EvaluationEntry[]; cursor?: string }> {
  const rows = await database.any<EvaluationEntry>(LIST_EVALUATIONS, { uid, ...boundsOf(bounds) });
  return { evaluations: rows.slice(0, bounds.limit), ...cursorBehind(rows, bounds.limit, ({ slot }) => [slot, '0']) };
}

/** Whether the rule was evaluated, however long ago. */
export async function wasEvaluated(database: Database, uid: string): Promise<boolean> {
  return (await database.one<{ found: boolean }>(HAS_EVALUATIONS, { uid })).found;
}

function boundsOf({ from, to, limit, cursor }: PageBounds) {
  const [beforeTime, beforeId] = cursor === undefined ? [null, null] : parseCursor(cursor, ID);
  return { from: from.getTime(), to: to.getTime(), limit: limit + 1, beforeTime, beforeId };
}
