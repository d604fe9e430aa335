// A rule whose rows a test makes up, slot by slot: the query is a list of values, the identity of the rule stays the same.
import type { RuleGroup } from '../../src/alerts/rule.ts';
import { parseRules } from './alerts.ts';

export interface InputRow {
  readonly name: string;
  readonly value: number | null;
}

/** The SQL of a rule that gives these rows. */
export function selectRows(rows: readonly InputRow[]): string {
  if (rows.length === 0) return `select 'a'::text as name, 0::float8 as value where false`;
  const values = rows.map(({ name, value }) => `('${name}'::text, ${value === null ? 'null' : value}::float8)`);
  return `select name, value from (values ${values.join(', ')}) as given (name, value)`;
}

/** SQL of a rule that has no answer: SQLSTATE 22012. */
export const NO_ANSWER = `select 'a'::text as name, (1 / 0)::float8 as value`;

export interface RuleText {
  readonly alert?: string;
  readonly query: string;
  readonly [key: string]: unknown;
}

/** One group `g` of these rules, every minute. By default they fire above 10. */
export function groupOf(...rules: readonly RuleText[]): RuleGroup {
  const complete = rules.map((rule) => ({
    alert: 'R',
    ...('steps' in rule ? {} : { fire_when: 'value > 10' }),
    annotations: { summary: '$' + '{name} is $' + '{value}' },
    ...rule,
  }));
  const [group] = parseRules(JSON.stringify({ groups: [{ name: 'g', every: '1m', rules: complete }] }));
  if (group === undefined) throw new Error('no group');
  return group;
}
