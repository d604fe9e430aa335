// What the rows of a query mean: one row is one series, its text columns are labels, its numbers values. Anything else is an error of the rule.
import { createHash } from 'node:crypto';
import type { RulesRows } from '../db/rules-rows.ts';
import { KeepwatchError } from '../errors.ts';
import { unreadNumbers } from './column-lint.ts';
import { type StoredRow, toJson } from './instance-row.ts';
import type { Rule } from './rule.ts';
import { RESERVED_LABELS } from './rule-schema.ts';

/** One row of a query, understood. */
export interface Series {
  /** Hexadecimal SHA-256 of the rule and the labels of the query. */
  readonly fingerprint: string;
  /** The labels of the query and the rule, and alertname; a severity of steps is none of them. */
  readonly labels: Readonly<Record<string, string>>;
  /** Every column. */
  readonly row: StoredRow;
  /** The column `value`, else the first number. */
  readonly value: number | null;
}

/** A series as it is read; conditions are evaluated then, so that its numbers need not be kept. */
export interface ReadSeries extends Series {
  /** The number columns. */
  readonly numbers: ReadonlyMap<string, number | null>;
}

/**
 * Checks that the columns of a rule can be used, and that its conditions and annotations find theirs.
 * @returns what is wrong with annotations, which does not stop the rule
 * @throws KeepwatchError ERR_RULES_INVALID saying how to mend the query
 */
export function checkColumns(rule: Rule, columns: RulesRows['columns']): string[] {
  const names = columns.map(({ name }) => name);
  for (const { name, kind, type } of columns) {
    if (names.indexOf(name) !== names.lastIndexOf(name))
      throw invalid(`the query gives two columns named "${name}"; give each its own name`);
    if (kind === 'other')
      throw invalid(`the column "${name}" is ${type}; allowed: text (a label) or a number; cast it, or leave it out`);
    if (kind === 'text' && RESERVED_LABELS.includes(name)) throw invalid(`the column "${name}" is given by Keepwatch; rename it`);
    if (kind === 'text' && (Object.hasOwn(rule.labels, name) || (name === 'severity' && rule.steps.length > 0)))
      throw invalid(`the column "${name}" is also a label of the rule; rename one of them`);
  }
  const numbers = columns.filter(({ kind }) => kind === 'number').map(({ name }) => name);
  const steps = rule.steps.map(({ fireWhen }, index) => [`steps[${index}].fire_when`, fireWhen] as const);
  const fireWhen = steps.length > 0 ? steps : [['fire_when', rule.fireWhen] as const];
  for (const [key, condition] of [...fireWhen, ['clear_when', rule.clearWhen] as const]) {
    for (const column of condition?.columns ?? []) {
      if (numbers.includes(column)) continue;
      const given = `numbers: ${numbers.length > 0 ? numbers.join(', ') : 'none'}`;
      throw invalid(
        names.includes(column)
          ? `${key}: the column "${column}" is text; the query gives these ${given}`
          : `${key}: there is no column "${column}"; the query gives these ${given}`,
      );
    }
  }
  return Object.entries(rule.annotations).flatMap(([key, annotation]) => {
    const missing = annotation.columns.filter((column) => !names.includes(column));
    return missing.map((column) => `annotation ${key}: there is no column "${column}"; the query gives: ${names.join(', ')}`);
  });
}

/**
 * The series of a result, in its order; one by one, as a large result takes a while.
 * @throws KeepwatchError ERR_RULES_INVALID when two rows are the same series
 */
export function* toSeries(rule: Rule, { columns, rows }: RulesRows): Generator<ReadSeries> {
  const seen = new Set<string>();
  for (const cells of rows) {
    const row = Object.fromEntries(columns.map(({ name }, index) => [name, toJson(cells[index] ?? null)]));
    const own: Record<string, string> = {};
    const numbers = new Map<string, number | null>();
    for (const [index, { name, kind }] of columns.entries()) {
      const cell = cells[index] ?? null;
      if (kind === 'number') numbers.set(name, cell as number | null);
      else if (cell !== null && cell !== '') own[name] = String(cell);
    }
    const fingerprint = fingerprintOf(rule, own);
    if (seen.has(fingerprint)) throw twins(rule, columns, own);
    seen.add(fingerprint);
    const value = numbers.get('value') ?? (numbers.has('value') ? null : ([...numbers.values()][0] ?? null));
    yield { fingerprint, labels: labelsOf(rule, own), row, numbers, value };
  }
}

/** The labels of an alert; `own` are those of its series. */
export function labelsOf(rule: Pick<Rule, 'name' | 'labels'>, own: Readonly<Record<string, string>>): Record<string, string> {
  return { ...own, ...rule.labels, alertname: rule.name };
}

/**
 * Names a series for as long as its rule lives: by the uid alone, as a rule that keeps its uid may be renamed and moved to another group.
 * The uid counts as what stands before its first slash and what behind it: so a rule without a uid of its own has been named since there are uids.
 */
export function fingerprintOf({ uid }: Pick<Rule, 'uid'>, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const slash = uid.indexOf('/');
  const names = slash < 0 ? [uid] : [uid.slice(0, slash), uid.slice(slash + 1)];
  return createHash('sha256')
    .update(JSON.stringify([...names, pairs]))
    .digest('hex');
}

/** First 8 bytes of the SHA-256 of what a rule asks for, in hexadecimal. */
export function queryHash({ query, params }: Pick<Rule, 'query' | 'params'>): string {
  return createHash('sha256')
    .update(JSON.stringify([query, params]))
    .digest('hex')
    .slice(0, 16);
}

/** The id of the incident of a series that begins in a slot: the same wherever and however often it is computed (a UUID of version 8). */
export function incidentIdOf(fingerprint: string, slotMs: number): string {
  return uuidOf(`${fingerprint}:${slotMs}`);
}

/** The UUID (of version 8) that a text has. */
export function uuidOf(text: string): string {
  const hash = createHash('sha256').update(text).digest();
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x80, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  return hash.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A number that nothing reads may have been meant to tell the two apart. */
function twins(rule: Rule, columns: RulesRows['columns'], own: Readonly<Record<string, string>>): KeepwatchError {
  const unread = unreadNumbers(rule, columns).map((name) => `"${name}"`);
  const numbers = `${unread.join(', ')} ${unread.length === 1 ? 'is a number' : 'are numbers'}, which no condition reads`;
  const hint = unread.length === 0 ? '' : `; ${numbers}: cast to text what tells series apart, and group by it`;
  return invalid(`two rows have the same labels ${JSON.stringify(own)}; group by all text columns${hint}`);
}

function invalid(message: string): KeepwatchError {
  return new KeepwatchError('ERR_RULES_INVALID', message);
}
