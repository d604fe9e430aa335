// The grammar of rule files (DESIGN 5.7) as schemas. Each rule is checked by itself, so that a bad one does not take the good ones with it.
import { z } from 'zod';
import { DURATION_FORM, parseDuration } from '../units.ts';

const LABEL_FORM = 'letters, digits and _, not beginning with a digit';
const LABEL = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Names that Keepwatch gives itself. */
export const RESERVED_LABELS: readonly string[] = ['alertname'];

/** A strict object whose complaint about an unknown key says which keys there are. */
function strict<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const allowed = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? `unknown key; allowed: ${allowed}` : `allowed: a map of ${allowed}`),
  });
}

function duration(leastMs: number, least: string) {
  return z.string({ error: `allowed: ${DURATION_FORM}` }).transform((given, context) => {
    const ms = parseDuration(given);
    if (ms === undefined || ms < leastMs || !Number.isInteger(ms)) {
      context.addIssue(`got "${given}"; allowed: ${DURATION_FORM}${least}`);
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

function text(what: string, most = 200) {
  return z
    .string({ error: `allowed: ${what}` })
    .trim()
    .min(1, `allowed: ${what}`)
    .max(most, `allowed: at most ${most} characters`)
    .refine(isStorable, STORABLE);
}

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

/** One rule. */
export const ruleSchema = strict({
  alert: text('a name').regex(/^[^\p{Cc}]+$/u, 'allowed: a name in one line'),
  query: z.string({ error: 'allowed: one SELECT that returns a row per series' }).refine(isStorable, STORABLE),
  params: z
    .record(z.string().regex(LABEL, `allowed: a parameter name of ${LABEL_FORM}`), scalar, {
      error: 'allowed: a map of name: value',
    })
    .default({}),
  fire_when: text('a condition, such as value > 0.10 and events >= 50', 4000),
  clear_when: text('a condition, such as value < 0.05', 4000).optional(),
  for: duration(0, '').default(0),
  labels: z.record(labelName, labelValue, { error: 'allowed: a map of name: value' }).default({}),
  annotations: z
    .record(z.string().regex(LABEL, `allowed: a name of ${LABEL_FORM}`), scalar.transform(String), {
      error: 'allowed: a map of name: text',
    })
    .default({}),
  notify: z
    .array(text('the name of a receiver'), { error: 'allowed: a list of receivers' })
    .min(1, 'allowed: at least one receiver')
    .optional(),
});

/** A group, its rules unchecked. */
export const groupSchema = strict({
  name: text('a name').regex(/^[^\p{Cc}]+$/u, 'allowed: a name in one line'),
  every: duration(1000, '; at least 1s').default(60_000),
  rules: z.array(z.unknown(), { error: 'allowed: a list of rules' }),
});

/** A file, its groups unchecked. */
export const fileSchema = strict({ groups: z.array(z.unknown(), { error: 'allowed: a list of groups' }) });
