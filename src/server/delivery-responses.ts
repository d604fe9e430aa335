// What /api/v1 answers about silences, acknowledgements and deliveries, as schemas: see api-responses.ts.
import { z } from 'zod';
import { anyObject, changesOf, cursor, labels, time } from './api-responses.ts';

/** The `data` of what reads or writes a silence. */
export const silenceData = z.object({
  id: z.string(),
  status: z.object({ state: z.enum(['pending', 'active', 'expired']) }),
  matchers: z.array(z.object({ name: z.string(), value: z.string(), isRegex: z.boolean(), isEqual: z.boolean() })),
  startsAt: time,
  endsAt: time,
  createdBy: z.string(),
  comment: z.string(),
  createdAt: time,
  updatedAt: time,
  version: z.number().meta({ description: 'What If-Match of the next change has to say.' }),
});

/** The `data` of `GET /silences`. */
export const silencesData = z.object({
  silences: z
    .array(silenceData)
    .meta({ description: 'Those that end last first; with a filter a page may be shorter than its limit.' }),
  cursor,
});

/** The `data` of `GET /silences/{id}/changes`. */
export const silenceChangesData = changesOf(
  ['create', 'update', 'expire'],
  'the header Keepwatch-Actor, or the user of the command line',
);

/** Who works on an incident. */
export const acknowledgementData = z.object({
  incident_id: z.string(),
  acknowledged_at: time,
  by: z.string(),
  comment: z.string(),
  until: time.nullable().meta({ description: 'When it ends by itself; null: with the incident.' }),
});

const deliveryData = z.object({
  id: z.string(),
  created_at: time,
  receiver: z.string(),
  kind: z.enum(['alerts', 'digest', 'delivery']).meta({
    description: 'What it tells of: alerts, more groups than people can read, or messages to others that were given up.',
  }),
  status: z.enum(['pending', 'sent', 'dead', 'merged']),
  reason: z.enum(['firing', 'resolved', 'nodata', 'error']),
  rule: z.string(),
  alerts: z.int().meta({ description: 'How many it tells of.' }),
  why: z.string().nullable().meta({ description: 'Why the group was told; null of a message of one alert.' }),
  labels: labels.meta({ description: 'What its alerts have in common.' }),
  incident_id: z
    .string()
    .meta({ description: 'What messages of one conversation have in common: the incident that was told first.' }),
  group_key: z.string().nullable(),
  version: z.number().nullable().meta({ description: 'Which message of its group it is.' }),
  attempts: z.int(),
  maybe_sent: z.boolean().meta({ description: 'It may have arrived more than once.' }),
  next_attempt_at: time.nullable().meta({ description: 'While it is pending.' }),
  sent_at: time.nullable(),
  expires_at: time.meta({ description: 'When it is given up.' }),
  merged_into: z.string().nullable().meta({ description: 'The message that told its news too.' }),
  answer: z.string().nullable().meta({ description: 'What the receiver said when it took it.' }),
  last_error: z.string().nullable(),
});

/** The `data` of `GET /deliveries`. */
export const deliveriesData = z.object({
  deliveries: z.array(deliveryData).meta({ description: 'Newest first.' }),
  cursor,
});

/** The `data` of `GET /deliveries/{id}`. */
export const deliveryDetailData = deliveryData.extend({
  payload: anyObject.meta({ description: 'What was sent, before the receiver gave it its own form.' }),
  attempt_log: z
    .array(
      z.object({
        attempt: z.int(),
        at: time,
        outcome: z.enum(['delivered', 'retry', 'refused', 'unknown']),
        duration_ms: z.number(),
        answer: z.string(),
      }),
    )
    .meta({ description: 'What became of each attempt, the last 50.' }),
});
