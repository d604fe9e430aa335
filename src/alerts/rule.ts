// What a rule is, once its file has been read and checked. No behaviour here.
import type { Annotation } from './annotation.ts';
import type { Condition } from './condition.ts';
import type { CompiledQuery, ParameterValue } from './parameters.ts';

/** Rules that are evaluated together, for the same slots. */
export interface RuleGroup {
  readonly name: string;
  /** Distance of the slots, aligned to the epoch; at least 1000. */
  readonly everyMs: number;
  readonly file: string;
  readonly rules: readonly Rule[];
}

export interface Rule {
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
  readonly forMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, Annotation>>;
  /** Receivers by name; undefined: the default route. */
  readonly notify: readonly string[] | undefined;
}
