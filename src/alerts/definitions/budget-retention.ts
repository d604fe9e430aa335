// Spending is added up from usage, which is kept as long as rollups, or, where usage is not told apart by the scope, from raw events: a period that is longer
// than they are kept for would lose its first days, and the sum with them be too low. Said at start, beside each such budget in the API, and on the
// command line.

import type { Config } from '../../config.ts';
import { formatDuration } from '../../units.ts';
import type { BudgetDraft } from './budget-schema.ts';

const DAY_MS = 86_400_000;
/** The longest period, with the hour that a change of the clock may add, in whole days. */
const NEEDED_DAYS = { day: 2, week: 8, month: 32 } as const satisfies Record<BudgetDraft['period'], number>;

/** Members of metadata by which usage is told apart: those of keepwatch.usage_labels(). */
export const USAGE_LABELS = [
  'provider',
  'model',
  'team',
  'tenant_id',
  'feature',
  'agent_id',
  'connector_type',
  'resource_type',
] as const;

/** In milliseconds; Infinity: for ever. */
export type Retention = Pick<Config, 'retention' | 'rollupRetention'>;

/** What is wrong with a budget where events and rollups are kept for so long; undefined when all is well, or no rule looks at it. */
export function retentionProblem(
  { name, period, enabled, scope }: Pick<BudgetDraft, 'period' | 'enabled' | 'scope'> & { readonly name: string },
  { retention, rollupRetention }: Retention,
): string | undefined {
  const days = NEEDED_DAYS[period];
  const isUsage = Object.keys(scope).every((member) => (USAGE_LABELS as readonly string[]).includes(member));
  const keepMs = isUsage ? rollupRetention : retention;
  if (!enabled || keepMs >= days * DAY_MS) return undefined;
  const [what, setting] = isUsage ? ['usage', 'KEEPWATCH_ROLLUP_RETENTION'] : ['raw events', 'KEEPWATCH_RETENTION'];
  return (
    `budget "${name}": it adds up the ${what} of a ${period}, kept for ${formatDuration(keepMs)}: late in a ${period} its sum ` +
    `is too low; set ${setting} to ${days}d or more, or choose a shorter period`
  );
}
