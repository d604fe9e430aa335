// The rules of a group, one slot: runs their queries and says what that means for each series. Reads only; what follows from it is committed by commit.ts.
// Answers are worked out in pieces beside the queries that follow, so that the host goes on meanwhile; how many there may be is up to series-room.ts.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Database, isConnectionError, sqlState } from '../db/database.ts';
import {
  QUERY_CANCELED,
  queryErrorLine,
  RULES_TIMEOUT_MS,
  type RulesAnswer,
  type RulesQuery,
  runRulesQueries,
} from '../db/rules-query.ts';
import type { RulesRows } from '../db/rules-rows.ts';
import { describeError, KeepwatchError } from '../errors.ts';
import type { CompiledQuery } from './parameters.ts';
import type { Rule, RuleGroup } from './rule.ts';
import { checkColumns, type ReadSeries, type Series, toSeries } from './series.ts';
import type { RoomShare } from './series-room.ts';
import type { Input } from './state.ts';

/** Series of one rule at most; more is an error, which keeps the state of those that are known. */
export const MAX_SERIES = 20_000;
/** Series that are worked out before others get a turn: some milliseconds. */
const PIECE_SERIES = 1000;

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
  /** Of the answer; none without one. */
  readonly columns: RulesRows['columns'];
  readonly series: readonly EvaluatedSeries[];
  /** Label sets that have to be there; undefined when they could not be read: then nothing is missing, as far as anybody knows. */
  readonly expected: readonly Readonly<Record<string, string>>[] | undefined;
  readonly durationMs: number;
  /** Of the query without an answer: that of the rule, or with outcome `ok` that of what it expects. */
  readonly sqlstate: string | undefined;
  /** With outcome `ok`: what else went wrong, such as an annotation that cannot be filled in, or what cannot be expected. */
  readonly error: string | undefined;
  /** The time of the group was over before there was an answer, or there was no room for it. */
  readonly isCut?: boolean;
}

export interface EvaluateOptions {
  /** Connected as keepwatch_rules. */
  readonly rulesDatabase: Database;
  /** Default RULES_TIMEOUT_MS. */
  readonly statementTimeoutMs?: number;
  /** Default MAX_SERIES. */
  readonly maxSeries?: number;
}

/** Of one slot. */
export interface SlotBounds {
  /** For the queries of all rules; those that have no answer then have the outcome `error`. Default: no bound. */
  readonly totalTimeoutMs?: number;
  /** Index of the rule that is asked first: those that had no time in a slot go before others in the next. Default 0. */
  readonly first?: number;
  /** Once it is aborted no further rule is asked. */
  readonly signal?: AbortSignal;
  /** Who closes it holds the evaluations no more. Default: no bound but that of each rule. */
  readonly room?: RoomShare;
}

/** Evaluates a rule as of `slotMs`. Never rejects: whatever goes wrong is the outcome `error`. */
export async function evaluateRule(groupName: string, rule: Rule, slotMs: number, options: EvaluateOptions): Promise<Evaluation> {
  const [evaluation] = await evaluateRules({ name: groupName, rules: [rule] }, slotMs, options);
  return evaluation as Evaluation;
}

/** Evaluates the rules of a group as of `slotMs`, over one connection and of one moment. Never rejects. @returns one evaluation per rule, in order */
export async function evaluateRules(
  group: Pick<RuleGroup, 'name' | 'rules'>,
  slotMs: number,
  { rulesDatabase, statementTimeoutMs = RULES_TIMEOUT_MS, maxSeries = MAX_SERIES }: EvaluateOptions,
  { first = 0, room, ...bounds }: SlotBounds = {},
): Promise<Evaluation[]> {
  const evaluations: Evaluation[] = [];
  const numbered = [...group.rules.entries()];
  const inTurn = [...numbered.slice(first), ...numbered.slice(0, first)];
  const questions = inTurn.flatMap(([index, rule]) => questionsOf(rule, index, slotMs));
  const limits = { maxRows: maxSeries + 1, statementTimeoutMs, ...bounds };
  const queries = questions.map(({ query }) => query);
  const settle = async ({ rule, index, query, isExpectation }: Question, answer: RulesAnswer) => {
    const evaluation = evaluations[index];
    const answered = { query, answer, maxSeries, timeoutMs: statementTimeoutMs };
    if (evaluation === undefined) evaluations[index] = await toEvaluation(rule, answered);
    else if (isExpectation) evaluations[index] = withExpected(evaluation, answered);
  };
  let settled = Promise.resolve();
  await runRulesQueries(rulesDatabase, queries, limits, (asked, answer) => {
    const held = hold(answer, room, maxSeries);
    settled = settled.then(() => settle(questions[asked] as Question, held));
  });
  await settled;
  return evaluations;
}

/** What there is no room for is let go at once; what is too much for a rule anyhow is its own fault. */
function hold(answer: RulesAnswer, room: RoomShare | undefined, maxSeries: number): RulesAnswer {
  if ('error' in answer || room === undefined || answer.rows.rows.length > maxSeries || room.take(answer.rows)) return answer;
  return { durationMs: answer.durationMs, error: new KeepwatchError('ERR_RULES_INVALID', NO_ROOM), isCut: true };
}

const NO_ROOM =
  'left out, as all rules that this process evaluates at the moment have too many series together; it is asked first for the next slot; ' +
  'group by less, or let another process have some of the groups';

interface Question {
  readonly rule: Rule;
  /** Of the rule in its group. */
  readonly index: number;
  readonly query: RulesQuery;
  readonly isExpectation: boolean;
}

/** The query of a rule, then that of what it expects. */
function questionsOf(rule: Rule, index: number, slotMs: number): Question[] {
  const toQuery = ({ text, values }: CompiledQuery) => ({ text, values: values(slotMs) });
  const questions = [{ rule, index, query: toQuery(rule.compiled), isExpectation: false }];
  if ('query' in rule.expect) questions.push({ rule, index, query: toQuery(rule.expect.compiled), isExpectation: true });
  return questions;
}

interface Answered {
  readonly query: RulesQuery;
  readonly answer: RulesAnswer;
  readonly maxSeries: number;
  /** How long the query might take. */
  readonly timeoutMs: number;
}

async function toEvaluation(rule: Rule, answered: Answered): Promise<Evaluation> {
  const { answer, maxSeries } = answered;
  const startedAtMs = performance.now();
  const durationMs = () => answer.durationMs + performance.now() - startedAtMs;
  try {
    if ('error' in answer) throw answer.error;
    const problems = checkColumns(rule, answer.rows.columns);
    refuseTooMany(answer.rows, maxSeries);
    const series = await judgeAll(rule, answer.rows);
    return {
      rule,
      outcome: 'ok',
      columns: answer.rows.columns,
      series,
      expected: 'query' in rule.expect ? undefined : rule.expect,
      durationMs: durationMs(),
      sqlstate: undefined,
      error: summarize(problems),
    };
  } catch (error) {
    // That there is no connection, or no time, is not the fault of a rule.
    const isOwn = (error instanceof KeepwatchError || !isConnectionError(error)) && cutOf(answer).isCut !== true;
    const where = isOwn ? `${placeOf(rule, rule.queryLine, queryErrorLine(error, answered.query))}: ` : '';
    return {
      rule,
      outcome: 'error',
      columns: [],
      series: [],
      expected: undefined,
      durationMs: durationMs(),
      sqlstate: sqlState(error),
      error: `${where}${describeFailure(error, answered)}`,
      ...cutOf(answer),
    };
  }
}

async function judgeAll(rule: Rule, rows: RulesRows): Promise<EvaluatedSeries[]> {
  const judged: EvaluatedSeries[] = [];
  for (const { fingerprint, labels, row, value, numbers } of toSeries(rule, rows)) {
    const { input, step } = judge(rule, numbers);
    judged.push({ fingerprint, labels, row, value, input, step });
    if (judged.length % PIECE_SERIES === 0) await nextTurn();
  }
  return judged;
}

/** @param line of the query, from 1; undefined: the rule as a whole */
function placeOf(rule: Rule, firstLine: number | undefined, line: number | undefined): string {
  return `${rule.file}:${line === undefined || firstLine === undefined ? rule.line : firstLine + line - 1}`;
}

function describeFailure(error: unknown, { answer, timeoutMs }: Answered): string {
  if (error instanceof KeepwatchError) return error.message;
  const text = describeError(error);
  // Who cancels it by hand does so before.
  if (sqlState(error) !== QUERY_CANCELED || answer.durationMs < 0.9 * timeoutMs) return text;
  return `the query took longer than ${timeoutMs / 1000} s; bound it by :now - :window, or read rollups: ${text}`;
}

function cutOf(answer: RulesAnswer): Pick<Evaluation, 'isCut'> {
  return 'isCut' in answer && answer.isCut === true ? { isCut: true } : {};
}

/**
 * With what the query of `expect` gave: the text columns of its rows are labels. One without an answer leaves what its rule found as it is, and
 * what is expected unknown.
 */
function withExpected(evaluation: Evaluation, answered: Answered): Evaluation {
  const { rule } = evaluation;
  const { query, answer, maxSeries } = answered;
  const durationMs = evaluation.durationMs + answer.durationMs;
  try {
    if ('error' in answer) throw answer.error;
    const { columns, rows } = answer.rows;
    refuseTooMany(answer.rows, maxSeries);
    const expected = rows.map((cells) => labelsIn(columns, cells)).filter((labels) => Object.keys(labels).length > 0);
    return { ...evaluation, durationMs, expected };
  } catch (error) {
    if (evaluation.outcome === 'error') return { ...evaluation, durationMs };
    const firstLine = 'query' in rule.expect ? rule.expect.queryLine : undefined;
    const problem = `${placeOf(rule, firstLine, queryErrorLine(error, query))}: expect: ${describeFailure(error, answered)}`;
    const both = summarize([problem, ...(evaluation.error === undefined ? [] : [evaluation.error])]);
    return { ...evaluation, durationMs, sqlstate: sqlState(error), error: both, ...cutOf(answer) };
  }
}

function refuseTooMany({ rows }: RulesRows, maxSeries: number): void {
  if (rows.length > maxSeries)
    throw new KeepwatchError('ERR_RULES_INVALID', `the query gives more than ${maxSeries} series; group by less, or filter`);
}

/** Several problems as one text; undefined for none. */
export function summarize(problems: readonly string[]): string | undefined {
  return problems.length > 0 ? [...new Set(problems)].slice(0, 5).join('; ') : undefined;
}

/** fire_when wins over clear_when; a condition that reads a null is neither true nor false, so that it neither fires nor clears. */
function judge(rule: Rule, numbers: ReadSeries['numbers']): Pick<EvaluatedSeries, 'input' | 'step'> {
  const fires =
    rule.steps.length > 0 ? rule.steps.map((step) => step.fireWhen.evaluate(numbers)) : [rule.fireWhen.evaluate(numbers)];
  const worst = fires.lastIndexOf(true);
  if (worst !== -1) return { input: 'breach', step: rule.steps.length > 0 ? worst : -1 };
  const clears = rule.clearWhen === undefined ? !fires.includes(undefined) : rule.clearWhen.evaluate(numbers) === true;
  return { input: clears ? 'clear' : 'hold', step: -1 };
}

function labelsIn(columns: RulesRows['columns'], cells: RulesRows['rows'][number]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [index, { name, kind }] of columns.entries()) {
    const cell = cells[index] ?? null;
    if (kind === 'text' && cell !== null && cell !== '') labels[name] = String(cell);
  }
  return labels;
}
