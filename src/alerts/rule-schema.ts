// The grammar of rule files as schemas: what may be written where. Each rule is checked by itself, so that a bad one does not take the good
// ones with it. What keys mean together is checked in rule-check.ts; what a missing one means stands in rule-defaults.ts.
import { z } from 'zod';
import { suggestName } from '../name-suggestion.ts';
import { DURATION_FORM, parseDuration } from '../units.ts';

const LABEL_FORM = 'letters, digits and _, not beginning with a digit';
const LABEL = /^[A-Za-z_][A-Za-z0-9_]*$/;
const DURATION = /^\s*\d+(\.\d+)?(ms|s|m|h|d|w)\s*$/;
/** Names that Keepwatch gives itself. */
export const RESERVED_LABELS: readonly string[] = ['alertname'];

/** A strict object whose complaint about an unknown key says which was meant, or which keys there are. */
export function strict<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const allowed = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => `unknown key${suggestName(key, allowed)}`).join('\n')
        : `allowed: a map of ${allowed.join(', ')}`,
  });
}

/** A duration, in milliseconds. `least` ends the message of one that is too short, for example `; at least 1s`. */
export function duration(leastMs: number, least: string) {
  const say = (given: unknown) => `${typeof given === 'string' ? `got "${given}"; ` : ''}allowed: ${DURATION_FORM}${least}`;
  return z
    .string({ error: () => say(undefined) })
    .regex(DURATION, { error: ({ input }) => say(input) })
    .transform((given, context) => {
      const ms = parseDuration(given);
      if (ms === undefined || ms < leastMs || !Number.isSafeInteger(ms)) {
        context.addIssue(say(given));
        return z.NEVER;
      }
      return ms;
    });
}

/** Text that Postgres can keep, in jsonb too: a rule that holds other text would fail with every slot, and its group with it. */
const STORABLE = { error: 'holds NUL or half of a surrogate pair, which Postgres cannot store' };

function isStorable(value: unknown): boolean {
  return typeof value !== 'string' || !/\0|\p{Surrogate}/u.test(value);
}

export function text(what: string, most = 200) {
  return z
    .string({ error: `allowed: ${what}` })
    .trim()
    .min(1, `allowed: ${what}`)
    .max(most, `allowed: at most ${most} characters`)
    .refine(isStorable, STORABLE);
}

export function wholeNumber(least: number, most: number) {
  const form = `allowed: a whole number from ${least} to ${most}`;
  return z.int({ error: form }).min(least, form).max(most, form);
}

export const line = (what: string, most?: number) => text(what, most).regex(/^[^\p{Cc}]+$/u, `allowed: ${what} in one line`);
const query = (what: string) => z.string({ error: `allowed: ${what}` }).refine(isStorable, STORABLE);
const condition = (example: string) => text(`a condition, such as ${example}`, 4000);
const oneOf = <const Words extends readonly [string, ...string[]]>(words: Words) =>
  z.enum(words, { error: `allowed: ${words.join(', ')}` });

const labelName = z
  .string()
  .regex(LABEL, `allowed: a label name of ${LABEL_FORM}`)
  .refine((name) => !RESERVED_LABELS.includes(name), { error: 'is given by Keepwatch; allowed: another name' });
const scalar = z
  .union([z.string(), z.number(), z.boolean()], { error: 'allowed: text, a number, true or false' })
  .refine(isStorable, STORABLE);
const labelValue = scalar.transform(String).refine((value) => !value.includes('${'), {
  error: 'holds a placeholder; labels are fixed, columns are shown in annotations',
});
const labels = z.record(labelName, labelValue, { error: 'allowed: a map of name: value' });

const samples = strict({ samples: wholeNumber(1, 32), of: wholeNumber(1, 32) });
const FOR_FORM = 'allowed: a duration such as 3m, or { samples: 3, of: 5 }';
/** What `for` may be. The error is that of the form which was meant. */
const forPolicy = z.union([duration(0, ''), samples], {
  error: ({ input, ...issue }) => {
    if (typeof input !== 'string' && (typeof input !== 'object' || input === null)) return FOR_FORM;
    const tried = (issue as { errors?: readonly (readonly z.core.$ZodIssue[])[] }).errors ?? [];
    const [found] = tried[typeof input === 'string' ? 0 : 1] ?? [];
    return found === undefined ? FOR_FORM : [...found.path, found.message].join(': ');
  },
});
const absence = strict({
  policy: oneOf(['keep', 'ok', 'alert', 'nodata']),
  after: wholeNumber(1, 10_000).default(1),
});

/** What every rule may say, whether it is written in SQL or in a short form. */
export const commonShape = {
  alert: line('a name'),
  uid: line('a name that stays').optional(),
  for: forPolicy.optional(),
  keep_firing_for: duration(0, '').optional(),
  missing: absence.optional(),
  no_data: absence.optional(),
  on_error: strict({ policy: oneOf(['keep', 'alert']), after: duration(0, '').default(300_000) }).optional(),
  max_messages: wholeNumber(1, 10_000).optional(),
  context: strict({ query: query('one SELECT that gives example rows'), limit: wholeNumber(1, 20).default(5) }).optional(),
  expect: z
    .union(
      [
        z.array(labels, { error: 'allowed: a list of label sets, or { query: … }' }).min(1).max(1000),
        strict({ query: query('one SELECT that gives a row per series') }),
      ],
      { error: 'allowed: a list of at most 1000 label sets, such as [{ service: shop }], or { query: … }' },
    )
    .optional(),
  labels: labels.optional(),
  annotations: z
    .record(z.string().regex(LABEL, `allowed: a name of ${LABEL_FORM}`), scalar.transform(String), {
      error: 'allowed: a map of name: text',
    })
    .optional(),
  notify: z
    .array(text('the name of a receiver'), { error: 'allowed: a list of receivers' })
    .min(1, 'allowed: at least one receiver')
    .optional(),
} as const;

/** What a rule in SQL may say besides. */
export const queryShape = {
  query: query('one SELECT that returns a row per series').optional(),
  params: z
    .record(z.string().regex(LABEL, `allowed: a parameter name of ${LABEL_FORM}`), scalar, {
      error: 'allowed: a map of name: value',
    })
    .optional(),
  fire_when: condition('value > 0.10 and events >= 50').optional(),
  clear_when: condition('value < 0.05').optional(),
  steps: z
    .array(strict({ severity: line('a severity, such as warning'), fire_when: condition('value > 0.9') }), {
      error: 'allowed: a list of { severity, fire_when }, mildest first',
    })
    .min(1, 'allowed: at least one step')
    .max(10, 'allowed: at most 10 steps')
    .optional(),
  latch: z.boolean({ error: 'allowed: true, false' }).optional(),
} as const;

/** One rule. */
export const ruleSchema = strict({ ...commonShape, ...queryShape });

/** A rule whose words are in order. */
export type WrittenRule = z.output<typeof ruleSchema>;

const groupShape = {
  name: line('a name'),
  every: duration(1000, '; at least 1s').default(60_000),
  max_wait: duration(0, '').optional(),
} as const;

/** A group, its rules unchecked. */
export const groupSchema = strict({ ...groupShape, rules: z.array(z.unknown(), { error: 'allowed: a list of rules' }) });

/** A file, its groups unchecked. */
export const fileSchema = strict({ groups: z.array(z.unknown(), { error: 'allowed: a list of groups' }) });
