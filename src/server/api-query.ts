// Checks the queries of /api/v1 and fills in their defaults. All problems of a query are told together.
import { z } from 'zod';
import { EVENT_STATUSES } from '../event.ts';
import { formatDuration } from '../units.ts';
import {
  dashboardParameters,
  dimensionsParameters,
  eventsParameters,
  logsParameters,
  summaryParameters,
  timeseriesParameters,
  traceParameters,
} from './api-parameters.ts';
import { parseQueryString } from './query-string.ts';

const DEFAULT_RANGE_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Points of a timeseries at most, of all its series together. */
const MAX_POINTS = 11_000;
/** Series at most, as src/archive/queries/timeseries.ts has them. */
const MAX_GROUPS = 20;
/** Where the step is not given. */
const USUAL_POINTS = 300;
const DASHBOARD_POINTS = 120;
/** Steps that are no whole minutes are counted from raw rows: for so long a range at most. */
const RAW_RANGE_S = 21_600;

/** A query that is not as it should be; the message names each parameter, what was given, what is allowed. */
export class BadQuery extends Error {
  override readonly name = 'BadQuery';
}

/** `GET /summary`: the last hour unless told otherwise. @throws BadQuery */
export function parseSummaryQuery(url: string, now: number) {
  return withRange(parse(summaryParameters, url), now);
}

/** `GET /events`: the last hour unless told otherwise, 100 at a time; with a cursor the range of its first page. @throws BadQuery */
export function parseEventsQuery(url: string, now: number) {
  const query = parse(eventsParameters, url);
  const { name, min_duration_ms, max_duration_ms, trace_id, has_metadata, ...same } = query;
  const problems: string[] = [];
  if (min_duration_ms !== undefined && max_duration_ms !== undefined && min_duration_ms > max_duration_ms)
    problems.push(`min_duration_ms: got ${min_duration_ms}; allowed: not more than max_duration_ms (${max_duration_ms})`);
  const range = query.cursor === undefined ? withDefaults(query, now) : query;
  problems.push(...rangeProblems(range, now));
  if (problems.length > 0) throw new BadQuery(problems.join('; '));
  return {
    ...same,
    from: range.from,
    to: range.to,
    names: name,
    minDurationMs: min_duration_ms,
    maxDurationMs: max_duration_ms,
    traceId: trace_id,
    metadataKeys: has_metadata,
  };
}

/** `GET /logs`: as events, of the time that lines were logged. @throws BadQuery */
export function parseLogsQuery(url: string, now: number) {
  const { trace_id: traceId, ...query } = parse(logsParameters, url);
  const range = query.cursor === undefined ? withDefaults(query, now) : query;
  const problems = rangeProblems(range, now);
  if (problems.length > 0) throw new BadQuery(problems.join('; '));
  return { ...query, from: range.from, to: range.to, traceId };
}

/** `GET /timeseries`: the last hour, in at most 300 points, unless told otherwise. @throws BadQuery */
export function parseTimeseriesQuery(url: string, now: number) {
  const { step, group_by: groupBy, ...query } = withRange(parse(timeseriesParameters, url), now);
  const seconds = (query.to.getTime() - query.from.getTime()) / 1000;
  const stepSeconds = step ?? chooseStep(seconds, USUAL_POINTS);
  const most = MAX_POINTS / (groupBy === undefined ? 1 : groupBy === 'status' ? EVENT_STATUSES.length : MAX_GROUPS);
  if (seconds / stepSeconds > most) {
    const least = Math.ceil(seconds / most);
    const why = `at most ${MAX_POINTS} points${groupBy === undefined ? '' : `, with ${MAX_POINTS / most} groups`}`;
    throw new BadQuery(
      `step: got ${stepSeconds}s for ${formatDuration(seconds * 1000)}; allowed: at least ${least}s (${why}), or a shorter range`,
    );
  }
  if (stepSeconds % 60 !== 0 && seconds > RAW_RANGE_S)
    throw new BadQuery(
      `step: got ${stepSeconds}s; allowed: whole minutes for a range of more than ${formatDuration(RAW_RANGE_S * 1000)}`,
    );
  return { ...query, stepSeconds, groupBy };
}

/** `GET /dimensions`: of the last hour unless told otherwise. @throws BadQuery */
export function parseDimensionsQuery(url: string, now: number) {
  return withRange(parse(dimensionsParameters, url), now);
}

/** `GET /dashboard`: of the last hour unless told otherwise. @throws BadQuery */
export function parseDashboardQuery(url: string, now: number) {
  const query = withRange(parse(dashboardParameters, url), now);
  return { ...query, stepSeconds: chooseStep((query.to.getTime() - query.from.getTime()) / 1000, DASHBOARD_POINTS) };
}

const STEPS_S = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];

/** The shortest usual step that gives no more than `points`; whole weeks for what is longer than all of them. */
function chooseStep(seconds: number, points: number): number {
  const weeks = Math.ceil(seconds / points / 604_800);
  return STEPS_S.find((step) => seconds / step <= points) ?? weeks * 604_800;
}

/** `GET /traces/{id}`: 1000 spans and 1000 log lines unless told otherwise. @throws BadQuery */
export function parseTraceQuery(url: string, id: string) {
  const { id: traceId, log_limit: logLimit, ...query } = parse(traceParameters, url, { id });
  return { traceId, logLimit, ...query };
}

/** Checks a query, and what stands in the path. @throws BadQuery naming all problems */
export function parse<S extends z.ZodObject>(schema: S, url: string, path: Readonly<Record<string, string>> = {}): z.output<S> {
  const { parameters, problems: unreadable } = parseQueryString(url);
  const problems = [...unreadable];
  const given: Record<string, unknown> = { ...path };
  const unknown: string[] = [];
  for (const [key, values] of parameters) {
    const group = groupOf(schema, key);
    if (Object.hasOwn(path, key)) problems.push(`${key}: unknown; it stands in the path`);
    else if (group === undefined && !Object.hasOwn(schema.shape, key)) unknown.push(key.slice(0, 100));
    else if (isRepeatable(schema, key)) given[key] = values;
    else if (values.length > 1) problems.push(`${key}: got ${quote(values)}; allowed: once`);
    else if (group === undefined) given[key] = values[0];
    else given[group] = { ...(given[group] as object), [key.slice(group.length + 1)]: values[0] };
  }
  if (unknown.length > 0) problems.push(`${unknown.join(', ')}: unknown; allowed: ${allowedKeys(schema)}`);
  const parsed = schema.safeParse(given);
  if (!parsed.success) problems.push(...parsed.error.issues.map((issue) => describe(issue, given)));
  if (!parsed.success || problems.length > 0) throw new BadQuery(problems.join('; '));
  return parsed.data;
}

/** `metadata` for `metadata.user_id`, where the query has such a group. The one name that an object cannot have is none of its members. */
function groupOf(schema: z.ZodObject, key: string): string | undefined {
  if (key.endsWith('.__proto__')) return undefined;
  const group = key.slice(0, Math.max(0, key.indexOf('.')));
  return Object.hasOwn(schema.shape, group) && unwrapped(schema, group) instanceof z.ZodRecord ? group : undefined;
}

function isRepeatable(schema: z.ZodObject, key: string): boolean {
  return Object.hasOwn(schema.shape, key) && unwrapped(schema, key) instanceof z.ZodArray;
}

function unwrapped(schema: z.ZodObject, key: string): unknown {
  const field: unknown = schema.shape[key];
  return field instanceof z.ZodOptional ? field.unwrap() : field;
}

function describe(issue: z.core.$ZodIssue, given: Readonly<Record<string, unknown>>): string {
  const [key, ...inside] = issue.path.map(String);
  if (key === undefined) return issue.message;
  const value = inside.reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], given[key]);
  const isMember = inside.length > 0 && !Array.isArray(given[key]);
  const place = isMember ? `${key}.${inside.join('.').slice(0, 100)}` : key;
  return `${place}: got ${Array.isArray(value) ? `${value.length} values` : quote(value)}; ${messageOf(issue)}`;
}

/** What is wrong with the name of a member is told by the schema of names. */
function messageOf(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
}

function allowedKeys(schema: z.ZodObject): string {
  return Object.keys(schema.shape)
    .map((key) => (unwrapped(schema, key) instanceof z.ZodRecord ? `${key}.<member>` : key))
    .join(', ');
}

function quote(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 100) ?? 'nothing';
}

interface GivenRange {
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

function withDefaults({ from, to }: GivenRange, now: number): { from: Date; to: Date } {
  const end = to ?? new Date(now);
  return { from: from ?? new Date(end.getTime() - DEFAULT_RANGE_MS), to: end };
}

export function rangeProblems({ from, to }: GivenRange, now: number): string[] {
  if (from === undefined) return [];
  if (from.getTime() > now)
    return [`from: ${from.toISOString()} is in the future; allowed: before ${new Date(now).toISOString()}`];
  if (to === undefined || from < to) return [];
  return [`from: ${from.toISOString()} is not before to: ${to.toISOString()}`];
}

/**
 * For what is counted: a range that ends now ends with the minute that runs, in which nothing comes later than now. Whole minutes are told by
 * rollups alone; what happened in a part of one has to be read from raw rows.
 */
export function withRange<Q extends GivenRange>(query: Q, now: number): Omit<Q, 'from' | 'to'> & { from: Date; to: Date } {
  const range = withDefaults(query, Math.ceil(now / MINUTE_MS) * MINUTE_MS);
  const problems = rangeProblems(range, now);
  if (problems.length > 0) throw new BadQuery(problems.join('; '));
  return { ...query, ...range };
}
