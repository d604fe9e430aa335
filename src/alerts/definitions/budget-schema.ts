// What a budget is, as a schema: for the API, its OpenAPI document and the command line. Loads no database driver.
import { z } from 'zod';
import { isStorableText } from '../../storable-text.ts';

export const BUDGET_PERIODS = ['day', 'week', 'month'] as const;
const ZONE_FORM = 'allowed: a name of the IANA time zone database, such as UTC or Europe/Berlin';
const NAME_FORM = 'allowed: 1 to 200 characters in one line';
const SCOPE_FORM = 'allowed: members of metadata with their values, such as {"team": "search"}; {} is everything';
const LIMIT_FORM = 'allowed: US dollars, above 0 and at most 1e12';
const MAX_MEMBERS = 20;

/** By a name alone: what Postgres takes for an offset besides, it reads with the other sign. */
function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

export const budgetName = z
  .string({ error: NAME_FORM })
  .trim()
  .regex(/^[^\p{Cc}]{1,200}$/u, NAME_FORM)
  .refine(isStorableText, NAME_FORM);

const scopeText = z.string().max(1000, SCOPE_FORM).refine(isStorableText, SCOPE_FORM);

/** All of a budget that is given; `name` stands beside it. */
const budgetMembers = {
  scope: z
    .record(
      z.string().min(1, SCOPE_FORM).max(200, SCOPE_FORM).refine(isStorableText, SCOPE_FORM),
      z.union([scopeText, z.number(), z.boolean()], { error: SCOPE_FORM }),
      {
        error: SCOPE_FORM,
      },
    )
    .refine((scope) => Object.keys(scope).length <= MAX_MEMBERS, `allowed: at most ${MAX_MEMBERS} members`)
    .default({})
    .meta({ description: 'Whose spending counts: events whose metadata holds all of these members; {} is everything.' }),
  period: z
    .enum(BUDGET_PERIODS, { error: `allowed: ${BUDGET_PERIODS.join(', ')}` })
    .meta({ description: 'Spending begins at 0 with each day, week (from Monday) or month.' }),
  timezone: z
    .string({ error: ZONE_FORM })
    .refine(isTimeZone, ZONE_FORM)
    .default('UTC')
    .meta({ description: 'Where periods begin: a name of the IANA time zone database.' }),
  limit_usd: z
    .number({ error: LIMIT_FORM })
    .positive(LIMIT_FORM)
    .max(1e12, LIMIT_FORM)
    .meta({ description: 'US dollars that may be spent in a period.' }),
  enabled: z.boolean({ error: 'allowed: true, false' }).default(true).meta({ description: 'False: no rule looks at it.' }),
};

const unknownKeys = (members: object) => ({
  error: (issue: { code?: string }) =>
    issue.code === 'unrecognized_keys'
      ? `unknown; allowed: ${Object.keys(members).join(', ')}`
      : `allowed: an object with ${Object.keys(members).join(', ')}`,
});

/** The body of `PUT /budgets/{name}`. */
export const budgetSchema = z.strictObject(budgetMembers, unknownKeys(budgetMembers));

const namedMembers = { name: budgetName, ...budgetMembers };
/** The body of `POST /budgets`. */
export const namedBudgetSchema = z.strictObject(namedMembers, unknownKeys(namedMembers));

export type BudgetDraft = z.output<typeof budgetSchema>;
