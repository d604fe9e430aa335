// 100,000 alerts in one slot: rules that give 1,000 series each, all of which breach.
import type { RuleGroup } from '../../src/alerts/rule.ts';
import { readRules } from '../../src/alerts/rule-file.ts';

export const STORM_ALERTS = 100_000;
const RULES = 100;
const GROUPS = 10;

/** Names of rules: `Alert0` … */
export function stormRules(): readonly RuleGroup[] {
  const series = STORM_ALERTS / RULES;
  const rule = (index: number) => `      - alert: Alert${index}
        query: select 'series ' || n as name, 'host ' || n % 50 as host, 20 as value from generate_series(1, ${series}) n
        fire_when: value > 10
        max_messages: ${series}
        annotations: { summary: "{{ name }} of {{ host }} is at {{ value }}, which is more than it should be, and has been so for a while" }`;
  const groups = Array.from({ length: GROUPS }, (_, group) => {
    const rules = Array.from({ length: RULES / GROUPS }, (__, index) => rule((group * RULES) / GROUPS + index));
    return `  - name: group${group}\n    every: 10m\n    rules:\n${rules.join('\n')}`;
  });
  const { groups: read, problems } = readRules(`groups:\n${groups.join('\n')}`, 'storm.yaml');
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join('\n'));
  return read;
}
