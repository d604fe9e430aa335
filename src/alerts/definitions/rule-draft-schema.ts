// What a client gives to have a rule kept, or tried, as schemas: for the API and its OpenAPI document. Loads no database driver.
import { z } from 'zod';
import { isStorableText } from '../../storable-text.ts';

const GROUP_FORM = 'allowed: 1 to 200 characters in one line';
const EVERY_FORM = 'allowed: a duration such as 30s, 1m';
/** How a rule is given; ends error messages. */
export const RULE_FORM = 'allowed: an object, as a rule stands in a rule file';
const members = {
  group: z
    .string({ error: GROUP_FORM })
    .trim()
    .regex(/^[^\p{Cc}]{1,200}$/u, GROUP_FORM)
    .refine(isStorableText, GROUP_FORM)
    .meta({ description: 'Rules of a group are evaluated together; none that a rule file has.' }),
  every: z
    .string({ error: EVERY_FORM })
    .default('1m')
    .meta({ description: 'Distance of the slots; the same for all rules of the group.', example: '1m' }),
  rule: z.record(z.string(), z.unknown(), { error: RULE_FORM }).meta({
    description: 'As a rule stands in a rule file (docs/alerts.md): alert, query, fire_when, for, labels, annotations, …',
  }),
  enabled: z.boolean({ error: 'allowed: true, false' }).default(true).meta({ description: 'False: it is not evaluated.' }),
};

/** The body of `POST /rules` and `PUT /rules/{uid}`. */
export const ruleDraftSchema = z.strictObject(members, {
  error: (issue) =>
    issue.code === 'unrecognized_keys'
      ? `unknown; allowed: ${Object.keys(members).join(', ')}`
      : `allowed: an object with ${Object.keys(members).join(', ')}`,
});

export type RuleDraft = z.output<typeof ruleDraftSchema>;

const PARAMS_FORM = 'allowed: a map of name: text, number, true or false';
/** The body of `POST /rules/preview`: a rule, or a query alone. */
export const previewSchema = z
  .strictObject(
    {
      rule: z
        .record(z.string(), z.unknown(), { error: RULE_FORM })
        .optional()
        .meta({ description: 'As it stands in a rule file.' }),
      every: z
        .string({ error: EVERY_FORM })
        .optional()
        .meta({ description: 'Distance of the slots of its group; :now is the newest of them. Default: 1m.', example: '1m' }),
      query: z
        .string({ error: 'allowed: one SELECT' })
        .optional()
        .meta({ description: 'One SELECT, with :now and own parameters.' }),
      params: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]), { error: PARAMS_FORM }).optional(),
    },
    {
      error: (issue) =>
        issue.code === 'unrecognized_keys'
          ? 'unknown; allowed: rule and every, or query and params'
          : 'allowed: an object with rule and every, or query and params',
    },
  )
  .refine(
    ({ rule, every, query, params }) =>
      (rule === undefined) !== (query === undefined) && (rule === undefined ? every === undefined : params === undefined),
    { error: 'allowed: either rule and every, or query and params' },
  );
