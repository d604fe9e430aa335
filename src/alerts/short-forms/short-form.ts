// Short forms of rules: what they stand for, as a rule in SQL. Their queries are files of sql/alerts/short-forms, of which the lines that name a
// parameter which the rule does not give are left out, and in which `/* by */` stands for the columns that tell series apart.
import { readSql } from '../../db/sql.ts';
import { formatDuration } from '../../units.ts';
import type { ParameterValue } from '../parameter-bindings.ts';
import type { WrittenRule } from '../rule-schema.ts';
import { SERIES_COLUMNS, SHORT_FORMS, type WrittenShortForms } from './short-form-schema.ts';

/** What a short form says of a rule; keys of the rule itself win over it. */
type Meaning = Pick<
  WrittenRule,
  'params' | 'fire_when' | 'clear_when' | 'steps' | 'latch' | 'context' | 'expect' | 'missing' | 'no_data' | 'partial'
> & { readonly query: string; readonly summary: string };

type Params = Readonly<Record<string, ParameterValue>>;
type Filtered = Pick<NonNullable<WrittenShortForms['absence']>, 'type' | 'service' | 'name' | 'by'>;

const MINUTE_MS = 60_000;
const EXAMPLES = 5;

/** The short form that a rule is written in; undefined: none. */
export function shortFormOf(written: WrittenRule): (typeof SHORT_FORMS)[number] | undefined {
  return SHORT_FORMS.find((form) => written[form] !== undefined);
}

/**
 * The rule in SQL that a rule in a short form stands for.
 * @param everyMs distance of the slots: rollups are exact where slots and window end with minutes; elsewhere raw events are read
 */
export function expandShortForm(written: WrittenRule, everyMs: number): WrittenRule {
  const { error_rate, latency, throughput, absence, budget, ...rule } = written;
  const meaning =
    (error_rate && expandErrorRate(error_rate, everyMs)) ??
    (latency && expandLatency(latency, everyMs)) ??
    (throughput && expandThroughput(throughput, everyMs)) ??
    (absence && expandAbsence(absence, everyMs)) ??
    (budget && expandBudget(budget));
  if (meaning === undefined) return rule;
  const { summary, ...expanded } = meaning;
  return { ...expanded, ...rule, annotations: { summary, ...rule.annotations } };
}

function expandErrorRate(form: NonNullable<WrittenShortForms['error_rate']>, everyMs: number): Meaning {
  const { above, clear, at_least } = form;
  const params = { window: formatDuration(form.window), ...filtersOf(form) };
  return {
    query: readQuery(readsRollups(form, everyMs) ? 'error-rate' : 'error-rate-raw', form.by, params),
    params,
    fire_when: `value > ${above} and events >= ${at_least}`,
    ...(clear === undefined ? {} : { clear_when: `value < ${clear}` }),
    context: { query: readQuery('failures', form.by, params), limit: EXAMPLES },
    summary: `${titleOf(form)}: \${value|percent} of \${events} failed in ${formatDuration(form.window)}`,
  };
}

function expandLatency(form: NonNullable<WrittenShortForms['latency']>, everyMs: number): Meaning {
  const { above, clear, at_least, quantile } = form;
  const filters = { window: formatDuration(form.window), ...filtersOf(form) };
  const query = readQuery(!form.exact && readsRollups(form, everyMs) ? 'latency' : 'latency-raw', form.by, {
    ...filters,
    quantile,
  });
  return {
    query,
    params: { ...filters, quantile },
    fire_when: `value > ${above} and events >= ${at_least}`,
    ...(clear === undefined ? {} : { clear_when: `value < ${clear}` }),
    context: { query: readQuery('slowest', form.by, filters), limit: EXAMPLES },
    summary: `${titleOf(form)}: p${Number((100 * quantile).toPrecision(12))} of \${events} is \${value|ms} in ${formatDuration(form.window)}`,
  };
}

function expandThroughput(form: NonNullable<WrittenShortForms['throughput']>, everyMs: number): Meaning {
  const { above, below, clear } = form;
  const isBelow = below !== undefined;
  return {
    ...trafficOf(form, everyMs),
    fire_when: isBelow ? `value < ${below}` : `value > ${above}`,
    ...(clear === undefined ? {} : { clear_when: `value ${isBelow ? '>' : '<'} ${clear}` }),
    // What is still to come can only add to a count.
    ...(isBelow ? { partial: 'hold' as const } : {}),
    summary: `${titleOf(form)}: \${value|2} a minute in ${formatDuration(form.window)}`,
  };
}

/** A series that is named in full is expected: it counts as absent too when it never ran, or not for longer than lookback. */
function expandAbsence(form: Filtered & { window: number; lookback: number }, everyMs: number): Meaning {
  const named = form.by.map((column) => [column, form[column]] as const);
  const isNamed = named.every(([, value]) => value !== undefined);
  return {
    ...trafficOf(form, everyMs),
    fire_when: 'events = 0',
    // None so far: the archive has not all there is.
    partial: 'hold',
    ...(isNamed
      ? {
          expect: [Object.fromEntries(named) as Record<string, string>],
          missing: { policy: 'alert' as const, after: 1 },
          no_data: { policy: 'alert' as const, after: 1 },
        }
      : {}),
    summary: `${titleOf(form)}: none in ${formatDuration(form.window)}`,
  };
}

function expandBudget({ name, steps }: NonNullable<WrittenShortForms['budget']>): Meaning {
  const params: Params = name === undefined ? {} : { budget: name };
  return {
    query: readQuery('budget', [], params),
    params,
    steps: steps.map(({ severity, above }) => ({ severity, fire_when: `value > ${above}` })),
    latch: true,
    // A budget has a row for as long as its period lasts and it is there: without one, its alert is over.
    missing: { policy: 'ok' as const, after: 1 },
    no_data: { policy: 'ok' as const, after: 1 },
    context: { query: readQuery('spending', ['budget'], params), limit: EXAMPLES },
    summary: `budget \${budget}: \${spend_usd|2} of \${limit_usd|2} USD spent (\${value|percent}) in the \${period} from \${period_start}`,
  };
}

function trafficOf(form: Filtered & { window: number; lookback: number }, everyMs: number): Pick<Meaning, 'query' | 'params'> {
  const params = { window: formatDuration(form.window), lookback: formatDuration(form.lookback), ...filtersOf(form) };
  return { query: readQuery(readsRollups(form, everyMs) ? 'traffic' : 'traffic-raw', form.by, params), params };
}

function readsRollups({ window }: { window: number }, everyMs: number): boolean {
  return window % MINUTE_MS === 0 && everyMs % MINUTE_MS === 0;
}

function filtersOf(form: Filtered): Params {
  return Object.fromEntries(
    SERIES_COLUMNS.flatMap((column) => {
      const value = form[column];
      return value === undefined ? [] : [[column, value]];
    }),
  );
}

/** What the series are called in a message: their columns, and what they were filtered by. */
function titleOf(form: Filtered): string {
  return SERIES_COLUMNS.flatMap((column) => {
    if (form.by.includes(column)) return [`\${${column}}`];
    const filter = form[column];
    return filter === undefined ? [] : [filter.replaceAll('${', '$${')];
  }).join(' ');
}

function readQuery(name: string, by: readonly string[], params: Params): string {
  const given = new Set(['now', ...Object.keys(params), ...by.map((column) => `label_${column}`)]);
  const lines = readSql(`alerts/short-forms/${name}`)
    .split('\n')
    .filter((line) => !line.startsWith('--') && line !== '')
    .filter((line) => [...line.matchAll(/(?<!:):([a-z_]+)/g)].every(([, parameter]) => given.has(parameter ?? '')));
  const columns = SERIES_COLUMNS.filter((column) => by.includes(column)).join(', ');
  return `${lines.join('\n').replaceAll('/* by */', columns)}\n`;
}
