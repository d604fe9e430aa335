// What the grammar of rules is made of: words that complain in one way, saying what is allowed.
import { z } from 'zod';
import { suggestName } from './name-suggestion.ts';
import { isStorableText } from './storable-text.ts';
import { DURATION_FORM, parseDuration } from './units.ts';

const DURATION = /^\s*\d+(\.\d+)?(ms|s|m|h|d|w)\s*$/;

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
export const STORABLE = { error: 'holds NUL or half of a surrogate pair, which Postgres cannot store' };

export function isStorable(value: unknown): boolean {
  return typeof value !== 'string' || isStorableText(value);
}

/** A text that is not empty, without white space around it. `what` says in a message what is allowed. */
export function text(what: string, most = 200) {
  return z
    .string({ error: `allowed: ${what}` })
    .trim()
    .min(1, `allowed: ${what}`)
    .max(most, `allowed: at most ${most} characters`)
    .refine(isStorable, STORABLE);
}

/** A whole number in a range. */
export function wholeNumber(least: number, most: number) {
  const form = `allowed: a whole number from ${least} to ${most}`;
  return z.int({ error: form }).min(least, form).max(most, form);
}

/** A text in one line. */
export const line = (what: string, most?: number) => text(what, most).regex(/^[^\p{Cc}]+$/u, `allowed: ${what} in one line`);
