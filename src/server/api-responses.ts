// What /api/v1 answers, as schemas: the OpenAPI document is made from them, and the readers' types are checked against them.
import { z } from 'zod';
import { EVENT_STATUSES, EVENT_TYPES } from '../event.ts';
import { LOG_LEVELS, type LogLevel } from '../log.ts';

/** What a reader may give for `T`: the same, read-only. */
export type Answer<T> = T extends (infer E)[]
  ? readonly Answer<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Answer<T[K]> }
    : T;

/** When. */
export const time = z.string().meta({ description: 'ISO 8601 in UTC.', format: 'date-time' });
/** Where the next page begins. */
export const cursor = z.string().optional().meta({ description: 'For the next page; absent on the last one.' });
export const labels = z.record(z.string(), z.string());
export const anyObject = z.record(z.string(), z.unknown());

/** The records of what became of one thing. @param actor where the client says who did it */
export function changesOf<const Action extends string>(actions: readonly Action[], actor: string) {
  const change = z.object({
    at: time,
    action: z.enum(actions),
    actor: z.string().meta({ description: `Who, as the client says: ${actor}.` }),
    version: z.number(),
    before: anyObject.nullable(),
    after: anyObject.nullable(),
  });
  return z.array(change).meta({ description: 'Newest first, at most 100.' });
}

const share = z.number().min(0).max(1);
const hexOrNull = z.string().nullable();

/** The `data` of `GET /summary`. */
export const summaryData = z
  .array(
    z.object({
      type: z.enum(EVENT_TYPES),
      name: z.string(),
      count: z.number().meta({ description: 'Executions: the sum of the weights, aborted ones included.' }),
      failures: z.number(),
      aborted: z.number().meta({ description: 'Counted, and left out of all that follows.' }),
      success_rate: share
        .nullable()
        .meta({ description: 'Share of those that were not aborted; null where all were, as the rest.' }),
      avg_ms: z.number().nullable(),
      min_ms: z.number().nullable(),
      max_ms: z.number().nullable(),
      p50_ms: z.number().nullable(),
      p95_ms: z.number().nullable(),
      p99_ms: z.number().nullable(),
    }),
  )
  .meta({ description: 'Rate, errors and duration of each type and name; the busiest first.' });

const execution = {
  id: z.string().meta({ format: 'uuid' }),
  name: z.string(),
  type: z.enum(EVENT_TYPES),
  status: z.enum(EVENT_STATUSES),
  start_time: time,
  end_time: time,
  duration_ms: z.number(),
  service: z.string(),
  span_id: hexOrNull,
  parent_span_id: hexOrNull,
  error: z.string().nullable(),
  metadata: anyObject,
  weight: z.number().meta({ description: 'How many executions it stands for; 1 unless sampled.' }),
};

/** The `data` of `GET /events`. */
export const eventsData = z.object({
  events: z.array(z.object({ ...execution, trace_id: hexOrNull, source_id: z.string() })).meta({ description: 'Newest first.' }),
  cursor,
});

const logLine = {
  id: z.string().meta({ format: 'uuid' }),
  time,
  level: z.enum(Object.keys(LOG_LEVELS) as LogLevel[]).meta({ description: 'The name that `level_number` has reached.' }),
  level_number: z.int(),
  message: z.string(),
  logger: z.string().nullable(),
  service: z.string(),
  span_id: hexOrNull,
  attributes: anyObject,
};

/** The `data` of `GET /logs`. */
export const logsData = z.object({
  logs: z.array(z.object({ ...logLine, trace_id: hexOrNull, source_id: z.string() })).meta({ description: 'Newest first.' }),
  cursor,
});

const offset = z.number().meta({ description: 'Milliseconds from the beginning of the trace.' });

/** The `data` of `GET /traces/{id}`. */
export const traceData = z.object({
  trace_id: z.string(),
  start_time: time,
  end_time: time,
  duration_ms: z
    .number()
    .meta({ description: 'From the first start to the last end; without spans, from the first line to the last.' }),
  spans: z
    .array(
      z.object({
        ...execution,
        offset_ms: offset,
        depth: z.int().meta({ description: 'How many spans of this answer are above it.' }),
        is_parent_missing: z.boolean(),
      }),
    )
    .meta({ description: 'In the order in which they began.' }),
  logs: z.array(z.object({ ...logLine, offset_ms: offset })).meta({ description: 'In the order of time, the first one first.' }),
  failures: z.int(),
  services: z.array(z.string()).meta({ description: 'Of spans and log lines.' }),
  missing_span_ids: z.array(z.string()).meta({ description: 'Parents that spans name and that are not here.' }),
  is_truncated: z.boolean().meta({ description: 'There are more spans than `limit`; these are the first.' }),
  are_logs_truncated: z.boolean().meta({ description: 'There are more log lines than `log_limit`; these are the first.' }),
  searched: z.object({ from: time.nullable(), to: time.nullable() }).meta({ description: 'Null: without a bound.' }),
});

const point = z.tuple([z.number(), z.number().nullable()]).meta({
  description: 'Begin of the step in seconds since the epoch, and the value; null where nothing ended that could tell.',
});

/** The `data` of `GET /timeseries`. */
export const timeseriesData = z.object({
  agg: z.string(),
  from: time,
  to: time,
  step_seconds: z.number(),
  group_by: z.string().nullable(),
  group_count: z.int().meta({ description: 'How many groups there are; `series` has the 20 busiest.' }),
  series: z.array(
    z.object({
      value: z.string().nullable().meta({ description: 'Of `group_by`; null: all, or what has no such label.' }),
      points: z
        .array(point)
        .meta({ description: 'One for each step; the first and the last one may lie in part outside of the range.' }),
    }),
  ),
});

const dimension = {
  values: z.array(z.object({ value: z.string(), count: z.number() })).meta({ description: 'The busiest first.' }),
  value_count: z.int().meta({ description: 'How many there are, also those behind `limit`.' }),
};

/** The `data` of `GET /dimensions`. */
export const dimensionsData = z.object({
  from: time.meta({ description: 'The range in whole minutes, which is what was counted.' }),
  to: time,
  services: z.object(dimension),
  types: z.object(dimension),
  names: z.object(dimension),
  labels: z
    .array(z.object({ label: z.string(), ...dimension }))
    .meta({ description: 'Of the metrics, in the order of their names; at most 50.' }),
  label_count: z.int().meta({ description: 'How many labels there are.' }),
});

const totals = {
  count: z.number().meta({ description: 'Executions, aborted ones included.' }),
  failures: z.number(),
  aborted: z.number(),
  error_rate: share
    .nullable()
    .meta({ description: 'failures / (count - aborted); null where all were aborted, or nothing ended.' }),
  avg_ms: z.number().nullable(),
  p95_ms: z.number().nullable(),
};
const nameTotals = z.object({ service: z.string(), type: z.string(), name: z.string(), ...totals });

/** The `data` of `GET /dashboard`. */
export const dashboardData = z.object({
  from: time,
  to: time,
  totals: z.object({ ...totals, per_second: z.number(), p50_ms: z.number().nullable(), p99_ms: z.number().nullable() }),
  name_count: z.int().meta({ description: 'How many services, types and names there are.' }),
  top: z.array(nameTotals).meta({ description: 'The busiest.' }),
  failing: z.array(nameTotals).meta({ description: 'Those with the most failures.' }),
  errors: z
    .array(
      z.object({
        fingerprint: z.string().nullable().meta({ description: 'The error without numbers, ids and quoted texts.' }),
        service: z.string(),
        type: z.string(),
        name: z.string(),
        count: z.number(),
        last_seen: time,
        example_error: z.string().nullable(),
        example_trace_id: hexOrNull,
      }),
    )
    .meta({ description: 'The most frequent first; of as long ago as raw events are kept.' }),
  step_seconds: z.number(),
  rate: z.array(point).meta({ description: 'Executions a second.' }),
  error_rate: z.array(point),
  p95_ms: z.array(point),
  health: z
    .object({ state: z.enum(['ok', 'degraded']), reasons: z.array(z.string()) })
    .meta({ description: 'Of the process that answers, as `/readyz` tells it.' }),
});
