// What a silence is, as a schema: for the API, its OpenAPI document and the command line. Words are Alertmanager's. Loads neither a database driver
// nor what reads expressions: silence-draft.ts does.
import { z } from 'zod';
import { isStorableText } from '../../storable-text.ts';
import { parseDuration } from '../../units.ts';

/** Conditions of one silence at most. */
export const MAX_MATCHERS = 32;
const MAX_NAME = 200;
const MAX_VALUE = 2000;
const MAX_WRITTEN = 4000;
const MAX_COMMENT = 2000;
/** Ten years. */
const MAX_DURATION_MS = 3650 * 86_400_000;

const MATCHER_FORM = `allowed: a text such as 'service="shop"' or 'env=~"prod.*"', or {"name": "service", "value": "shop", "isRegex": false, "isEqual": true}`;
const MATCHERS_FORM = `allowed: a list of 1 to ${MAX_MATCHERS} matchers, all of which have to match`;
const TIME_FORM = 'allowed: a time as RFC 3339 has it, such as 2026-11-20T12:00:00Z';
const DURATION_FORM = 'allowed: how long it holds, such as 30m, 2h or 7d; from 1s to 3650d';
const BY_FORM = 'allowed: who makes it: 1 to 200 characters in one line';
const COMMENT_FORM = `allowed: why: 1 to ${MAX_COMMENT} characters`;
const BOOLEAN_FORM = 'allowed: true, false';

const limited = (most: number, form: string) => z.string({ error: form }).max(most, form).refine(isStorableText, form);

/** A time in a body. */
export function instant(form: string = TIME_FORM) {
  return z.iso.datetime({ offset: true, error: form }).transform((text, context) => {
    const date = new Date(text);
    if (date.getUTCFullYear() >= 1970 && date.getUTCFullYear() <= 9998) return date;
    context.addIssue(form);
    return z.NEVER;
  });
}

/** Who does something. */
export const person = z
  .string({ error: BY_FORM })
  .trim()
  .regex(/^[^\p{Cc}]{1,200}$/u, BY_FORM)
  .refine(isStorableText, BY_FORM);

const matcherMembers = {
  name: limited(MAX_NAME, MATCHER_FORM).min(1, MATCHER_FORM),
  value: limited(MAX_VALUE, MATCHER_FORM),
  isRegex: z.boolean({ error: BOOLEAN_FORM }).default(false),
  isEqual: z.boolean({ error: BOOLEAN_FORM }).default(true),
};
const matcherObject = z.strictObject(matcherMembers, {
  error: (issue) =>
    issue.code === 'unrecognized_keys' ? `unknown; allowed: ${Object.keys(matcherMembers).join(', ')}` : MATCHER_FORM,
});

/** A matcher as it is written. */
const writtenMatcher = z.union([z.string().refine(isStorableText, MATCHER_FORM), matcherObject], { error: MATCHER_FORM });

const lengthOf = (matcher: z.output<typeof writtenMatcher>) =>
  typeof matcher === 'string' ? matcher.length : matcher.name.length + matcher.value.length;

/** Matchers as they are written: as many characters as expressions are made of in well under a second, whatever they are. */
export const matcherList = z
  .array(writtenMatcher, { error: MATCHERS_FORM })
  .min(1, MATCHERS_FORM)
  .max(MAX_MATCHERS, MATCHERS_FORM)
  .refine((matchers) => matchers.reduce((sum, matcher) => sum + lengthOf(matcher), 0) <= MAX_WRITTEN, {
    error: `allowed: at most ${MAX_WRITTEN} characters, of all of them together`,
  });

const members = {
  startsAt: instant().optional().meta({ description: 'From when it holds. Default: now; in a change: as it was.' }),
  endsAt: instant().optional().meta({ description: 'Until when it holds.' }),
  duration: z
    .string({ error: DURATION_FORM })
    .transform((text, context) => {
      const ms = parseDuration(text);
      if (ms !== undefined && ms >= 1000 && ms <= MAX_DURATION_MS) return ms;
      context.addIssue(DURATION_FORM);
      return z.NEVER;
    })
    .optional()
    .meta({
      description: 'Instead of endsAt: how long it holds, from startsAt on, or from now on where it holds already.',
      example: '2h',
    }),
  createdBy: person.meta({ description: 'Who makes it.' }),
  comment: limited(MAX_COMMENT, COMMENT_FORM)
    .refine((text) => text.trim() !== '', COMMENT_FORM)
    .meta({ description: 'Why.' }),
};

/** The body of a silence, with matchers that are read as `matchers` reads them. */
export function silenceSchemaOf<Matchers extends z.ZodType>(matchers: Matchers) {
  const shape = {
    matchers: matchers.meta({
      description: 'All have to match the labels of an alert; one at least has to be untrue of a label that is not there.',
    }),
    ...members,
  };
  const allowed = Object.keys(shape).join(', ');
  return z
    .strictObject(shape, {
      error: (issue) =>
        issue.code === 'unrecognized_keys' ? `unknown; allowed: ${allowed}` : `allowed: an object with ${allowed}`,
    })
    .superRefine((given, context) => {
      const { endsAt, duration } = given as { endsAt?: Date; duration?: number };
      if ((endsAt === undefined) !== (duration === undefined)) return;
      const message = 'allowed: endsAt with a time, or duration with how long, and not both';
      context.addIssue({ code: 'custom', path: ['endsAt'], message });
    });
}

/** The body of `POST /silences` and `PUT /silences/{id}`. */
export const silenceSchema = silenceSchemaOf(matcherList);
