// What a rule means that does not say.
import type { Rule } from './rule.ts';

export const RULE_DEFAULTS = {
  for: { ms: 0 },
  keepFiringForMs: 0,
  missing: { policy: 'keep', after: 1 },
  noData: { policy: 'keep', after: 1 },
  onError: { policy: 'keep', afterMs: 300_000 },
  latch: false,
  maxMessages: 500,
  expect: [],
} as const satisfies Partial<Rule>;
