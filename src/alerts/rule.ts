// What a rule is, once its file has been read and checked. No behaviour here.
import type { Annotation } from './annotation.ts';
import type { Condition } from './condition.ts';
import type { ParameterValue } from './parameter-bindings.ts';
import type { CompiledQuery } from './parameters.ts';

/** How long the condition has to hold before an alert fires: for a time (0: at once), or in `samples` of the last `of` slots. */
export type ForPolicy = { readonly ms: number } | { readonly samples: number; readonly of: number };

/**
 * What becomes of a series without a row, once it has been without one for `after` slots. `keep`: its state stays; `ok`: it is over, reason
 * `missing`; `alert`: that is a breach; `nodata`: its state is nodata until a row comes.
 */
export interface AbsencePolicy {
  readonly policy: 'keep' | 'ok' | 'alert' | 'nodata';
  /** Slots in a row; at least 1. */
  readonly after: number;
}

/** One severity of a rule with steps; a later step is the worse one. */
export interface SeverityStep {
  /** Value of the label `severity`. */
  readonly severity: string;
  readonly fireWhen: Condition;
}

/** Rules that are evaluated together, for the same slots. */
export interface RuleGroup {
  readonly name: string;
  /** Distance of the slots, aligned to the epoch; at least 1000. */
  readonly everyMs: number;
  /** How long a slot waits for the archive before it is evaluated as partial. */
  readonly maxWaitMs: number;
  readonly file: string;
  readonly rules: readonly Rule[];
}

/** A query beside that of the rule. */
export interface OwnQuery {
  /** As it stands in the file. */
  readonly query: string;
  /** Line of its first line; undefined where YAML folded its lines, or where it is not in the file. */
  readonly queryLine: number | undefined;
  readonly compiled: CompiledQuery;
}

export interface Rule {
  /** Names the rule for as long as it lives, whatever it is called: unique among all rules. Default: group/alert. */
  readonly uid: string;
  /** The label `alertname`; unique in its group. */
  readonly name: string;
  readonly file: string;
  /** Line of the rule in its file. */
  readonly line: number;
  /** The query as it stands in the file. */
  readonly query: string;
  /** Line of the first line of the query; undefined where YAML folded its lines. */
  readonly queryLine: number | undefined;
  readonly params: Readonly<Record<string, ParameterValue>>;
  readonly compiled: CompiledQuery;
  readonly fireWhen: Condition;
  /** Undefined: when fire_when is false. */
  readonly clearWhen: Condition | undefined;
  /** Severities, mildest first; empty: fireWhen alone decides. With steps fireWhen is that of any step. */
  readonly steps: readonly SeverityStep[];
  readonly for: ForPolicy;
  /** How long an alert goes on firing (as `recovering`) after it cleared; 0: not at all. */
  readonly keepFiringForMs: number;
  /** A known or expected series has no row, while others have. */
  readonly missing: AbsencePolicy;
  /** The query gives no row at all. */
  readonly noData: AbsencePolicy;
  /** The rule has no answer: state stays; with `alert`, one alert RuleError per group and SQLSTATE after this time. */
  readonly onError: { readonly policy: 'keep' | 'alert'; readonly afterMs: number };
  /** What a breach means in a slot that the archive has only in part; `hold`: nothing, as what is still to come may end it. */
  readonly partial: 'evaluate' | 'hold';
  /** True: a series that has fired fires until its labels change, and tells each step once. */
  readonly latch: boolean;
  /** Messages of one slot at most; states are kept for all series. */
  readonly maxMessages: number;
  /** Run once when an alert begins to fire: example rows for its message. */
  readonly context: (OwnQuery & { readonly limit: number }) | undefined;
  /** Label sets that have to be there: known series from the first slot on. */
  readonly expect: readonly Readonly<Record<string, string>>[] | OwnQuery;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, Annotation>>;
  /** Receivers by name; undefined: the default route. */
  readonly notify: readonly string[] | undefined;
}
