// The parameters of what /api/v1 says about alerts: see api-parameters.ts.
import { z } from 'zod';
import { cursor, limitOf, name, numberOf, range, service, textOf, timeOf, type } from './api-parameters.ts';
import { BadQuery, parse, rangeProblems, withRange } from './api-query.ts';

const STATES = ['ok', 'pending', 'firing', 'recovering', 'nodata'] as const;
const INCIDENT_FORM = 'allowed: an incident id, as a uuid';
const HISTORY_MS = 86_400_000;
/** Values of one parameter at most. */
const MAX_CHOSEN = 1000;
/** As Go reads a boolean, and Prometheus with it: what is empty is false. */
const TRUE_WORDS: readonly string[] = ['true', '1', 't', 'T', 'TRUE', 'True'];
const FALSE_WORDS: readonly string[] = ['', 'false', '0', 'f', 'F', 'FALSE', 'False'];

const historyRange = {
  from: timeOf('Beginning of the range, which it includes. Default: a day before `to`.').optional(),
  to: timeOf('End of the range, which it excludes. Default: now.').optional(),
};
const uid = textOf(400, 'The uid of a rule; where it has none of its own, group/alert. Percent-encoded.');
const budgetName = textOf(200, 'Name of the budget, percent-encoded.');
/** The version that a change is about, where no header says it. */
export const versionNumber = numberOf('The version that is changed; the header If-Match says it as well.', {
  min: 1,
  max: 2 ** 53 - 1,
  isWhole: true,
}).optional();

/** What may be repeated; one of them is enough. */
const severalOf = (description: string) =>
  z.array(textOf(400)).max(MAX_CHOSEN, `allowed: at most ${MAX_CHOSEN}`).meta({ description }).optional();

/** `GET /rules`: the parameters of Prometheus, as it understands them. */
export const rulesParameters = z.strictObject({
  type: z
    .enum(['alert', 'record'], { error: 'allowed: alert, record' })
    .meta({ description: 'Alerting or recording rules. Keepwatch has no recording rules.' })
    .optional(),
  'rule_name[]': severalOf('Rules of this name; of any of them when it is repeated.'),
  'rule_group[]': severalOf('Of groups of this name; of any of them when it is repeated.'),
  'file[]': severalOf('Of groups of this file; of any of them when it is repeated.'),
  exclude_alerts: z
    .string()
    .transform((given, context) => {
      if (TRUE_WORDS.includes(given)) return true;
      if (!FALSE_WORDS.includes(given)) context.addIssue('allowed: true, false');
      return false;
    })
    .meta({ description: 'Rules without their alerts.', type: 'boolean' })
    .optional(),
});

/** `GET /alerts/history` */
export const historyParameters = z.strictObject({
  ...historyRange,
  rule: textOf(400, 'Name or uid of a rule.').optional(),
  state: z
    .enum(STATES, { error: `allowed: ${STATES.join(', ')}` })
    .meta({ description: 'The state that was reached.' })
    .optional(),
  incident: z
    .string()
    .regex(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i, INCIDENT_FORM)
    .meta({ description: 'All of one incident, from its first breach to its end.' })
    .optional(),
  limit: limitOf(1000, 100),
  cursor,
});

/** `GET /rules/{uid}/evaluations` */
export const evaluationsParameters = z.strictObject({ uid, ...historyRange, limit: limitOf(1000, 100), cursor });
/** What needs no more than a rule. */
export const ruleParameters = z.strictObject({ uid });
/** What changes a rule. */
export const ruleChangeParameters = z.strictObject({ uid, version: versionNumber });
/** What needs no more than a budget. */
export const budgetParameters = z.strictObject({ name: budgetName });
/** What changes a budget. */
export const budgetChangeParameters = z.strictObject({ name: budgetName, version: versionNumber });
/** What needs no more than a receiver. */
export const receiverParameters = z.strictObject({ name: textOf(200, 'Name of the receiver, percent-encoded.') });
/** What takes no parameter. */
export const noParameters = z.strictObject({});

/** `GET /targets` */
export const targetsParameters = z.strictObject({ ...range, service, type, name });

/** `GET /alerts/history`: the last day unless told otherwise. @throws BadQuery */
export function parseHistoryQuery(url: string, now: number) {
  return withDay(parse(historyParameters, url), now);
}

/** `GET /rules/{uid}/evaluations`: of the last day unless told otherwise. @throws BadQuery */
export function parseEvaluationsQuery(url: string, ruleUid: string, now: number) {
  return withDay(parse(evaluationsParameters, url, { uid: ruleUid }), now);
}

/** `GET /targets`: measured over the last hour unless told otherwise. @throws BadQuery */
export function parseTargetsQuery(url: string, now: number) {
  return withRange(parse(targetsParameters, url), now);
}

/** Which version a change is about. @throws BadQuery when neither the query nor If-Match says it, or they differ */
export function versionOf(given: number | undefined, ifMatch: string | undefined): number {
  const matched = ifMatch === undefined ? undefined : /^(?:W\/)?"(\d{1,15})"$/.exec(ifMatch.trim())?.[1];
  const form = 'allowed: the header If-Match with the version that is changed, such as "3", or the parameter version';
  if (ifMatch !== undefined && matched === undefined)
    throw new BadQuery(`If-Match: got ${JSON.stringify(ifMatch.slice(0, 100))}; ${form}`);
  const known = given ?? (matched === undefined ? undefined : Number(matched));
  if (known === undefined) throw new BadQuery(`If-Match: got nothing; ${form}`);
  if (matched !== undefined && Number(matched) !== known)
    throw new BadQuery(`version: got ${known}, and If-Match ${matched}; allowed: one of them`);
  return known;
}

function withDay<Q extends { readonly from?: Date | undefined; readonly to?: Date | undefined }>(query: Q, now: number) {
  const to = query.to ?? new Date(now);
  const from = query.from ?? new Date(to.getTime() - HISTORY_MS);
  const problems = rangeProblems({ from, to }, now);
  if (problems.length > 0) throw new BadQuery(problems.join('; '));
  return { ...query, from, to };
}
