// The grammar of rule files as schemas: what may be written where. Each rule is checked by itself, so that a bad one does not take the good
// ones with it. What keys mean together is checked in rule-check.ts; what a missing one means stands in rule-defaults.ts.
import { z } from 'zod';
import { duration, isStorable, line, STORABLE, strict, text, wholeNumber } from '../schema-parts.ts';
import { shortFormShape } from './short-forms/short-form-schema.ts';

const LABEL_FORM = 'letters, digits and _, not beginning with a digit';
const LABEL = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Names that Keepwatch gives itself. */
export const RESERVED_LABELS: readonly string[] = ['alertname'];

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
const commonShape = {
  alert: line('a name'),
  uid: line('a name that stays').optional(),
  for: forPolicy.optional(),
  keep_firing_for: duration(0, '').optional(),
  missing: absence.optional(),
  no_data: absence.optional(),
  on_error: strict({ policy: oneOf(['keep', 'alert']), after: duration(0, '').default(300_000) }).optional(),
  partial: oneOf(['evaluate', 'hold']).optional(),
  max_messages: wholeNumber(1, 10_000).optional(),
  context: strict({ query: query('one SELECT that gives example rows'), limit: wholeNumber(1, 20).default(5) }).optional(),
  expect: z
    .union(
      [
        z.array(labels, { error: 'allowed: a list of label sets, or { query: … }' }).max(1000),
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
const queryShape = {
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

/** What a short form says itself. */
export const QUERY_KEYS = Object.keys(queryShape) as readonly (keyof typeof queryShape)[];

/** One rule. */
export const ruleSchema = strict({ ...commonShape, ...queryShape, ...shortFormShape });

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

/** A file with all that is in it: what editors are told. */
export const wholeFileSchema = strict({ groups: z.array(strict({ ...groupShape, rules: z.array(ruleSchema) })) });
