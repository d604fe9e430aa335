// The grammar of `route`, `inhibit_rules` and `time_intervals`: Alertmanager's words, so that what is written for it can be taken over.
import { z } from 'zod';
import { describeError } from '../errors.ts';
import { duration, line, strict, wholeNumber } from '../schema-parts.ts';
import { type Matcher, parseMatchers } from './matcher.ts';
import type { GroupBy, RouteDefinition } from './route.ts';
import {
  checkLocation,
  parseDaysOfMonth,
  parseMonths,
  parseTimes,
  parseWeekdays,
  parseYears,
  type Range,
  type TimeInterval,
} from './time-interval.ts';

/** What a function reads or throws, as a schema. */
function readBy<In, Out>(schema: z.ZodType<In>, read: (given: In) => Out) {
  return schema.transform((given, context): Out => {
    try {
      return read(given);
    } catch (error) {
      context.addIssue(describeError(error));
      return z.NEVER;
    }
  });
}

const MATCHERS_FORM = `allowed: a list of matchers, such as ['severity="page"', 'team=~"db|search"']`;
const matchers = z
  .array(readBy(z.string({ error: MATCHERS_FORM }), parseMatchers), { error: MATCHERS_FORM })
  .transform((lists): Matcher[] => lists.flat());

/** The words of Alertmanager before 0.22. */
const oldMatchers = (words: string) => z.undefined({ error: `is of old Alertmanagers; write ${words}` }).optional();

const names = (what: string) => z.array(line(what), { error: `allowed: a list of names of ${what}` });

const GROUP_BY_FORM = `allowed: a list of labels, or ['...'] for all of them`;
const groupBy = z
  .array(line('a label'), { error: GROUP_BY_FORM })
  .refine((labels) => new Set(labels).size === labels.length, 'a label is named twice')
  .refine((labels) => !labels.includes('...') || labels.length === 1, `'...' stands alone`)
  .transform((labels): GroupBy => (labels[0] === '...' ? 'all' : labels));

const timing = {
  group_wait: duration(0, '').optional(),
  group_interval: duration(1, '; more than 0').optional(),
  repeat_interval: duration(1, '; more than 0').optional(),
};

const childRoute = strict({
  receiver: line('the name of a receiver').optional(),
  group_by: groupBy.optional(),
  ...timing,
  matchers: matchers.optional(),
  match: oldMatchers(`matchers: ['label="value"']`),
  match_re: oldMatchers(`matchers: ['label=~"expression"']`),
  continue: z.boolean({ error: 'allowed: true, false' }).optional(),
  mute_time_intervals: names('time_intervals').optional(),
  active_time_intervals: names('time_intervals').optional(),
  escalation: line('the name of an escalation').optional(),
  get routes(): z.ZodOptional<z.ZodArray<z.ZodType<RouteDefinition>>> {
    return z.array(routeDefinition).optional();
  },
});
type WrittenRoute = z.output<typeof childRoute>;

const routeDefinition: z.ZodType<RouteDefinition> = childRoute.transform(toDefinition);

function toDefinition(given: Omit<WrittenRoute, 'match' | 'match_re'>): RouteDefinition {
  return {
    receiver: given.receiver,
    groupBy: given.group_by,
    ...(given.group_wait === undefined ? {} : { groupWaitMs: given.group_wait }),
    ...(given.group_interval === undefined ? {} : { groupIntervalMs: given.group_interval }),
    ...(given.repeat_interval === undefined ? {} : { repeatIntervalMs: given.repeat_interval }),
    matchers: given.matchers ?? [],
    continue: given.continue ?? false,
    muteTimeIntervals: given.mute_time_intervals ?? [],
    activeTimeIntervals: given.active_time_intervals ?? [],
    escalation: given.escalation,
    routes: given.routes ?? [],
  };
}

/** The root takes everything: it has a receiver, and no matchers. */
export const routeSchema = strict({
  receiver: line('the name of a receiver'),
  group_by: groupBy.optional(),
  ...timing,
  escalation: line('the name of an escalation').optional(),
  routes: z.array(routeDefinition).optional(),
}).transform((given): RouteDefinition & { receiver: string } => ({
  ...toDefinition(given),
  receiver: given.receiver,
}));

/** Rules of inhibition. */
export const inhibitRulesSchema = z.array(
  strict({
    name: line('a name').optional(),
    source_matchers: matchers,
    target_matchers: matchers,
    source_match: oldMatchers('source_matchers'),
    target_match: oldMatchers('target_matchers'),
    equal: z.array(line('a label'), { error: 'allowed: a list of labels' }).optional(),
  }).transform(({ name, source_matchers, target_matchers, equal = [] }) => ({
    name,
    sourceMatchers: source_matchers,
    targetMatchers: target_matchers,
    equal,
  })),
  { error: 'allowed: a list of rules, each with source_matchers, target_matchers and equal' },
);

const ranges = (what: string, read: (text: string) => Range) =>
  z
    .array(readBy(z.union([z.string(), z.int().transform(String)], { error: `allowed: ${what}` }), read), {
      error: `allowed: a list of ${what}`,
    })
    .optional();

const clock = z.string({ error: 'allowed: a time in quotes, such as "09:00"' });
const timeInterval = strict({
  times: z
    .array(readBy(strict({ start_time: clock, end_time: clock }), (given) => parseTimes(given.start_time, given.end_time)))
    .optional(),
  weekdays: ranges('days of the week', parseWeekdays),
  days_of_month: ranges('days', parseDaysOfMonth),
  months: ranges('months', parseMonths),
  years: ranges('years', parseYears),
  location: readBy(line('a time zone'), checkLocation).optional(),
}).transform(({ days_of_month, ...rest }): TimeInterval => ({ ...rest, daysOfMonth: days_of_month }));

/** Named times; a route names those in which it is silent, or the only ones in which it is not. */
export const timeIntervalsSchema = z
  .array(strict({ name: line('a name'), time_intervals: z.array(timeInterval).min(1, 'allowed: at least one interval') }))
  .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'every name stands once')
  .transform((list) => new Map(list.map(({ name, time_intervals }) => [name, time_intervals as readonly TimeInterval[]])));

const MAX_LEVELS = 10;

/** Who hears later of what nobody has acknowledged; a route names one. */
export const escalationsSchema = z
  .array(
    strict({
      name: line('a name'),
      levels: z
        .array(strict({ receiver: line('the name of a receiver'), after: duration(1000, '; at least 1s') }))
        .min(1, 'allowed: at least one level')
        .max(MAX_LEVELS, `allowed: at most ${MAX_LEVELS} levels`),
    }),
    { error: 'allowed: a list of escalations, each with name and levels' },
  )
  .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'every name stands once')
  .transform(
    (list) =>
      new Map(list.map(({ name, levels }) => [name, levels.map(({ receiver, after }) => ({ receiver, afterMs: after }))])),
  );

const FLAP_FORM = 'allowed: off, or { changes: 4, slots: 20 }';
/** How many times an alert begins or ends within how many slots until it is told as flapping. */
export const flapDampingSchema = z.union(
  [
    z.literal('off'),
    z.literal(false).transform(() => 'off' as const),
    strict({ changes: wholeNumber(3, 100), slots: wholeNumber(3, 1000) }),
  ],
  { error: FLAP_FORM },
);
