// One rule, one slot: runs its query and says what that means for each series. Reads only; what follows from it is committed by commit.ts.
import { type Database, sqlState } from '../db/database.ts';
import { queryErrorLine, type RulesRows, runRulesQuery } from '../db/rules-query.ts';
import { describeError, KeepwatchError } from '../errors.ts';
import { renderAnnotations } from './annotation.ts';
import type { Rule } from './rule.ts';
import { checkColumns, type Series, toSeries } from './series.ts';
import type { Input } from './state.ts';

/** Series of one rule at most; more is an error, which keeps the state of those that are known. */
export const MAX_SERIES = 500;

/** A series and what the slot says about it. */
export interface EvaluatedSeries extends Series {
  readonly input: Extract<Input, 'breach' | 'clear' | 'hold'>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What an evaluation found. With outcome `error` there are no series, and no state changes. */
export interface Evaluation {
  readonly rule: Rule;
  readonly outcome: 'ok' | 'error';
  readonly series: readonly EvaluatedSeries[];
  readonly durationMs: number;
  readonly sqlstate: string | undefined;
  /** With outcome `ok`: an annotation that could not be filled in. */
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
export async function evaluateRule(
  groupName: string,
  rule: Rule,
  slotMs: number,
  { rulesDatabase, statementTimeoutMs, maxSeries = MAX_SERIES }: EvaluateOptions,
): Promise<Evaluation> {
  const startedAt = performance.now();
  const query = { text: rule.compiled.text, values: rule.compiled.values(slotMs) };
  try {
    const result = await runRulesQuery(rulesDatabase, query, {
      maxRows: maxSeries + 1,
      ...(statementTimeoutMs === undefined ? {} : { statementTimeoutMs }),
    });
    const { series, problems } = judge(groupName, rule, result, maxSeries);
    const error = problems.length > 0 ? [...new Set(problems)].slice(0, 5).join('; ') : undefined;
    return { rule, outcome: 'ok', series, durationMs: performance.now() - startedAt, sqlstate: undefined, error };
  } catch (error) {
    const line = queryErrorLine(error, query);
    const where = line === undefined || rule.queryLine === undefined ? '' : `${rule.file}:${rule.queryLine + line - 1}: `;
    return {
      rule,
      outcome: 'error',
      series: [],
      durationMs: performance.now() - startedAt,
      sqlstate: sqlState(error),
      error: `${where}${error instanceof KeepwatchError ? error.message : describeError(error)}`,
    };
  }
}

function judge(
  groupName: string,
  rule: Rule,
  result: RulesRows,
  maxSeries: number,
): { series: EvaluatedSeries[]; problems: string[] } {
  const problems = checkColumns(rule, result.columns);
  if (result.rows.length > maxSeries) {
    throw new KeepwatchError('ERR_RULES_INVALID', `the query gives more than ${maxSeries} series; group by less, or filter`);
  }
  const series = toSeries(groupName, rule, result).map((one) => {
    const rendered = renderAnnotations(rule.annotations, one.row);
    problems.push(...rendered.problems);
    return { ...one, input: inputOf(rule, one), annotations: rendered.texts };
  });
  return { series, problems };
}

/** fire_when wins over clear_when; a condition that reads a null is neither true nor false, so that it neither fires nor clears. */
function inputOf(rule: Rule, { numbers }: Series): EvaluatedSeries['input'] {
  const fires = rule.fireWhen.evaluate(numbers);
  if (fires === true) return 'breach';
  const clears = rule.clearWhen === undefined ? fires === false : rule.clearWhen.evaluate(numbers) === true;
  return clears ? 'clear' : 'hold';
}
