// Rules for Prometheus with one thing wrong: a bound, a window, a comparison, a function, a label, a part of a condition, `for`, or the rule itself.
import { parser } from '@prometheus-io/lezer-promql';
import type { PrometheusRule } from './promql.ts';

export interface RuleGroup {
  readonly name: string;
  readonly interval?: string;
  readonly rules: readonly Omit<PrometheusRule, 'file'>[];
}

export interface RuleMutant {
  /** Rule and change, such as `SloBurns: expr 12: > as <`. The same text in a rule is told apart by where it stands. */
  readonly what: string;
  readonly groups: readonly RuleGroup[];
}

interface Change {
  readonly what: string;
  readonly expr: string;
}

/** What is put in place of a token; by the name of its node. */
const TOKENS: Readonly<Record<string, readonly string[]>> = {
  Gtr: ['<', '>='],
  Gte: ['>', '<'],
  Lss: ['>', '<='],
  Eql: ['!='],
  Neq: ['=='],
  And: ['or', 'unless'],
  Or: ['and'],
  Unless: ['and'],
  Add: ['-'],
  Sub: ['+'],
  Mul: ['/'],
  Div: ['*'],
};
const FUNCTIONS: Readonly<Record<string, string>> = {
  rate: 'increase',
  increase: 'rate',
  changes: 'resets',
  sum: 'max',
  avg_over_time: 'max_over_time',
  sum_over_time: 'avg_over_time',
};
const MATCHES: Readonly<Record<string, string>> = { '=': '!=', '!=': '=', '=~': '!~', '!~': '=~' };
const SET_OPERATORS: ReadonlySet<string> = new Set(['And', 'Or', 'Unless']);
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** All of a rule file. */
export function mutantsOf(groups: readonly RuleGroup[]): RuleMutant[] {
  return groups.flatMap((group, at) =>
    group.rules.flatMap((rule, index) => {
      const put = (...rules: RuleGroup['rules']): RuleGroup[] =>
        groups.with(at, { ...group, rules: group.rules.toSpliced(index, 1, ...rules) });
      const name = [rule.alert ?? rule.record, ...(rule.record === undefined ? [] : Object.values(rule.labels ?? {}))].join(' ');
      return [
        { what: `${name}: left out`, groups: put() },
        ...changesOf(String(rule.expr)).map(({ what, expr }) => ({ what: `${name}: ${what}`, groups: put({ ...rule, expr }) })),
        ...waitsOf(rule).map((wait) => ({
          what: `${name}: for ${rule.for ?? '0s'} as ${wait}`,
          groups: put({ ...rule, for: wait }),
        })),
      ];
    }),
  );
}

function waitsOf({ alert, for: wait }: Omit<PrometheusRule, 'file'>): string[] {
  if (alert === undefined) return [];
  return wait === undefined ? ['5m'] : ['0s', scaled(wait, 0.5), scaled(wait, 2)];
}

function changesOf(expr: string): Change[] {
  const changes: Change[] = [];
  parser.parse(expr).iterate({
    enter({ name, from, to, node }) {
      const text = expr.slice(from, to);
      const put = (by: string, begin = from, end = to) => {
        const changed = expr.slice(0, begin) + by + expr.slice(end);
        if (changes.some((change) => change.expr === changed)) return;
        const line = expr.slice(begin, end).replace(/\s+/g, ' ');
        changes.push({ what: `expr ${begin}: ${line} as ${by || 'nothing'}`, expr: changed });
      };
      const parent = node.parent?.name ?? '';
      if (name === 'NumberDurationLiteral')
        for (const by of Number(text) === 0 ? [1] : [2, 0.5]) put(String(Number(text) * by || by));
      if (name === 'NumberDurationLiteralInDurationContext') for (const by of [2, 0.5]) put(scaled(text, by));
      if (parent === 'MatchOp') return;
      if (name === 'MatchOp') put(MATCHES[text] ?? text);
      for (const by of TOKENS[name] ?? []) put(by);
      const other = FUNCTIONS[text];
      if (other !== undefined && (name === 'FunctionIdentifier' || name === 'AggregateOp')) put(other);
      // Together with the comma behind it, or before it when it is the last one.
      if (name === 'UnquotedLabelMatcher' || (name === 'LabelName' && parent === 'GroupingLabels')) {
        const behind = /^\s*,\s*/.exec(expr.slice(to))?.[0].length ?? 0;
        const before = behind > 0 ? 0 : (/\s*,\s*$/.exec(expr.slice(0, from))?.[0].length ?? 0);
        put('', from - before, to + behind);
      }
      const { firstChild, lastChild, from: begin, to: end } = node.parent ?? node;
      for (const side of SET_OPERATORS.has(name) ? [firstChild, lastChild] : [])
        if (side !== null) put(expr.slice(side.from, side.to), begin, end);
    },
  });
  return changes;
}

/** A duration of one unit, such as `15m`. */
function scaled(duration: string, by: number): string {
  const [, count = '', unit = ''] = /^(\d+)([smhd])$/.exec(duration) ?? [];
  const seconds = Number(count) * (UNITS[unit] ?? Number.NaN) * by;
  if (!Number.isInteger(seconds)) throw new Error(`no duration of one unit: ${duration}`);
  return `${seconds}s`;
}
