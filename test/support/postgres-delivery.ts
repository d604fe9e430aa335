// Keepwatch's own side of the scripts on real Postgres: changes are put into groups and groups into the outbox by the dispatcher, all scripts at once as
// in the real Alertmanager. A second of a script is ten here, and passes by moving what Postgres has noted into the past.
import { createDestinations } from '../../src/alerts/delivery/destination.ts';
import { Dispatcher } from '../../src/alerts/delivery/dispatcher.ts';
import { fingerprintOf, incidentIdOf } from '../../src/alerts/series.ts';
import type { Database } from '../../src/db/database.ts';
import { loadSql } from '../../src/db/sql.ts';
import { silentLogger } from '../../src/logger.ts';
import { parseMatchers } from '../../src/routing/matcher.ts';
import { createRoutes, type RouteDefinition } from '../../src/routing/route.ts';
import { inhibitRulesSchema, routeSchema, timeIntervalsSchema } from '../../src/routing/routing-schema.ts';
import { type DeliveryScript, type Labels, SCRIPT_SECONDS, TIME_INTERVALS } from './delivery-scripts.ts';
import { PAYLOAD } from './receivers.ts';
import { type Heard, textOf } from './virtual-delivery.ts';

/** Milliseconds of a second of the scripts. */
const SECOND = 10_000;
const STEP = SECOND / 4;
const INSERT_CHANGES = loadSql('alerts/delivery/insert-changes');

/** What each script's receivers hear. */
export async function playOnPostgres(database: Database, scripts: readonly DeliveryScript[]): Promise<Map<string, Heard>> {
  const receivers = scripts.flatMap(receiversOf);
  const dispatcher = new Dispatcher({
    ...{ database, logger: silentLogger, maxDeliveryAgeMs: 86_400_000, receivers: receivers.map(({ name }) => name) },
    inhibitRules: scripts.flatMap(inhibitRulesOf),
  });
  const players = scripts.map((script) => ({ script, destinationsOf: destinationsOf(script) }));
  const clock = new Clock(database);
  for (let ms = 0; ms <= SCRIPT_SECONDS * SECOND; ms += STEP) {
    await clock.moveTo(ms);
    for (const { script, destinationsOf: of } of players)
      for (const step of script.steps.filter(({ at }) => at * SECOND === ms)) {
        if (step.silence !== undefined) await silence(database, script, step.silence);
        for (const labels of step.resolve ?? []) await tell(database, script, { labels, isFiring: false });
        for (const labels of step.fire ?? []) await tell(database, script, { labels, isFiring: true, of });
      }
    await dispatcher.dispatch();
    await database.none(`update keepwatch.notification_outbox set status = 'sent' where status = 'pending'`);
  }
  return readHeard(database, scripts);
}

/** Time passes as fast as it really does, or faster. */
class Clock {
  readonly #database: Database;
  readonly #startedAt = performance.now();
  #movedMs = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  async moveTo(ms: number): Promise<void> {
    const byMs = ms - (performance.now() - this.#startedAt) - this.#movedMs;
    if (byMs <= 0) return;
    this.#movedMs += byMs;
    await passTime(this.#database, byMs);
  }
}

/** Moves into the past what groups, silences, acknowledgements and messages have noted of time. */
export async function passTime(database: Database, ms: number): Promise<void> {
  const by = `interval '1 millisecond' * $<ms>`;
  await database.none(
    `update keepwatch.notification_group set due_at = due_at - ${by}, flushed_at = flushed_at - ${by}, told_at = told_at - ${by};
     update keepwatch.notification_member set changed_at = changed_at - ${by},
       turns = (select coalesce(array_agg(turn - $<ms>::bigint order by at), '{}') from unnest(turns) with ordinality as known (turn, at));
     update keepwatch.alert_silence set starts_at = starts_at - ${by}, ends_at = ends_at - ${by};
     update keepwatch.alert_acknowledgement set until = until - ${by};
     update keepwatch.notification_outbox set created_at = created_at - ${by}, next_attempt_at = next_attempt_at - ${by}, lease_until = lease_until - ${by},
       expires_at = expires_at - ${by};
     update keepwatch.notification_pace set filled_at = filled_at - ${by}, hold_until = hold_until - ${by}`,
    { ms: Math.round(ms) },
  );
}

function receiversOf({ name, route, withoutResolved = [] }: DeliveryScript) {
  const names = (given: RouteDefinition): string[] => [
    ...(given.receiver === undefined ? [] : [given.receiver]),
    ...(given.routes ?? []).flatMap(names),
  ];
  return [...new Set(names(routeSchema.parse(route)))].map((receiver) => ({
    name: `${name}/${receiver}`,
    kind: 'webhook' as const,
    sendResolved: !withoutResolved.includes(receiver),
  }));
}

function destinationsOf(script: DeliveryScript) {
  const slow = (given: RouteDefinition): RouteDefinition => ({
    ...given,
    ...(given.receiver === undefined ? {} : { receiver: `${script.name}/${given.receiver}` }),
    ...(given.groupWaitMs === undefined ? {} : { groupWaitMs: (given.groupWaitMs * SECOND) / 1000 }),
    ...(given.groupIntervalMs === undefined ? {} : { groupIntervalMs: (given.groupIntervalMs * SECOND) / 1000 }),
    ...(given.repeatIntervalMs === undefined ? {} : { repeatIntervalMs: (given.repeatIntervalMs * SECOND) / 1000 }),
    routes: (given.routes ?? []).map(slow),
  });
  const root = slow(routeSchema.parse(script.route));
  return createDestinations({
    receivers: receiversOf(script),
    route: createRoutes({ ...root, receiver: root.receiver ?? '' }),
    timeIntervals: timeIntervalsSchema.parse(TIME_INTERVALS),
  });
}

function inhibitRulesOf({ name, inhibit = [] }: DeliveryScript) {
  const own = `script="${name}"`;
  return inhibitRulesSchema.parse(
    inhibit.map(({ source, target, equal }) => ({
      ...{ source_matchers: [...source, own], target_matchers: [...target, own], equal: [...equal, 'script'] },
    })),
  );
}

async function silence(database: Database, { name }: DeliveryScript, given: { matchers: readonly string[]; seconds: number }) {
  const matchers = [...given.matchers, `script="${name}"`].flatMap(parseMatchers).map((matcher) => ({
    ...{ name: matcher.name, value: matcher.value },
    ...{ isRegex: matcher.operator.endsWith('~'), isEqual: !matcher.operator.startsWith('!') },
  }));
  await database.none(
    `insert into keepwatch.alert_silence (matchers, starts_at, ends_at, created_by, comment)
     values ($<matchers:json>, clock_timestamp(), clock_timestamp() + $<ms> * interval '1 millisecond', 'test', 'test')`,
    { matchers: JSON.parse(JSON.stringify(matchers)) as object, ms: given.seconds * SECOND },
  );
}

interface Told {
  readonly labels: Labels;
  readonly isFiring: boolean;
  readonly of?: ReturnType<typeof createDestinations>;
}

/** What an evaluator writes when an alert begins, or ends. */
async function tell(database: Database, { name: script }: DeliveryScript, { labels: given, isFiring, of }: Told): Promise<void> {
  const labels = { ...given, script };
  const rule = { uid: `${script}/${given['alertname'] ?? ''}` };
  const fingerprint = fingerprintOf(rule, labels);
  const incidentId = incidentIdOf(fingerprint, 0);
  const alert = { rule_uid: rule.uid, rule: given['alertname'] ?? '', fingerprint, incident_id: incidentId };
  const payload = {
    ...PAYLOAD,
    labels,
    fingerprint,
    incidentId,
    status: isFiring ? 'firing' : 'resolved',
    reason: isFiring ? 'firing' : 'resolved',
  };
  const changes =
    of === undefined
      ? [{ ...alert, kind: 'end', payload }]
      : of([{ notify: undefined }], { ...alert, labels }).map((destination) => ({
          ...alert,
          kind: 'tell',
          mark: 'firing',
          destination,
          payload,
        }));
  await database.none(INSERT_CHANGES, { group: script, slot: new Date(), everyMs: 60_000, changes });
  await database.none(
    isFiring
      ? `insert into keepwatch.alert_instance (group_name, rule_uid, rule, fingerprint, state, is_told, incident_id, active_at, fired_at, last_slot, labels, row, annotations)
         values ($<script>, $<rule_uid>, $<rule>, decode($<fingerprint>, 'hex'), 'firing', true, $<incident_id>, now(), now(), now(), $<labels:json>, '{}', '{}')
         on conflict do nothing`
      : `delete from keepwatch.alert_instance where rule_uid = $<rule_uid> and fingerprint = decode($<fingerprint>, 'hex')`,
    { ...alert, script, labels },
  );
}

async function readHeard(database: Database, scripts: readonly DeliveryScript[]): Promise<Map<string, Heard>> {
  const heard = new Map(scripts.map(({ name }): [string, Heard] => [name, {}]));
  const rows = await database.any<{
    receiver: string;
    payload: { together: { labels: Labels; alerts: { status: string; labels: Labels }[] } };
  }>('select receiver, payload from keepwatch.notification_outbox order by created_at, version');
  for (const { receiver: full, payload } of rows) {
    const [name = '', receiver = ''] = full.split('/');
    const of = (status: string) =>
      payload.together.alerts
        .filter((alert) => alert.status === status)
        .map(({ labels }) => textOf(labels))
        .sort();
    const messages = heard.get(name) ?? {};
    const key = `${receiver} ${textOf(payload.together.labels)}`;
    messages[key] = [...(messages[key] ?? []), { firing: of('firing'), resolved: of('resolved') }];
  }
  return heard;
}
