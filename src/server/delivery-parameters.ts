// The parameters of what /api/v1 says about silences, acknowledgements and deliveries: see api-parameters.ts.
import { z } from 'zod';
import { versionNumber } from './alerts-parameters.ts';
import { cursor, limitOf, textOf, timeOf } from './api-parameters.ts';
import { parse } from './api-query.ts';

const SILENCE_STATES = ['pending', 'active', 'expired'] as const;
const DELIVERY_STATUSES = ['pending', 'sent', 'dead', 'merged'] as const;
const DAY_MS = 86_400_000;

const uuidOf = (what: string, form: string) =>
  z
    .string()
    .regex(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i, form)
    .transform((text) => text.toLowerCase())
    .meta({ description: what });
const ID_FORM = 'allowed: an id, as a uuid';
const silenceId = uuidOf('Id of the silence.', ID_FORM);

/** `GET /silences` */
export const silencesParameters = z.strictObject({
  state: z
    .enum(SILENCE_STATES, { error: `allowed: ${SILENCE_STATES.join(', ')}` })
    .meta({ description: 'Those in this state. Default: all that are not over.' })
    .optional(),
  created_by: textOf(200, 'Those that this person made.').optional(),
  filter: textOf(
    4000,
    'Matchers of what silences ask for: `service="shop"` finds those with a matcher of this name and value.',
  ).optional(),
  limit: limitOf(1000, 100),
  cursor,
});
/** What needs no more than a silence. */
export const silenceParameters = z.strictObject({ id: silenceId });
/** What changes a silence. */
export const silenceChangeParameters = z.strictObject({ id: silenceId, version: versionNumber });

/** What is done with an incident. */
export const incidentParameters = z.strictObject({
  incident: textOf(36, 'Id of the incident (`keepwatch_incident_id` of /alerts), or its first 8 characters and more.'),
});

/** `GET /deliveries` */
export const deliveriesParameters = z.strictObject({
  since: timeOf('Messages that were made at or after this. Default: a day ago.').optional(),
  receiver: textOf(200, 'To this receiver.').optional(),
  status: z
    .enum(DELIVERY_STATUSES, { error: `allowed: ${DELIVERY_STATUSES.join(', ')}` })
    .meta({ description: 'pending, sent, dead (given up), or merged (into a newer message).' })
    .optional(),
  incident: uuidOf(
    'That tell of this incident; of a group its first 100 alerts are known.',
    'allowed: an incident id, as a uuid',
  ).optional(),
  limit: limitOf(1000, 100),
  cursor,
});
/** `GET /deliveries/{id}` */
export const deliveryParameters = z.strictObject({ id: uuidOf('Id of the message.', ID_FORM) });

/** `GET /deliveries`: of the last day unless told otherwise. @throws BadQuery */
export function parseDeliveriesQuery(url: string, now: number) {
  const query = parse(deliveriesParameters, url);
  return { ...query, since: query.since ?? new Date(now - DAY_MS) };
}
