// Which series somebody wants forgotten, as a schema: for the API, its OpenAPI document and the command line. Loads no database driver.
import { z } from 'zod';
import { isStorableText } from '../../storable-text.ts';

const FINGERPRINT_FORM = 'allowed: 8 to 64 hexadecimal digits, as keepwatch_fingerprint of /alerts begins';
const RULE_FORM = 'allowed: the name or the uid of a rule';
const LABELS_FORM = 'allowed: labels with their values, such as {"service": "shop"}';
const storable = (form: string) => z.string({ error: form }).min(1, form).max(1000, form).refine(isStorableText, form);

const members = {
  fingerprint: z
    .string({ error: FINGERPRINT_FORM })
    .regex(/^[\da-f]{8,64}$/, FINGERPRINT_FORM)
    .optional()
    .meta({ description: 'Of the series, or its first digits.' }),
  rule: storable(RULE_FORM).optional().meta({ description: 'Series of rules with this name, or of the one with this uid.' }),
  labels: z
    .record(storable(LABELS_FORM), storable(LABELS_FORM), { error: LABELS_FORM })
    .refine((labels) => Object.keys(labels).length > 0 && Object.keys(labels).length <= 50, LABELS_FORM)
    .optional()
    .meta({ description: 'Series that have all of these labels.' }),
};

/** The body of `POST /alerts/forget`. */
export const forgetSchema = z
  .strictObject(members, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown; allowed: ${Object.keys(members).join(', ')}`
        : `allowed: an object with one or more of ${Object.keys(members).join(', ')}`,
  })
  .refine(
    (given) => Object.keys(given).length > 0,
    `allowed: one or more of ${Object.keys(members).join(', ')}, all of which have to be true of a series`,
  );

export type ForgetSelector = z.output<typeof forgetSchema>;
