// What is allowed in a rule and still most likely wrong, each with the way to mend it. What can never work is refused; the rest is a warning.
import { formatDuration, parseDuration } from '../units.ts';
import { isLabelName, numberAsLabel } from './column-lint.ts';
import type { Condition } from './condition.ts';
import { createSearchBudget, findRow, type Search, type SearchBudget } from './condition-regions.ts';
import { countedColumns, namedNumbers } from './named-numbers.ts';
import type { Rule } from './rule.ts';
import type { Path } from './rule-problems.ts';
import { type SqlToken, tokenizeSql } from './sql-tokens.ts';

/** Hears what can never work; paths begin at the rule. */
export interface RefusalListener {
  refuse(at: Path, message: string): void;
}

/** Hears what is most likely not meant, too. */
export interface Listener extends RefusalListener {
  warn(at: Path, message: string): void;
}

/** Severities that wake a person. */
const PAGES = new Set(['page', 'critical']);
const RAW_EVENTS = new Set(['observability_metrics', 'events']);

/** Looks for what can never work in a rule that could be compiled. */
export function refuseRule(rule: Rule, { refuse }: RefusalListener): void {
  lintConditions(rule, { tokens: tokenizeSql(rule.query), budget: createSearchBudget() }, { refuse, warn() {} });
}

/** Looks at a rule that could be compiled. */
export function lintRule(rule: Rule, everyMs: number, listener: Listener): void {
  const tokens = tokenizeSql(rule.query);
  const budget = createSearchBudget();
  lintConditions(rule, { tokens, budget }, listener);
  lintSteps(rule, budget, listener);
  lintTimes(rule, everyMs, tokens, listener);
  lintLatch(rule, listener);
  lintPage(rule, listener);
  lintQuery(rule, tokens, listener);
}

function lintConditions(
  { fireWhen, clearWhen, steps }: Rule,
  { tokens, budget }: { readonly tokens: readonly SqlToken[]; readonly budget: SearchBudget },
  { refuse, warn }: Listener,
): void {
  const fireAt: Path = steps.length > 0 ? ['steps'] : ['fire_when'];
  const counted = countedColumns(tokens);
  const options = { least: new Map(counted.map((column) => [column, 0])), budget };
  const isNever = (condition: Condition) => findRow([condition], (isTrue) => isTrue, options) === 'none';
  for (const [at, condition] of conditionsOf({ fireWhen, steps })) {
    if (isNever(condition))
      refuse(at, `"${condition.text}" can never be true${becauseCounted(condition, counted)}; mend its bounds`);
  }
  if (findRow([fireWhen], (isTrue) => !isTrue, options) === 'none')
    warn(fireAt, `"${fireWhen.text}" is true for every number: the alert fires wherever there is a row; give it a bound`);
  if (clearWhen === undefined) return;
  const [both, clears] = [
    findRow([fireWhen, clearWhen], (fires, isClear) => fires && isClear, options),
    findRow([fireWhen, clearWhen], (fires, isClear) => !fires && isClear, options),
  ];
  if (isNever(clearWhen)) {
    const message = `"${clearWhen.text}" can never be true${becauseCounted(clearWhen, counted)}`;
    refuse(['clear_when'], `${message}, so that the alert would never resolve; mend its bounds`);
  } else if (clears === 'none') {
    const message = `"${clearWhen.text}" is only true where fire_when is, which wins, so that the alert would never resolve`;
    refuse(['clear_when'], `${message}; let it begin where fire_when ends, such as "not (${fireWhen.text})"`);
  } else if (typeof both === 'object')
    warn(
      ['clear_when'],
      `is true together with fire_when for ${showRow(both)}, where fire_when wins; let it begin where that ends`,
    );
}

/** Why a condition is never true, where others of its form are. */
function becauseCounted(condition: Condition, counted: readonly string[]): string {
  const [column] = condition.columns.filter((one) => counted.includes(one));
  if (column === undefined || findRow([condition], (isTrue) => isTrue) === 'none') return '';
  return ` ("${column}" is a count, so never negative)`;
}

function conditionsOf({ fireWhen, steps }: Pick<Rule, 'fireWhen' | 'steps'>): (readonly [Path, Condition])[] {
  if (steps.length === 0) return [[['fire_when'], fireWhen]];
  return steps.map((step, index) => [['steps', index, 'fire_when'], step.fireWhen] as const);
}

function showRow(search: Extract<Search, object>): string {
  return [...search.found].map(([column, value]) => `${column} = ${value}`).join(', ');
}

/** A later step is the worse one: one that is true wherever an earlier one is hides it. */
function lintSteps({ steps }: Rule, budget: SearchBudget, { warn }: Listener): void {
  for (const [index, step] of steps.entries()) {
    const hiding = steps.slice(index + 1).find((later) => {
      return findRow([step.fireWhen, later.fireWhen], (isTrue, isLater) => isTrue && !isLater, { budget }) === 'none';
    });
    if (hiding === undefined) continue;
    const message = `"${step.severity}" is never told: "${hiding.severity}", which counts as worse, is true wherever it is`;
    warn(['steps', index], `${message}; put the mildest step first`);
  }
}

function lintTimes(rule: Rule, everyMs: number, tokens: readonly SqlToken[], { warn }: Listener): void {
  const every = formatDuration(everyMs);
  const spans = [
    ['for', 'ms' in rule.for ? rule.for.ms : 0],
    ['keep_firing_for', rule.keepFiringForMs],
  ] as const;
  for (const [key, ms] of spans) {
    if (ms % everyMs === 0) continue;
    const next = formatDuration(Math.ceil(ms / everyMs) * everyMs);
    warn([key], `${formatDuration(ms)} is no multiple of every (${every}), so that it means ${next}; write ${next}`);
  }
  const windows = windowsOf(rule, tokens);
  const longest = Math.max(...windows.map(({ ms }) => ms));
  if (windows.length === 0 || longest >= everyMs) return;
  const [window] = windows;
  const message = `the window of ${formatDuration(longest)} is shorter than every (${every}): what ends between is never looked at`;
  warn(['params', window?.name ?? 'window'], `${message}; make it at least ${every}`);
}

/** Durations that the query takes from :now. */
function windowsOf({ params }: Rule, tokens: readonly SqlToken[]): { name: string; ms: number }[] {
  return tokens.flatMap((token, index) => {
    const [minus, parameter] = [tokens[index + 1], tokens[index + 2]];
    if (token.type !== 'parameter' || token.text !== 'now' || minus?.text !== '-' || parameter?.type !== 'parameter') return [];
    const ms = parseDuration(String(params[parameter.text] ?? ''));
    return ms === undefined ? [] : [{ name: parameter.text, ms }];
  });
}

function lintLatch({ latch, clearWhen, keepFiringForMs }: Rule, { warn }: Listener): void {
  if (!latch) return;
  if (clearWhen !== undefined)
    warn(['clear_when'], 'has no effect with latch: the alert fires until its labels change; leave it out');
  if (keepFiringForMs > 0)
    warn(['keep_firing_for'], 'has no effect with latch: the alert fires until its labels change; leave it out');
}

function lintPage({ labels, steps, annotations, context }: Rule, { warn }: Listener): void {
  const severities = [...(labels['severity'] === undefined ? [] : [labels['severity']]), ...steps.map((step) => step.severity)];
  const page = severities.find((severity) => PAGES.has(severity));
  if (page === undefined) return;
  const whom = `severity ${page} wakes a person`;
  if (annotations['runbook_url'] === undefined)
    warn(['annotations'], `${whom}, who is not told what to do; add the annotation runbook_url`);
  if (context === undefined) warn(['alert'], `${whom}, who sees no example; add context: { query: … }`);
}

function lintQuery(rule: Rule, tokens: readonly SqlToken[], listener: Listener): void {
  const { warn } = listener;
  const reads = tokens.find(
    ({ text }, index) => RAW_EVENTS.has(text) && ['.', 'from', 'join'].includes(tokens[index - 1]?.text ?? ''),
  );
  if (reads !== undefined && !tokens.some(({ type, text }) => type === 'parameter' && text === 'now'))
    warn(['query'], `reads all of ${reads.text}; bound it: end_time >= :now - :window and end_time < :now`);
  if (tokens.some((token, index) => token.text === 'select' && token.type === 'word' && tokens[index + 1]?.text === '*'))
    warn(['query'], 'has select *, which changes when a column is added; name the columns');
  lintRatio(rule, tokens, listener);
  for (const { name, shown } of namedNumbers(tokens)) {
    if (isLabelName(rule, name)) warn(['query'], numberAsLabel(name, shown));
  }
}

/** A share of few is chance: 1 of 2 is 50 %. */
function lintRatio(rule: Rule, tokens: readonly SqlToken[], { warn }: Listener): void {
  const divides = tokens.some((token, index) => {
    const next = tokens.slice(index + 1, index + 3).map(({ text }) => text);
    return token.text === '/' && (isCount(next[0]) || (next[0] === 'nullif' && next[1] === '('));
  });
  if (!divides || tokens.some(({ type, text }) => type === 'word' && text === 'having')) return;
  for (const [at, condition] of conditionsOf(rule)) {
    if (condition.columns.length !== 1) continue;
    const message = 'compares a share whatever it is a share of: 1 failure of 2 is 50 %';
    warn(at, `${message}; add "count(*) as events" to the query, and "and events >= 50" here`);
  }
}

function isCount(word: string | undefined): boolean {
  return word === 'count' || word === 'sum';
}
