// Example rows for the message of an alert that begins to fire: what its rule's context query says of its series. Bounded in number, size and
// time, since they are looked for before a slot is committed; one that fails leaves the message as it is.
import type { Database } from '../db/database.ts';
import { runRulesQuery } from '../db/rules-query.ts';
import { describeError } from '../errors.ts';
import { storableText } from '../storable-text.ts';
import type { DestinationsOf } from './delivery/destination.ts';
import type { Evaluation } from './evaluate.ts';
import { type StoredInstance, type StoredRow, toJson } from './instance-row.ts';
import { type InstanceReader, inKnownBatches } from './known-series.ts';
import { planEvaluation } from './plan-evaluation.ts';
import type { Rule } from './rule.ts';
import type { SlotContext } from './slot-changes.ts';

/** Alerts of a group that get examples in one slot. */
const MAX_ALERTS = 20;
/** For all of them together; a query that has begun may still take its own time. */
const MAX_TOTAL_MS = 5000;
const STATEMENT_TIMEOUT_MS = 2000;
/** Of a row, as JSON. */
const MAX_ROW_BYTES = 2048;
/** Of a text in a row that is too large. */
const MAX_TEXT = 200;

export interface ContextOptions extends Pick<SlotContext, 'group' | 'slot'> {
  /** Connected as keepwatch_rules. */
  readonly rulesDatabase: Database;
  /** Where states are read, before the slot is committed. */
  readonly database: InstanceReader;
  readonly destinationsOf: DestinationsOf;
}

export interface ContextRows {
  /** By fingerprint. */
  readonly examples: ReadonlyMap<string, readonly StoredRow[]>;
  /** By uid of the rule: why there are none. */
  readonly problems: ReadonlyMap<string, string>;
}

/** Finds the alerts that are about to fire and asks for their examples. @throws when the states cannot be read */
export async function readContextRows(evaluations: readonly Evaluation[], options: ContextOptions): Promise<ContextRows> {
  const examples = new Map<string, readonly StoredRow[]>();
  const problems = new Map<string, string>();
  const asked = evaluations.filter(
    ({ rule, series }) => rule.context !== undefined && series.some(({ input }) => input === 'breach'),
  );
  if (asked.length === 0) return { examples, problems };
  const endsAt = performance.now() + MAX_TOTAL_MS;
  let left = MAX_ALERTS;
  for await (const batch of inKnownBatches(options.database, asked)) {
    for (const evaluation of batch.known === undefined ? [] : batch.evaluations) {
      const { rule } = evaluation;
      for (const [fingerprint, labels] of findFiring(evaluation, batch.known?.get(rule.uid), options)) {
        if (left-- <= 0 || performance.now() > endsAt) return { examples, problems };
        try {
          examples.set(fingerprint, await readRows(rule, labels, options));
        } catch (error) {
          problems.set(rule.uid, `context: ${describeError(error)}`);
        }
      }
    }
  }
  return { examples, problems };
}

/** Fingerprint and labels of the series that people are about to be told of. */
function findFiring(
  evaluation: Evaluation,
  known: ReadonlyMap<string, StoredInstance> = new Map(),
  { group, slot, destinationsOf }: ContextOptions,
): Map<string, Readonly<Record<string, string>>> {
  const { changes } = planEvaluation(evaluation, known, {
    ...{ group, slot },
    destinationsOf: (alert) => destinationsOf([evaluation.rule], alert),
  });
  const firing = changes.filter(({ payload }) => payload?.reason === 'firing');
  return new Map(firing.map(({ fingerprint, payload }) => [fingerprint, payload?.labels ?? {}]));
}

async function readRows(
  { context }: Rule,
  labels: Readonly<Record<string, string>>,
  { rulesDatabase, slot }: ContextOptions,
): Promise<StoredRow[]> {
  if (context === undefined) return [];
  const query = { text: context.compiled.text, values: context.compiled.values(slot.slotMs, labels) };
  const limits = { maxRows: context.limit, statementTimeoutMs: STATEMENT_TIMEOUT_MS };
  const { columns, rows } = await runRulesQuery(rulesDatabase, query, limits);
  return rows.map((cells) => bound(Object.fromEntries(columns.map(({ name }, index) => [name, toJson(cells[index] ?? null)]))));
}

/** A row of at most MAX_ROW_BYTES: texts are cut, then whatever comes last is left out. */
function bound(row: StoredRow): StoredRow {
  if (isSmall(row)) return row;
  const kept: Record<string, string | number | null> = {};
  for (const [name, cell] of Object.entries(row)) {
    const cut = typeof cell === 'string' && cell.length > MAX_TEXT ? `${storableText(cell, MAX_TEXT).text}…` : cell;
    if (!isSmall({ ...kept, [name]: cut })) break;
    kept[name] = cut;
  }
  return kept;
}

function isSmall(row: StoredRow): boolean {
  return Buffer.byteLength(JSON.stringify(row)) <= MAX_ROW_BYTES;
}
