// What tests of delivery share: alerts that begin and end, the groups that they are told in, and time that passes at once, on real Postgres.
import { createDestinations, type DestinationsOf } from '../../src/alerts/delivery/destination.ts';
import { Dispatcher, type DispatcherOptions } from '../../src/alerts/delivery/dispatcher.ts';
import { fingerprintOf, incidentIdOf } from '../../src/alerts/series.ts';
import type { Database } from '../../src/db/database.ts';
import { loadSql } from '../../src/db/sql.ts';
import { silentLogger } from '../../src/logger.ts';
import type { Labels } from '../../src/routing/matcher.ts';
import { toRouting } from '../../src/routing/routing-config.ts';
import { escalationsSchema, routeSchema } from '../../src/routing/routing-schema.ts';
import { passTime } from './postgres-delivery.ts';
import { PAYLOAD } from './receivers.ts';

export interface DeliverySite {
  readonly dispatcher: Dispatcher;
  /** An alert begins to fire, or has something new to tell. */
  fire(
    labels: Labels,
    more?: {
      readonly mark?: string;
      readonly notify?: readonly string[];
      readonly isLatched?: boolean;
      readonly incident?: number;
    },
  ): Promise<void>;
  /** It is over. */
  resolve(labels: Labels): Promise<void>;
  /** What there is to tell is put into groups, time passes, and what is due is put into the outbox. */
  pass(ms: number): Promise<void>;
  /** All messages so far, oldest first: `pager: firing a b, resolved c (why)`. */
  messages(): Promise<string[]>;
}

export interface DeliveryOptions extends Partial<DispatcherOptions> {
  readonly receivers?: readonly string[];
  readonly kind?: 'webhook' | 'slack' | 'alertmanager';
  /** As in keepwatch.yaml. */
  readonly route?: object;
  readonly escalations?: readonly object[];
  /** Messages are sent at once; default true. */
  readonly isSent?: boolean;
}

const INSERT_CHANGES = loadSql('alerts/delivery/insert-changes');
const DAY_MS = 86_400_000;

export function openDelivery(database: Database, options: DeliveryOptions = {}): DeliverySite {
  const { receivers = ['pager'], kind = 'webhook', route, escalations = [], isSent = true, ...rest } = options;
  const dispatcher = new Dispatcher({ database, receivers, logger: silentLogger, maxDeliveryAgeMs: DAY_MS, ...rest });
  const list = receivers.map((name) => ({ name, kind }));
  const routing = toRouting({
    ...{ receivers: list, inhibitRules: [], timeIntervals: new Map(), flapDamping: 'off' as const },
    route: route === undefined ? undefined : routeSchema.parse(route),
    escalations: escalationsSchema.parse(escalations),
  });
  const destinationsOf = createDestinations({ ...routing, receivers: list });
  const writer = new ChangeWriter(database, destinationsOf);
  return {
    dispatcher,
    fire: (labels, more) => writer.fire(labels, more),
    resolve: (labels) => writer.resolve(labels),
    async pass(ms) {
      await dispatcher.dispatch();
      if (ms > 0) await passTime(database, ms);
      await dispatcher.dispatch();
      if (isSent) await database.none(`update keepwatch.notification_outbox set status = 'sent' where status = 'pending'`);
    },
    messages: () => readMessages(database),
  };
}

/** Writes what evaluators write. */
class ChangeWriter {
  readonly #database: Database;
  readonly #destinationsOf: DestinationsOf;

  constructor(database: Database, destinationsOf: DestinationsOf) {
    this.#database = database;
    this.#destinationsOf = destinationsOf;
  }

  async fire(
    labels: Labels,
    {
      mark = 'firing',
      notify,
      isLatched = false,
      incident = 0,
    }: { mark?: string; notify?: readonly string[]; isLatched?: boolean; incident?: number } = {},
  ): Promise<void> {
    const alert = alertOf(labels, incident);
    const payload = { ...PAYLOAD, labels: alert.labels, fingerprint: alert.fingerprint, incidentId: alert.incident_id };
    const destinations = this.#destinationsOf([{ notify }], alert);
    await this.#write(
      destinations.map((destination) => ({ ...alert, kind: 'tell', mark, is_latched: isLatched, destination, payload })),
    );
  }

  async resolve(labels: Labels): Promise<void> {
    const at = new Date().toISOString();
    await this.#write([
      { ...alertOf(labels), kind: 'end', payload: { status: 'resolved', reason: 'resolved', endsAt: at, slot: at } },
    ]);
  }

  #write(changes: readonly object[]): Promise<null> {
    const values = { group: 'g', slot: new Date(), everyMs: 60_000, changes };
    return this.#database.none(INSERT_CHANGES, values);
  }
}

function alertOf(given: Labels, incident = 0) {
  const labels = { alertname: 'Alert', ...given };
  const rule = { uid: `g/${labels.alertname}` };
  const fingerprint = fingerprintOf(rule, labels);
  return { rule_uid: rule.uid, rule: labels.alertname, fingerprint, incident_id: incidentIdOf(fingerprint, incident), labels };
}

async function readMessages(database: Database): Promise<string[]> {
  const rows = await database.any<{
    receiver: string;
    status: string;
    payload: { together: { why: string; alerts: { status: string; labels: Labels }[] } };
  }>('select receiver, status, payload from keepwatch.notification_outbox order by created_at, version, receiver');
  return rows.map(({ receiver, status, payload: { together } }) => {
    const names = (of: string) =>
      together.alerts.filter((alert) => alert.status === of).map(({ labels }) => labels['name'] ?? '');
    const parts = (['firing', 'resolved'] as const).flatMap((of) =>
      names(of).length === 0 ? [] : [`${of} ${names(of).sort().join(' ')}`],
    );
    return `${receiver}: ${parts.join(', ')} (${together.why})${status === 'merged' ? ' merged' : ''}`;
  });
}
