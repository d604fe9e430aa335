// What an acknowledgement is, as a schema: for the API, its OpenAPI document and the command line. Loads no database driver.
import { z } from 'zod';
import { isStorableText } from '../../storable-text.ts';
import { parseDuration } from '../../units.ts';
import { instant, person } from './silence-schema.ts';

const COMMENT_FORM = 'allowed: what to say beside it: at most 2000 characters';
const UNTIL_FORM =
  'allowed: a time as RFC 3339 has it (2026-11-20T12:00:00Z), or how long from now on, such as 30m, 2h or 7d; at most 3650d';
const MAX_UNTIL_MS = 3650 * 86_400_000;

const fromNow = z.string({ error: UNTIL_FORM }).transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1000 && ms <= MAX_UNTIL_MS) return ms;
  context.addIssue(UNTIL_FORM);
  return z.NEVER;
});

const members = {
  by: person.meta({ description: 'Who works on it.' }),
  comment: z
    .string({ error: COMMENT_FORM })
    .max(2000, COMMENT_FORM)
    .refine(isStorableText, COMMENT_FORM)
    .default('')
    .meta({ description: 'What they say beside it.' }),
  until: z
    .union([instant(UNTIL_FORM), fromNow], { error: UNTIL_FORM })
    .optional()
    .meta({ description: 'When it ends by itself: a time, or how long from now on. Default: with the incident.', example: '2h' }),
};

const allowed = Object.keys(members).join(', ');

/** The body of `POST /alerts/{incident}/acknowledgement`; `until` is a time, or milliseconds from now on. */
export const acknowledgementSchema = z.strictObject(members, {
  error: (issue) => (issue.code === 'unrecognized_keys' ? `unknown; allowed: ${allowed}` : `allowed: an object with ${allowed}`),
});
