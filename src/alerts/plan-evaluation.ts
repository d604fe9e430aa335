// What an evaluation does to the series of its rule: those with a row, those without (known or expected), and the rule as a whole when its query
// gives no row at all. Pure. A slot that the archive has only in part resolves nothing, and nothing is missing in it. What breaches in it fires:
// failures and slowness were measured, of as many events as the rule asks for, and who waits for a sick archive hears of nothing. That something is
// too little (`partial: hold`) was not: what is still to come can only add to a count.
import type { EvaluatedSeries, Evaluation } from './evaluate.ts';
import { type Seen, type StoredInstance, toJson } from './instance-row.ts';
import type { Rule } from './rule.ts';
import { fingerprintOf, labelsOf } from './series.ts';
import { applyInput, createChanges, type SlotChanges, type SlotContext, watchesOk } from './slot-changes.ts';

/** Label of the alert of a rule that gives no row and knows no series. */
const NO_DATA = { keepwatch_condition: 'no_data' };

/**
 * Works out what an evaluation changes.
 * @param known every series of the rule that is not ok, and of one that watches its ok series those too; by fingerprint
 */
export function planEvaluation(
  { rule, outcome, series, expected }: Evaluation,
  known: ReadonlyMap<string, StoredInstance>,
  options: Omit<SlotContext, 'changes'>,
): SlotChanges {
  const context: SlotContext = { ...options, changes: createChanges() };
  // An error is an input that changes nothing, to every series.
  if (outcome === 'error') return context.changes;
  const rows = new Set<string>();
  const isWatched = watchesOk(rule);
  for (const one of series) {
    rows.add(one.fingerprint);
    const input = context.slot.isPartial ? inputOfPart(rule, one) : one.input;
    // Nothing is known of it, and nothing has to be: 20,000 of these are most of what a large rule costs.
    if (input !== 'breach' && !isWatched && !known.has(one.fingerprint)) {
      context.changes.ok++;
      continue;
    }
    const seen = toSeen(one, context.slot.slotMs);
    const state = applyInput(rule, known.get(one.fingerprint), { input, step: one.step, seen }, context);
    if (state === 'ok') context.changes.ok++;
  }
  // What may still come is not missing, nor is anything where nobody knows what is expected: that too is an answer which is not there.
  if (context.slot.isPartial || expected === undefined) return context.changes;
  const noData = fingerprintOf(rule, NO_DATA);
  const expectations = findExpected(rule, { series, expected, rows });
  // In an order of its own: whom people are not told of, when there are too many, is no matter of how Postgres keeps them.
  const absent = [...known.values()]
    .filter(({ fingerprint }) => !rows.has(fingerprint) && fingerprint !== noData && !expectations.there.has(fingerprint))
    .sort((one, other) => (one.fingerprint < other.fingerprint ? -1 : 1));
  applyThere(
    rule,
    [...expectations.there].flatMap((fingerprint) => known.get(fingerprint) ?? []),
    context,
  );
  applyAbsent(rule, absent, series.length === 0, context);
  const isUnknown = ([fingerprint]: readonly [string, unknown]) => !known.has(fingerprint);
  applyUnseen(rule, [...expectations.missing].filter(isUnknown), series.length === 0, context);
  const isEmpty = absent.length === 0 && expectations.missing.size === 0;
  applyNoData(rule, known.get(noData), { fingerprint: noData, hasRows: series.length > 0, isEmpty }, context);
  return context.changes;
}

/** What a row of a slot that the archive has only in part says. */
function inputOfPart({ partial }: Rule, { input }: EvaluatedSeries): EvaluatedSeries['input'] {
  return input === 'clear' || partial === 'hold' ? 'hold' : input;
}

function toSeen({ fingerprint, labels, row, value }: EvaluatedSeries, slotMs: number): Seen {
  return { fingerprint, labels, row, value: toJson(value), last_slot_ms: slotMs };
}

/** Known series without a row. One that is ok has nothing to lose where the rule says `keep` or `ok`. */
function applyAbsent(rule: Rule, absent: readonly StoredInstance[], hasNoRows: boolean, context: SlotContext): void {
  const absence = hasNoRows ? rule.noData : rule.missing;
  for (const stored of absent) {
    if (stored.state === 'ok' && (absence.policy === 'keep' || absence.policy === 'ok')) continue;
    applyInput(rule, stored, { input: 'missing', step: -1, seen: stored, absence }, context);
  }
}

/** By fingerprint. */
interface Expectations {
  /** No row has these labels. */
  readonly missing: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** A row has these labels, and more. */
  readonly there: ReadonlySet<string>;
}

/** An expected label set is there when a row has all of its labels; one that is the same as a row's is that series. */
function findExpected(
  rule: Rule,
  { series, expected, rows }: { [Key in 'series' | 'expected']: NonNullable<Evaluation[Key]> } & { rows: ReadonlySet<string> },
): Expectations {
  const missing = new Map<string, Readonly<Record<string, string>>>();
  const there = new Set<string>();
  for (const labels of expected) {
    const fingerprint = fingerprintOf(rule, labels);
    if (rows.has(fingerprint)) continue;
    const pairs = Object.entries(labels);
    if (series.some(({ row }) => pairs.every(([name, value]) => row[name] === value))) there.add(fingerprint);
    else missing.set(fingerprint, labels);
  }
  return { missing, there };
}

/** What was missing, and is there by a row with more labels. */
function applyThere(rule: Rule, stored: readonly StoredInstance[], context: SlotContext): void {
  for (const one of stored)
    if (one.state !== 'ok' || one.missed > 0) applyInput(rule, one, { input: 'clear', step: -1, seen: one }, context);
}

/** What is expected and never had a row. */
function applyUnseen(
  rule: Rule,
  missing: readonly (readonly [string, Readonly<Record<string, string>>])[],
  hasNoRows: boolean,
  context: SlotContext,
): void {
  const absence = hasNoRows ? rule.noData : rule.missing;
  for (const [fingerprint, labels] of missing) {
    const seen = bare(rule, fingerprint, labels, context.slot.slotMs);
    applyInput(rule, undefined, { input: 'missing', step: -1, seen, absence }, context);
  }
}

/** The alert of the rule itself, when nobody else can say that there is no row. */
function applyNoData(
  rule: Rule,
  stored: StoredInstance | undefined,
  { fingerprint, hasRows, isEmpty }: { fingerprint: string; hasRows: boolean; isEmpty: boolean },
  context: SlotContext,
): void {
  const isWatched = rule.noData.policy === 'alert' || rule.noData.policy === 'nodata';
  if (!hasRows && !isEmpty) return;
  if (hasRows ? stored === undefined || stored.state === 'ok' : !isWatched) return;
  const seen = stored ?? bare(rule, fingerprint, NO_DATA, context.slot.slotMs);
  applyInput(rule, stored, { input: hasRows ? 'clear' : 'missing', step: -1, seen, absence: rule.noData }, context);
}

/** What is known of a series that never had a row. */
function bare(rule: Rule, fingerprint: string, labels: Readonly<Record<string, string>>, slotMs: number): Seen {
  return { fingerprint, labels: labelsOf(rule, labels), row: labels, value: null, last_slot_ms: slotMs };
}
