// The grammar of short forms: what stands in a rule instead of a query and its conditions.
import { z } from 'zod';
import { duration, line, strict, text, wholeNumber } from '../../schema-parts.ts';
import { parseDuration } from '../../units.ts';

/** Columns that tell series apart, in the order in which queries give them. */
export const SERIES_COLUMNS = ['service', 'type', 'name'] as const;

const MINUTE_MS = 60_000;
const SHARE_FORM = 'allowed: a share such as 10% or 0.1, from 0 to 1';
const share = z
  .union([z.number(), z.string().regex(/^\s*\d+(\.\d+)?\s*%\s*$/, SHARE_FORM)], { error: SHARE_FORM })
  .transform((given) => (typeof given === 'number' ? given : Number((Number.parseFloat(given) / 100).toPrecision(12))))
  .refine((value) => value >= 0 && value <= 1, SHARE_FORM);

const PER_MINUTE = { s: 60, m: 1, h: 1 / 60 } as const;
const RATE_FORM = 'allowed: a rate such as 100/s, 20/m or 3/h; a number alone is per minute';
/** Per minute. */
const rate = z
  .union([z.number().min(0, RATE_FORM), z.string().regex(/^\s*\d+(\.\d+)?\s*\/\s*[smh]\s*$/, RATE_FORM)], { error: RATE_FORM })
  .transform((given) => {
    if (typeof given === 'number') return given;
    return Number((Number.parseFloat(given) * PER_MINUTE[given.trim().slice(-1) as keyof typeof PER_MINUTE]).toPrecision(12));
  });

const QUANTILE_FORM = 'allowed: p50, p95, p99.9 and so on, or a number between 0 and 1';
const quantile = z
  .union([z.number(), z.string().regex(/^p\d{1,2}(\.\d+)?$/, QUANTILE_FORM)], { error: QUANTILE_FORM })
  .transform((given) => (typeof given === 'number' ? given : Number((Number(given.slice(1)) / 100).toPrecision(12))))
  .refine((value) => value > 0 && value < 1, QUANTILE_FORM);

/** Bound as text: what looks like a duration would be bound as an interval. */
const value = (what: string, most?: number) =>
  text(what, most).refine((given) => parseDuration(given) === undefined, 'looks like a duration; write the rule as a query');
const filters = {
  type: value('a type, such as api').optional(),
  service: value('a service').optional(),
  name: value('a name', 1000).optional(),
  by: z
    .array(z.enum(SERIES_COLUMNS, { error: `allowed: ${SERIES_COLUMNS.join(', ')}` }), {
      error: `allowed: a list of ${SERIES_COLUMNS.join(', ')}`,
    })
    .min(1, 'allowed: at least one column')
    .default([...SERIES_COLUMNS]),
} as const;
const window = (byDefault: number) => duration(1000, '; at least 1s').default(byDefault);
const atLeast = wholeNumber(1, 1_000_000_000).default(20);
const lookback = duration(3_600_000, '; at least 1h').default(86_400_000);

/** A key of a rule each; a rule has one of them, or a query. */
export const shortFormShape = {
  error_rate: strict({
    ...filters,
    above: share,
    clear: share.optional(),
    window: window(5 * MINUTE_MS),
    at_least: atLeast,
  }).optional(),
  latency: strict({
    ...filters,
    quantile: quantile.default(0.95),
    above: duration(0, ''),
    clear: duration(0, '').optional(),
    window: window(5 * MINUTE_MS),
    at_least: atLeast,
    exact: z.boolean({ error: 'allowed: true, false' }).default(false),
  }).optional(),
  throughput: strict({
    ...filters,
    above: rate.optional(),
    below: rate.optional(),
    clear: rate.optional(),
    window: window(5 * MINUTE_MS),
    lookback,
  }).optional(),
  absence: strict({ ...filters, window: window(15 * MINUTE_MS), lookback }).optional(),
  budget: strict({
    name: value('the name of a budget').optional(),
    steps: z
      .array(strict({ severity: line('a severity, such as warning'), above: share }), {
        error: 'allowed: a list of { severity, above }, mildest first',
      })
      .min(1, 'allowed: at least one step')
      .max(10, 'allowed: at most 10 steps')
      .default([
        { severity: 'warning', above: 0.9 },
        { severity: 'critical', above: 1 },
      ]),
  }).optional(),
} as const;

/** What is written of a rule in its short form. */
export type WrittenShortForms = { readonly [Form in keyof typeof shortFormShape]?: z.output<(typeof shortFormShape)[Form]> };
/** The keys of rules that are short forms. */
export const SHORT_FORMS = Object.keys(shortFormShape) as readonly (keyof typeof shortFormShape)[];
