// One rule, one slot: runs its query and says what that means for each series. Reads only; what follows from it is committed by commit.ts.
import { type Database, sqlState } from '../db/database.ts';
import { queryErrorLine, type RulesRows, runRulesQuery } from '../db/rules-query.ts';
import { describeError, KeepwatchError } from '../errors.ts';
import type { Rule } from './rule.ts';
import { checkColumns, type Series, toSeries } from './series.ts';
import type { Input } from './state.ts';

/** Series of one rule at most; more is an error, which keeps the state of those that are known. */
export const MAX_SERIES = 20_000;

/** A series and what the slot says about it. */
export interface EvaluatedSeries extends Series {
  readonly input: Extract<Input, 'breach' | 'clear' | 'hold'>;
  /** With `breach`: index of the worst severity step that holds; -1 without steps. */
  readonly step: number;
}

/** What an evaluation found. With outcome `error` there are no series, and no state changes. */
export interface Evaluation {
  readonly rule: Rule;
  readonly outcome: 'ok' | 'error';
  readonly series: readonly EvaluatedSeries[];
  /** Label sets that have to be there; undefined when they could not be read. */
  readonly expected: readonly Readonly<Record<string, string>>[] | undefined;
  readonly durationMs: number;
  readonly sqlstate: string | undefined;
  /** With outcome `ok`: what else went wrong, such as an annotation that cannot be filled in. */
  readonly error: string | undefined;
}

export interface EvaluateOptions {
  /** Connected as keepwatch_rules. */
  readonly rulesDatabase: Database;
  /** Default 5000. */
  readonly statementTimeoutMs?: number;
  /** Default MAX_SERIES. */
  readonly maxSeries?: number;
}

/** Evaluates a rule as of `slotMs`. Never rejects: whatever goes wrong is the outcome `error`. */
export async function evaluateRule(groupName: string, rule: Rule, slotMs: number, options: EvaluateOptions): Promise<Evaluation> {
  const startedAt = performance.now();
  const query = { text: rule.compiled.text, values: rule.compiled.values(slotMs) };
  try {
    const { maxSeries = MAX_SERIES } = options;
    const result = await runRulesQuery(options.rulesDatabase, query, limitsOf(options));
    const problems = checkColumns(rule, result.columns);
    if (result.rows.length > maxSeries)
      throw new KeepwatchError('ERR_RULES_INVALID', `the query gives more than ${maxSeries} series; group by less, or filter`);
    const series = toSeries(groupName, rule, result).map((one) => ({ ...one, ...judge(rule, one) }));
    const { expected, problem } = await readExpected(rule, slotMs, options);
    if (problem !== undefined) problems.push(problem);
    const durationMs = performance.now() - startedAt;
    return { rule, outcome: 'ok', series, expected, durationMs, sqlstate: undefined, error: summarize(problems) };
  } catch (error) {
    const line = queryErrorLine(error, query);
    const where = line === undefined || rule.queryLine === undefined ? '' : `${rule.file}:${rule.queryLine + line - 1}: `;
    return {
      rule,
      outcome: 'error',
      series: [],
      expected: undefined,
      durationMs: performance.now() - startedAt,
      sqlstate: sqlState(error),
      error: `${where}${error instanceof KeepwatchError ? error.message : describeError(error)}`,
    };
  }
}

/** Several problems as one text; undefined for none. */
export function summarize(problems: readonly string[]): string | undefined {
  return problems.length > 0 ? [...new Set(problems)].slice(0, 5).join('; ') : undefined;
}

function limitsOf({ statementTimeoutMs, maxSeries = MAX_SERIES }: EvaluateOptions) {
  return { maxRows: maxSeries + 1, ...(statementTimeoutMs === undefined ? {} : { statementTimeoutMs }) };
}

/** fire_when wins over clear_when; a condition that reads a null is neither true nor false, so that it neither fires nor clears. */
function judge(rule: Rule, { numbers }: Series): Pick<EvaluatedSeries, 'input' | 'step'> {
  const fires =
    rule.steps.length > 0 ? rule.steps.map((step) => step.fireWhen.evaluate(numbers)) : [rule.fireWhen.evaluate(numbers)];
  const worst = fires.lastIndexOf(true);
  if (worst !== -1) return { input: 'breach', step: rule.steps.length > 0 ? worst : -1 };
  const clears = rule.clearWhen === undefined ? !fires.includes(undefined) : rule.clearWhen.evaluate(numbers) === true;
  return { input: clears ? 'clear' : 'hold', step: -1 };
}

/** The text columns of the rows are the labels. What cannot be read expects nothing, and ends nothing. */
async function readExpected(
  { expect, file }: Rule,
  slotMs: number,
  options: EvaluateOptions,
): Promise<{ expected: Evaluation['expected']; problem?: string }> {
  if (!('query' in expect)) return { expected: expect };
  try {
    const query = { text: expect.compiled.text, values: expect.compiled.values(slotMs) };
    const result = await runRulesQuery(options.rulesDatabase, query, limitsOf(options));
    if (result.rows.length > (options.maxSeries ?? MAX_SERIES)) throw new Error('the query gives too many rows');
    return { expected: result.rows.map((cells) => labelsIn(result.columns, cells)).filter((set) => Object.keys(set).length > 0) };
  } catch (error) {
    return { expected: undefined, problem: `${file}: expect: ${describeError(error)}` };
  }
}

function labelsIn(columns: RulesRows['columns'], cells: RulesRows['rows'][number]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [index, { name, kind }] of columns.entries()) {
    const cell = cells[index] ?? null;
    if (kind === 'text' && cell !== null && cell !== '') labels[name] = String(cell);
  }
  return labels;
}
