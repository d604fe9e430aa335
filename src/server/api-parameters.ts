// The parameters of /api/v1: how each is written, and what it becomes. The OpenAPI document is made from these schemas.
import { z } from 'zod';
import { EVENT_STATUSES, EVENT_TYPES } from '../event.ts';
import { LOG_LEVELS, type LogLevel } from '../log.ts';
import { parseDuration } from '../units.ts';

const TIME_FORM = 'allowed: RFC 3339 (2026-11-20T12:00:00Z) or seconds since the epoch';
const RFC_3339 = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/i;
const TRACE_FORM = 'allowed: a trace id, as 32 hexadecimal digits or as a uuid, not all zero';

/** What a point of a timeseries is: executions a second, their count, the share that failed, or a duration in milliseconds. */
const AGGREGATIONS = ['rate', 'count', 'error_rate', 'avg', 'p50', 'p95', 'p99'] as const;
const MAX_STEP_S = 400 * 86_400;
/** Names at most in one filter. */
const MAX_NAMES = 100;
/** Members of metadata at most in one filter. */
const MAX_MEMBERS = 10;

export function timeOf(description: string) {
  return z
    .string()
    .transform((text, context) => {
      const isTime = RFC_3339.test(text);
      const date = /^\d{1,12}(\.\d{1,9})?$/.test(text) ? new Date(Number(text) * 1000) : new Date(isTime ? text : Number.NaN);
      if (Number.isNaN(date.getTime()) || date.getUTCFullYear() < 1970 || date.getUTCFullYear() > 9998) {
        context.addIssue(TIME_FORM);
        return z.NEVER;
      }
      return date;
    })
    .meta({ description, example: '2026-11-20T12:00:00Z' });
}

export function textOf(maxLength: number, description?: string) {
  const form = `allowed: 1 to ${maxLength} characters without NUL`;
  return z
    .string()
    .min(1, form)
    .max(maxLength, form)
    .refine((text) => !text.includes('\0'), form)
    .meta(description === undefined ? {} : { description });
}

export function numberOf(description: string, form: { readonly min: number; readonly max: number; readonly isWhole: boolean }) {
  const { min, max, isWhole } = form;
  const allowed = `allowed: ${isWhole ? 'a whole number' : 'a number'}, ${min} to ${max}`;
  const pattern = isWhole ? /^\d{1,16}$/ : /^\d{1,16}(\.\d{1,16})?$/;
  return z
    .string()
    .transform((text, context) => {
      const number = pattern.test(text) ? Number(text) : Number.NaN;
      if (number >= min && number <= max) return number;
      context.addIssue(allowed);
      return z.NEVER;
    })
    .meta({ description, type: isWhole ? 'integer' : 'number', minimum: min, maximum: max });
}

export const limitOf = (most: number, usual: number) =>
  numberOf('How many at most.', { min: 1, max: most, isWhole: true }).prefault(String(usual)).meta({ default: usual });

export const cursor = textOf(
  500,
  'Where the last page ended, as its answer says. All other parameters have to be those of that page.',
).optional();

export const range = {
  from: timeOf('Beginning of the range, which it includes. Default: an hour before `to`.').optional(),
  to: timeOf('End of the range, which it excludes. Default: now.').optional(),
};
const typeText = z.enum(EVENT_TYPES, { error: `allowed: ${EVENT_TYPES.join(', ')}` });
const statusText = z.enum(EVENT_STATUSES, { error: `allowed: ${EVENT_STATUSES.join(', ')}` });
export const type = typeText.meta({ description: 'What kind of work.' }).optional();
export const name = textOf(500, 'What ran: a route with its method, an agent, a tool, a query.').optional();
export const service = textOf(500, 'The service that recorded it.').optional();
const status = statusText.meta({ description: 'How it ended.' }).optional();
const traceId = z
  .string()
  .transform((text, context) => {
    const digits = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text) ? text.replaceAll('-', '') : text;
    if (/^[\da-f]{32}$/i.test(digits) && /[^0]/.test(digits)) return digits.toLowerCase();
    context.addIssue(TRACE_FORM);
    return z.NEVER;
  })
  .meta({
    description: 'A trace id, as 32 hexadecimal digits (W3C) or as a uuid.',
    example: '0af7651916cd43dd8448eb211c80319c',
  });
const durationMs = (description: string) => numberOf(description, { min: 0, max: 1e12, isWhole: false }).optional();
const memberKey = textOf(200, 'A member of metadata.');

const step = z
  .string()
  .transform((text, context) => {
    const seconds = /^\d{1,9}$/.test(text) ? Number(text) : (parseDuration(text) ?? Number.NaN) / 1000;
    if (Number.isInteger(seconds) && seconds >= 1 && seconds <= MAX_STEP_S) return seconds;
    context.addIssue('allowed: whole seconds from 1s to 400d, such as 15s, 5m, 1h or 300');
    return z.NEVER;
  })
  .meta({
    description:
      'Distance of the points. Default: so that there are at most 300. Steps that are no whole minutes are for 6 hours at most.',
    example: '5m',
  });
const groupBy = textOf(200)
  .refine((text) => text !== 'all' && text !== 'series', 'allowed: type, name, service, status, or a label of the metrics')
  .meta({
    description: 'A series for each `type`, `name`, `service`, `status`, or value of a label of the metrics, such as `model`.',
  });
const agg = z.enum(AGGREGATIONS, { error: `allowed: ${AGGREGATIONS.join(', ')}` });

/** `GET /timeseries` */
export const timeseriesParameters = z.strictObject({
  ...range,
  type,
  name,
  service,
  agg: agg
    .default('rate')
    .meta({ description: 'Executions a second, their count, the share that failed, or milliseconds: average and quantiles.' }),
  step: step.optional(),
  group_by: groupBy.optional(),
});

/** `GET /dimensions` */
export const dimensionsParameters = z.strictObject({ ...range, limit: limitOf(1000, 100) });

/** `GET /dashboard` */
export const dashboardParameters = z.strictObject({ ...range, type, service, limit: limitOf(50, 10) });

/** `GET /summary` */
export const summaryParameters = z.strictObject({ ...range, type, name });

/** `GET /events` */
export const eventsParameters = z.strictObject({
  ...range,
  type,
  name: z
    .array(textOf(500))
    .max(MAX_NAMES, `allowed: at most ${MAX_NAMES} names; each more is another request`)
    .meta({ description: 'What ran; one of them when it is repeated.' })
    .optional(),
  service,
  status,
  min_duration_ms: durationMs('Events that took at least so long.'),
  max_duration_ms: durationMs('Events that took at most so long.'),
  trace_id: traceId.optional(),
  error: textOf(500, 'A part of the error, exactly as it stands there: no pattern, upper and lower case differ.').optional(),
  metadata: z
    .record(memberKey, z.string().max(1000, 'allowed: at most 1000 characters'))
    .refine((members) => Object.keys(members).length <= MAX_MEMBERS, `allowed: at most ${MAX_MEMBERS} members`)
    .refine((members) => !Object.values(members).some((text) => text.includes('\0')), 'allowed: text without NUL')
    .meta({
      description: '`metadata.user_id=42`: the member is there, and is this value as text. Several: all of them.',
      propertyNames: { pattern: '^metadata\\.' },
    })
    .optional(),
  has_metadata: z
    .array(memberKey)
    .max(MAX_MEMBERS, `allowed: at most ${MAX_MEMBERS} members`)
    .meta({ description: 'The member is there, whatever its value. Repeated: all of them.' })
    .optional(),
  limit: limitOf(1000, 100),
  cursor,
});

const logLevels = Object.keys(LOG_LEVELS) as LogLevel[];

/** `GET /logs` */
export const logsParameters = z.strictObject({
  from: range.from,
  to: range.to,
  level: z
    .enum(logLevels, { error: `allowed: ${logLevels.join(', ')}` })
    .meta({ description: 'Lines of at least this level.' })
    .optional(),
  service,
  logger: textOf(200, 'Name of the logger.').optional(),
  trace_id: traceId.optional(),
  message: textOf(500, 'A part of the message, exactly as it stands there: no pattern, upper and lower case differ.').optional(),
  limit: limitOf(1000, 100),
  cursor,
});

/** `GET /traces/{id}`; `id` stands in the path. */
export const traceParameters = z.strictObject({
  id: traceId,
  near: timeOf(
    'A moment of the trace: only its UTC day is searched (and the neighbour, within an hour of midnight), which is faster.',
  ).optional(),
  limit: limitOf(5000, 1000).meta({ description: 'How many spans at most.' }),
  log_limit: numberOf('How many log lines at most; 0 reads none.', { min: 0, max: 5000, isWhole: true })
    .prefault('1000')
    .meta({ default: 1000 }),
});
