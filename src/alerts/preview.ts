// What a query or a rule would say now, without keeping anything: for whoever writes one. Runs as rules run: as their role, with their limits, and
// a rule as of its newest slot.
import { type Database, isConnectionError, sqlState } from '../db/database.ts';
import { explainRulesQuery, QUERY_CANCELED, queryErrorLine, type RulesQuery, runRulesQuery } from '../db/rules-query.ts';
import type { RulesColumn } from '../db/rules-rows.ts';
import { describeError, KeepwatchError } from '../errors.ts';
import { lintColumns } from './column-lint.ts';
import { checkDraft } from './definitions/check-draft.ts';
import { compileDraft } from './definitions/rule-draft.ts';
import { previewSchema } from './definitions/rule-draft-schema.ts';
import { evaluateRule, MAX_SERIES } from './evaluate.ts';
import { compileQuery } from './parameters.ts';
import type { Rule } from './rule.ts';
import { slotAt } from './slots.ts';

type Cell = string | number | null;

/** A row of the query; with a rule, the series that it is. */
export interface PreviewRow {
  readonly row: Readonly<Record<string, Cell>>;
  /** The column `value`, else the first number; null without one, or where it is no finite number. */
  readonly value: number | null;
  /** Of a rule. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Of a rule: whether fire_when or clear_when holds. */
  readonly condition?: 'breach' | 'clear' | 'hold';
}

export interface Preview {
  /** What `:now` was, of a rule its slot. ISO 8601. */
  readonly at: string;
  readonly duration_ms: number;
  /** Of the first row. */
  readonly value: number | null;
  readonly row_count: number;
  /** Of a query: there are more rows than were read. */
  readonly is_truncated: boolean;
  /** The first ones; texts of at most 500 characters. */
  readonly rows: readonly PreviewRow[];
  /** Of a rule: rows that breach. */
  readonly breaches?: number;
  /** As the planner of Postgres sees it. */
  readonly plan: { readonly cost: number; readonly rows: number };
  /** What is wrong, and stops nothing. */
  readonly problems: readonly string[];
  /** Of a rule: what is allowed, and most likely not meant. */
  readonly warnings?: readonly string[];
}

const DEFAULT_EVERY = '1m';
/** Of a query alone; a rule has as many series as when it is evaluated. */
const MAX_ROWS = 500;
const SHOWN_ROWS = 50;
const MAX_TEXT = 500;
const LIMITS = { maxRows: MAX_ROWS + 1, statementTimeoutMs: 5000, maxBytes: 4 * 2 ** 20 };

/**
 * Evaluates a rule as of the newest slot of its group (`every`, default 1m), or a query as of `nowMs`.
 * @param rulesDatabase connected as keepwatch_rules, and not the connections that evaluate rules: whoever tries something delays none of them
 * @throws KeepwatchError ERR_USAGE or ERR_RULES_INVALID saying where, what was given, what is allowed; ERR_QUERY_TIMEOUT; the error of the connection
 */
export async function previewRule(rulesDatabase: Database, given: unknown, nowMs: number): Promise<Preview> {
  const { rule, every = DEFAULT_EVERY, query: text = '', params = {} } = checkDraft(previewSchema, given);
  if (rule === undefined) {
    const compiled = compileQuery(text, params);
    const query = { text: compiled.text, values: compiled.values(nowMs) };
    const plan = await attempt(query, () => explainRulesQuery(rulesDatabase, query, LIMITS));
    return { at: new Date(nowMs).toISOString(), plan, ...(await readQuery(rulesDatabase, query)) };
  }
  const { everyMs, rules, warnings } = compileDraft({ group: 'preview', every, rule, enabled: true });
  const [compiled] = rules as readonly [Rule];
  const slotMs = slotAt(nowMs, everyMs);
  const query = { text: compiled.compiled.text, values: compiled.compiled.values(slotMs) };
  const plan = await attempt(query, () => explainRulesQuery(rulesDatabase, query, { ...LIMITS, maxRows: MAX_SERIES + 1 }));
  const found = await readRule(rulesDatabase, compiled, slotMs);
  return { at: new Date(slotMs).toISOString(), plan, ...found, warnings: [...warnings, ...found.warnings] };
}

type Found = Omit<Preview, 'at' | 'plan'>;

async function readQuery(rulesDatabase: Database, query: RulesQuery): Promise<Found> {
  const startedAt = performance.now();
  const { columns, rows } = await attempt(query, () => runRulesQuery(rulesDatabase, query, LIMITS));
  const durationMs = performance.now() - startedAt;
  const shown = rows.slice(0, SHOWN_ROWS).map((cells) => ({ row: toRow(columns, cells), value: numberOf(columns, cells) }));
  const counts = { row_count: Math.min(rows.length, MAX_ROWS), is_truncated: rows.length > MAX_ROWS };
  return { ...counts, duration_ms: durationMs, value: shown[0]?.value ?? null, rows: shown, problems: [] };
}

async function readRule(rulesDatabase: Database, rule: Rule, slotMs: number): Promise<Found & { warnings: readonly string[] }> {
  const evaluation = await evaluateRule('preview', rule, slotMs, {
    rulesDatabase,
    statementTimeoutMs: LIMITS.statementTimeoutMs,
  });
  const { columns, series, error, outcome, sqlstate, durationMs } = evaluation;
  if (outcome === 'error') throw refused(error ?? 'no answer', sqlstate);
  const rows = series.slice(0, SHOWN_ROWS).map(({ row, value, labels, input }) => ({
    row: Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, shorten(cell)])),
    value: finite(value),
    labels,
    condition: input,
  }));
  const breaches = series.filter(({ input }) => input === 'breach').length;
  const problems = error === undefined ? [] : [error];
  const counts = { row_count: series.length, is_truncated: false };
  const warnings = lintColumns(rule, columns).map((message) => `rule.query: ${message}`);
  return { ...counts, duration_ms: durationMs, value: rows[0]?.value ?? null, rows, breaches, problems, warnings };
}

async function attempt<T>(query: RulesQuery, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof KeepwatchError || isConnectionError(error)) throw error;
    const line = queryErrorLine(error, query);
    throw refused(`${line === undefined ? '' : `line ${line}: `}${describeError(error)}`, sqlState(error), error);
  }
}

function refused(message: string, state: string | undefined, cause?: unknown): KeepwatchError {
  const code = state === QUERY_CANCELED ? 'ERR_QUERY_TIMEOUT' : 'ERR_RULES_INVALID';
  return new KeepwatchError(code, `query: ${message}`, { cause });
}

function toRow(columns: readonly RulesColumn[], cells: readonly Cell[]): Record<string, Cell> {
  return Object.fromEntries(columns.map(({ name }, index) => [name, shorten(cells[index] ?? null)]));
}

function numberOf(columns: readonly RulesColumn[], cells: readonly Cell[]): number | null {
  const named = columns.findIndex(({ name, kind }) => name === 'value' && kind === 'number');
  const index = named >= 0 ? named : columns.findIndex(({ kind }) => kind === 'number');
  return index < 0 ? null : finite(cells[index] ?? null);
}

/** JSON has no NaN and no infinity. */
function finite(cell: Cell): number | null {
  return typeof cell === 'number' && Number.isFinite(cell) ? cell : null;
}

function shorten(cell: Cell): Cell {
  if (typeof cell === 'number') return Number.isFinite(cell) ? cell : String(cell);
  return cell !== null && cell.length > MAX_TEXT ? `${cell.slice(0, MAX_TEXT)}…` : cell;
}
