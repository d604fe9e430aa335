// Targets beside code as a rule: what is slower than its code says it may be is an alert, without anybody having written one. One rule for all of
// them, which reads keepwatch.targets: a service with a thousand targets costs one query, and one that changes its limits no new rule set.
import type { RuleGroup } from '../rule.ts';
import { TARGET_FILE, TARGET_GROUP } from '../rule-defaults.ts';
import { readRules } from '../rule-file.ts';

/** With fewer executions in the window a quantile says nothing: nothing fires. */
const LEAST_EVENTS = 20;

const QUERY = `select targets.service, targets.type, targets.name, 'p' || trim_scale((targets.quantile * 100)::numeric(6, 2)) as quantile,
  targets.limit_ms, count(metrics.id) as events, percentile_disc(targets.quantile) within group (order by metrics.duration_ms) as value
from keepwatch.targets
left join keepwatch.observability_metrics as metrics
  on metrics.service = targets.service and metrics.type = targets.type and metrics.name = targets.name
  and metrics.end_time >= :now - :window and metrics.end_time < :now and metrics.status <> 'aborted'
where targets.last_seen_at > :now - :holds
group by targets.service, targets.type, targets.name, targets.quantile, targets.limit_ms`;

const RULES = {
  groups: [
    {
      name: TARGET_GROUP,
      every: '1m',
      rules: [
        {
          alert: 'TargetMissed',
          query: QUERY,
          params: { window: '5m', holds: '7d' },
          fire_when: `value > limit_ms and events >= ${LEAST_EVENTS}`,
          clear_when: 'value <= limit_ms',
          for: '5m',
          // A target has a row for as long as it holds: without one, its alert is over.
          missing: { policy: 'ok', after: 1 },
          no_data: { policy: 'ok', after: 1 },
          labels: { severity: 'warning' },
          annotations: {
            summary:
              // biome-ignore lint/suspicious/noTemplateCurlyInString: an annotation is a template
              '${service} ${type} ${name}: ${quantile} is ${value|ms}, its target ${limit_ms|ms} (${events} executions in 5 minutes)',
          },
        },
      ],
    },
  ],
};

/** @throws KeepwatchError ERR_RULES_INVALID never: the text is ours */
export function createTargetGroup(): RuleGroup {
  const { groups, problems } = readRules(JSON.stringify(RULES), TARGET_FILE);
  const [group] = groups;
  if (group === undefined || problems.length > 0) throw new Error(problems.map(({ message }) => message).join('; '));
  return group;
}
