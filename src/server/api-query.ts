// Checks the query strings of /api/v1 and fills in their defaults.
import { z } from 'zod';
import { EVENT_STATUSES, EVENT_TYPES } from '../event.ts';

const TIME_FORM = 'allowed: RFC 3339 (2026-11-20T12:00:00Z) or seconds since the epoch';

const time = z.string().transform((text, context) => {
  const date = /^\d+(\.\d+)?$/.test(text) ? new Date(Number(text) * 1000) : new Date(text);
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() < 1970 || date.getUTCFullYear() > 9998) {
    context.addIssue(TIME_FORM);
    return z.NEVER;
  }
  return date;
});

const name = z
  .string()
  .min(1)
  .max(200)
  .refine((text) => !text.includes('\0'), 'allowed: a name without NUL');
const type = z.enum(EVENT_TYPES, { error: `allowed: ${EVENT_TYPES.join(', ')}` });
const range = { from: time.optional(), to: time.optional() };

const summaryQuery = z.strictObject({ ...range, type: type.optional(), name: name.optional() });
const eventsQuery = z.strictObject({
  ...range,
  type: type.optional(),
  name: name.optional(),
  status: z.enum(EVENT_STATUSES, { error: `allowed: ${EVENT_STATUSES.join(', ')}` }).optional(),
  limit: z.coerce
    .number({ error: 'allowed: 1 to 1000' })
    .int()
    .min(1, 'allowed: 1 to 1000')
    .max(1000, 'allowed: 1 to 1000')
    .default(100),
  cursor: z.string().min(1).max(500).optional(),
});

const DEFAULT_RANGE_MS = 3_600_000;

/** A query string that is not as it should be; the message names each parameter, what was given, what is allowed. */
export class BadQuery extends Error {
  override readonly name = 'BadQuery';
}

/** `GET /api/v1/summary`: the last hour unless told otherwise. @throws BadQuery */
export function parseSummaryQuery(query: unknown, now: number) {
  return withRange(parse(summaryQuery, query), now);
}

/** `GET /api/v1/events`: the last hour unless told otherwise, 100 at a time. @throws BadQuery */
export function parseEventsQuery(query: unknown, now: number) {
  return withRange(parse(eventsQuery, query), now);
}

function parse<S extends z.ZodObject>(schema: S, query: unknown): z.output<S> {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  const given = query as Record<string, unknown>;
  const problems = parsed.error.issues.map((issue) => {
    if (issue.code === 'unrecognized_keys')
      return `${issue.keys.join(', ')}: unknown; allowed: ${Object.keys(schema.shape).join(', ')}`;
    const key = String(issue.path[0] ?? '');
    return key === '' ? issue.message : `${key}: got ${JSON.stringify(given[key])?.slice(0, 100)}; ${issue.message}`;
  });
  throw new BadQuery(problems.join('; '));
}

function withRange<Q extends { from?: Date | undefined; to?: Date | undefined }>(
  query: Q,
  now: number,
): Q & { from: Date; to: Date } {
  const to = query.to ?? new Date(now);
  const from = query.from ?? new Date(to.getTime() - DEFAULT_RANGE_MS);
  if (from >= to) throw new BadQuery(`from: ${from.toISOString()} is not before to: ${to.toISOString()}`);
  return { ...query, from, to };
}
