// The alert RuleError: one per group and SQLSTATE, however many rules have no answer for that reason. It goes through the state machine as any
// other: pending for as long as the rules say (`on_error.after`), over with the first slot without that error.
import { parseCondition } from './condition.ts';
import type { DestinationsOf } from './delivery/destination.ts';
import type { Evaluation } from './evaluate.ts';
import type { StoredInstance } from './instance-row.ts';
import type { Rule, RuleGroup } from './rule.ts';
import { OWN_UID } from './rule-defaults.ts';
import { fingerprintOf, labelsOf } from './series.ts';
import { applyInput, createChanges, type SlotChanges, type SlotContext } from './slot-changes.ts';

const NAME = 'RuleError';
const FIRE_WHEN = parseCondition('errors > 0');
/** Names shown in a message at most. */
const MAX_NAMES = 10;
/** The label `sqlstate` of what Postgres did not say: too many rows, columns that cannot be used, no connection. */
const NO_SQLSTATE = 'none';

/** The uid that alerts of a group's errors are kept under. */
export function ruleErrorUid(groupName: string): string {
  return `${OWN_UID}rule-error/${groupName}`;
}

/**
 * Works out what the errors of a slot change.
 * @param known the RuleErrors of the group, by fingerprint
 * @param destinationsOf where messages of rules go; those of RuleError go to all who hear of rules that say `alert`
 */
export function planRuleErrors(
  evaluations: readonly Evaluation[],
  known: ReadonlyMap<string, StoredInstance>,
  options: Omit<SlotContext, 'changes' | 'destinationsOf'>,
  destinationsOf: DestinationsOf,
): SlotChanges {
  const watched = evaluations.filter(({ rule }) => rule.onError.policy === 'alert');
  const all = watched.length > 0 ? watched : evaluations;
  const rules = all.map(({ rule }) => rule);
  const context: SlotContext = {
    ...options,
    destinationsOf: (alert) => destinationsOf(rules, alert),
    firingReason: 'error',
    changes: createChanges(),
  };
  const base = all[0]?.rule;
  if (base === undefined) return context.changes;
  const open = new Map([...known].filter(([, { state }]) => state !== 'ok'));
  const failed = new Map<string, Evaluation[]>();
  for (const evaluation of watched) {
    // One whose `expect` has no answer misses nothing: of that nobody hears otherwise.
    if (evaluation.outcome === 'ok' && evaluation.expected !== undefined) continue;
    const sqlstate = evaluation.sqlstate ?? NO_SQLSTATE;
    failed.set(sqlstate, [...(failed.get(sqlstate) ?? []), evaluation]);
  }
  for (const [sqlstate, errors] of failed) {
    const rule = toRule(base, context.group, {
      afterMs: Math.min(...errors.map((one) => one.rule.onError.afterMs)),
      texts: textsOf(context.group, errors),
    });
    const own = { group: context.group.name, sqlstate };
    const fingerprint = fingerprintOf(rule, own);
    open.delete(fingerprint);
    const row = { ...own, errors: errors.length };
    const seen = { fingerprint, labels: labelsOf(rule, own), row, value: errors.length, last_slot_ms: context.slot.slotMs };
    applyInput(rule, known.get(fingerprint), { input: 'breach', step: -1, seen }, context);
  }
  for (const stored of open.values())
    applyInput(
      toRule(base, context.group, { afterMs: 0, texts: stored.annotations }),
      stored,
      { input: 'clear', step: -1, seen: stored },
      context,
    );
  return context.changes;
}

function textsOf(group: Pick<RuleGroup, 'name'>, errors: readonly Evaluation[]): Record<string, string> {
  const names = errors.map(({ rule }) => rule.name);
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
  return {
    summary: `rules of the group ${group.name} have no answer: ${names.slice(0, MAX_NAMES).join(', ')}${more}`,
    error: errors[0]?.error ?? '',
  };
}

/** What the state machine and messages need of a rule. */
function toRule(
  base: Rule,
  group: Pick<RuleGroup, 'name'>,
  { afterMs, texts }: { afterMs: number; texts: Readonly<Record<string, string>> },
): Rule {
  return {
    ...base,
    uid: ruleErrorUid(group.name),
    name: NAME,
    labels: { severity: 'warning' },
    fireWhen: FIRE_WHEN,
    clearWhen: undefined,
    steps: [],
    for: { ms: afterMs },
    keepFiringForMs: 0,
    missing: { policy: 'keep', after: 1 },
    noData: { policy: 'keep', after: 1 },
    latch: false,
    maxMessages: Number.POSITIVE_INFINITY,
    annotations: Object.fromEntries(
      Object.entries(texts).map(([name, text]) => [name, { text, columns: [], render: () => ({ text, problems: [] }) }]),
    ),
  };
}
