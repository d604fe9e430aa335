// What /api/v1 answers about alerts, as schemas: see api-responses.ts.
import { z } from 'zod';
import { anyObject, changesOf, cursor, labels, time } from './api-responses.ts';
import { acknowledgementData } from './delivery-responses.ts';

const alertEntry = z.object({
  labels,
  annotations: labels,
  state: z.enum(['pending', 'firing']).meta({ description: 'In the words of Prometheus: recovering is firing.' }),
  activeAt: time,
  value: z.string(),
  keepwatch_state: z.enum(['pending', 'firing', 'recovering']),
  keepwatch_incident_id: z.string(),
  keepwatch_fingerprint: z.string(),
  keepwatch_acknowledgement: acknowledgementData.optional().meta({ description: 'While somebody works on it.' }),
});

const truncated = z
  .literal(true)
  .optional()
  .meta({ description: 'There are more than 10,000 alerts: those that fire, and of these the oldest, are in the answer.' });

/** The `data` of `GET /alerts`. */
export const alertsData = z.object({ alerts: z.array(alertEntry), keepwatch_truncated: truncated });

const ruleEntry = z.object({
  type: z.literal('alerting'),
  name: z.string(),
  query: z.string(),
  duration: z.number().meta({ description: '`for`, in seconds.' }),
  labels,
  annotations: labels,
  alerts: z.array(alertEntry),
  health: z.enum(['ok', 'err', 'unknown']),
  lastError: z.string().optional(),
  evaluationTime: z.number(),
  lastEvaluation: time,
  state: z.enum(['inactive', 'pending', 'firing']),
  keepwatch_state: z.enum(['ok', 'pending', 'firing', 'recovering', 'nodata']).meta({ description: 'The worst of its series.' }),
  keepwatch_uid: z.string(),
  keepwatch_source: z.enum(['file', 'api', 'target']),
  keepwatch_version: z.number().optional().meta({ description: 'Of a rule of the API: what If-Match has to say.' }),
  keepwatch_steps: z.array(z.object({ severity: z.string(), fire_when: z.string() })),
  keepwatch_keep_firing_for: z.number().meta({ description: 'Seconds.' }),
  keepwatch_nodata: z.int().meta({ description: 'Series that have no data.' }),
  keepwatch_fire_when: z.string(),
  keepwatch_clear_when: z.string().optional(),
  keepwatch_partial: z.boolean(),
});

/** The `data` of `GET /rules`. */
export const rulesData = z.object({
  groups: z.array(
    z.object({
      name: z.string(),
      file: z.string(),
      interval: z.number(),
      limit: z.number(),
      rules: z.array(ruleEntry),
      evaluationTime: z.number(),
      lastEvaluation: time,
    }),
  ),
  keepwatch_problems: z
    .array(z.object({ file: z.string(), line: z.int(), message: z.string() }))
    .optional()
    .meta({ description: 'What is wrong with rules; those are not among the groups, or fail, or nobody is told of them.' }),
  keepwatch_truncated: truncated,
});

/** The `data` of `GET /alerts/history`. */
export const historyData = z.object({
  transitions: z
    .array(
      z.object({
        id: z.string(),
        time: time.meta({ description: 'The slot whose evaluation changed the state.' }),
        group: z.string(),
        rule: z.string(),
        rule_uid: z.string(),
        fingerprint: z.string(),
        incident_id: z.string(),
        from_state: z.string(),
        to_state: z.string(),
        reason: z.string(),
        suppressed: z.string().nullable().meta({ description: 'Why nobody was told, although a message was due.' }),
        value: z.string().nullable(),
        labels,
        row: anyObject.meta({ description: 'The row of the query in that slot.' }),
      }),
    )
    .meta({ description: 'Newest first.' }),
  cursor,
});

/** The `data` of `POST /alerts/forget`. */
export const forgottenData = z.object({
  count: z.int(),
  notifications: z.int().meta({ description: 'Messages to those who were told of these alerts.' }),
  series: z
    .array(
      z.object({
        group: z.string(),
        rule: z.string(),
        rule_uid: z.string(),
        fingerprint: z.string(),
        state: z.enum(['ok', 'pending', 'firing', 'recovering', 'nodata']),
        labels,
      }),
    )
    .meta({ description: 'The first 100.' }),
});

/** The `data` of `GET /rules/{uid}/evaluations`. */
export const evaluationsData = z.object({
  evaluations: z
    .array(
      z.object({
        slot: time,
        evaluated_at: time,
        duration_ms: z.number(),
        series: z.int(),
        partial: z.boolean().meta({ description: 'The archive had not reached the slot: nothing was resolved.' }),
        outcome: z.string().meta({ description: 'ok, or error: then no state changed.' }),
        sqlstate: z.string().nullable(),
        error: z.string().nullable(),
      }),
    )
    .meta({ description: 'Newest first.' }),
  cursor,
});

/** The `data` of what reads or writes a rule of the API. */
export const storedRuleData = z.object({
  uid: z.string(),
  group: z.string(),
  every_ms: z.number(),
  definition: anyObject.meta({ description: 'As it would stand in a rule file.' }),
  enabled: z.boolean(),
  version: z.number().meta({ description: 'What If-Match of the next change has to say.' }),
  created_at: time,
  updated_at: time,
  warnings: z
    .array(z.string())
    .meta({ description: 'What is allowed and most likely not meant, each with its place in the rule and the way to mend it.' }),
});

/** The `data` of `GET /rules/{uid}/changes`. */
export const ruleChangesData = changesOf(['create', 'update', 'enable', 'disable', 'delete'], 'the header Keepwatch-Actor');

const cell = z.union([z.string(), z.number(), z.null()]);

/** The `data` of `POST /rules/preview`. */
export const previewData = z.object({
  at: time.meta({ description: 'What :now was: of a rule its newest slot.' }),
  duration_ms: z.number(),
  value: z.number().nullable().meta({ description: 'Of the first row: the column value, else its first number.' }),
  row_count: z.int(),
  is_truncated: z.boolean().meta({ description: 'Of a query: there are more than row_count rows.' }),
  rows: z
    .array(
      z.object({
        row: z.record(z.string(), cell),
        value: z.number().nullable(),
        labels: labels.optional(),
        condition: z.enum(['breach', 'clear', 'hold']).optional(),
      }),
    )
    .meta({ description: 'The first 50.' }),
  breaches: z.int().optional().meta({ description: 'Of a rule: rows that breach.' }),
  plan: z.object({ cost: z.number(), rows: z.number() }).meta({ description: 'As the planner of Postgres sees it.' }),
  problems: z.array(z.string()).meta({ description: 'What is wrong, and stops nothing.' }),
  warnings: z.array(z.string()).optional().meta({ description: 'Of a rule: what is allowed, and most likely not meant.' }),
});

/** The `data` of what reads or writes a budget. */
export const budgetData = z.object({
  name: z.string(),
  scope: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  period: z.enum(['day', 'week', 'month']),
  timezone: z.string(),
  limit_usd: z.number(),
  enabled: z.boolean(),
  version: z.number().meta({ description: 'What If-Match of the next change has to say.' }),
  created_at: time,
  updated_at: time,
  warnings: z
    .array(z.string())
    .meta({ description: 'What keeps its sum from being right: raw events that are not kept for as long as its period.' }),
});

/** The `data` of `GET /budgets/{name}/changes`. */
export const budgetChangesData = changesOf(
  ['create', 'update', 'delete'],
  'the header Keepwatch-Actor, or the user of the command line',
);

/** The `data` of `GET /budgets`. */
export const budgetsData = z.array(budgetData);

/** The `data` of `GET /targets`. */
export const targetsData = z.object({
  from: time,
  to: time,
  targets: z.array(
    z.object({
      service: z.string(),
      type: z.string(),
      name: z.string(),
      quantile: z.number(),
      label: z.string().meta({ description: 'The quantile, such as p95.' }),
      limit_ms: z.number().meta({ description: 'What it may be at most, as declared beside the code.' }),
      declared_by: z.string(),
      declared_at: time,
      last_seen_at: time,
      count: z.number().meta({ description: 'Executions that ended in the range, aborted ones left out.' }),
      measured_ms: z.number().nullable(),
      state: z.enum(['pass', 'fail', 'no_data']),
    }),
  ),
});

/** The `data` of `POST /receivers/{name}/test`. */
export const receiverTestData = z.object({
  receiver: z.string(),
  deliveries: z
    .array(
      z.object({
        reason: z.enum(['firing', 'resolved']),
        outcome: z.enum(['delivered', 'retry', 'refused', 'unknown']).meta({
          description:
            'delivered; retry: not taken now, perhaps later; refused: never taken; unknown: sent, and nobody knows whether it arrived.',
        }),
        answer: z.string().meta({ description: 'What the receiver said, without secrets.' }),
      }),
    )
    .meta({ description: 'The messages that were sent; resolved follows where firing would stay open.' }),
});
