// The whole room on real parts, by the clock of Postgres: cron, rules, states, outbox, webhook, API.
import assert from 'node:assert/strict';
import { type Alerts, type AlertsOptions, createAlerts } from '../../../src/alerts/alerts.ts';
import type { RuleGroup } from '../../../src/alerts/rule.ts';
import { closeDatabase, createDatabase } from '../../../src/db/database.ts';
import type { SqlFile } from '../../../src/db/sql.ts';
import { silentLogger } from '../../../src/logger.ts';
import { toRouting } from '../../../src/routing/routing-config.ts';
import { inhibitRulesSchema, routeSchema } from '../../../src/routing/routing-schema.ts';
import { type AlertsFixture, openAlertsFixture, parseRules } from '../../support/alerts.ts';
import { freePort } from '../../support/postgres.ts';
import { openReceivers, webhookReceivers } from '../../support/receivers.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestWebhookReceiver, type TestWebhookReceiver } from '../../support/webhook-receiver.ts';

/** Breaches while the source named `bad` is there: a switch that the test can turn. */
const rulesOf = () =>
  parseRules(`groups:
  - name: fast
    every: 1s
    rules:
      - alert: Bad
        query: |
          select s.service, (select count(*) from keepwatch.sources where instance = 'bad' and started_at < :now) as value
          from (select 'shop'::text as service) s
        fire_when: value > 0
        for: 1s
        labels: { severity: warning }
        annotations: { summary: "\${service} is bad: \${value}" }
      - alert: Broken
        query: select 1 / (select 0) as value where :now > '2000-01-01'
        fire_when: value > 0
`);

const NO_ROUTING = { inhibitRules: [], timeIntervals: new Map(), escalations: new Map(), flapDamping: 'off' } as const;

describe('Alerts', function () {
  this.timeout(30_000);
  let fixture: AlertsFixture;
  let receiver: TestWebhookReceiver;
  const running: Alerts[] = [];
  beforeEach(async () => {
    fixture = await openAlertsFixture();
    receiver = await startTestWebhookReceiver();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((alerts) => alerts.stop()));
    await receiver.close();
    await fixture.close();
  });

  function create(options: Partial<AlertsOptions> = {}, groups: readonly RuleGroup[] = rulesOf()): Alerts {
    const { database, rulesDatabase } = fixture;
    const receivers = webhookReceivers('pager', receiver.url);
    const alerts = createAlerts({
      database,
      rulesDatabase,
      groups,
      problems: [],
      receivers,
      cron: '* * * * * *',
      logger: silentLogger,
      ...options,
    });
    running.push(alerts);
    return alerts;
  }
  const turn = (isBad: boolean) =>
    fixture.database.none(
      isBad
        ? `insert into keepwatch.sources (source_id, service, instance, started_at, low_watermark, closed) values (1, 'x', 'bad', now(), now(), true)`
        : 'delete from keepwatch.sources where source_id = 1',
    );
  const stateOf = (alerts: Alerts) =>
    alerts.numbers().states.find(({ alertname, count, state }) => alertname === 'Bad' && count > 0 && state !== 'ok')?.state;

  it('fires, tells, survives a restart while firing, resolves, and tells', async () => {
    const first = create();
    await first.start();
    await turn(true);
    await waitFor(() => stateOf(first) === 'pending');
    assert.equal((await first.alertsResponse()).alerts[0]?.state, 'pending');
    await waitFor(() => receiver.received.length === 1);
    await first.stop();

    const second = create();
    await second.start();
    const slotsBefore = await slots();
    await waitFor(async () => (await slots()) >= slotsBefore + 2);
    assert.equal(stateOf(second), 'firing');
    assert.equal(receiver.received.length, 1, 'no second "firing", no false "resolved"');
    await turn(false);
    await waitFor(() => receiver.received.length === 2);
    assert.deepEqual(
      receiver.received.map(
        ({ body }) =>
          `${body.receiver} ${body.status} ${body.alerts[0]?.labels['alertname']}: ${body.alerts[0]?.annotations['summary']}`,
      ),
      ['pager firing Bad: shop is bad: 1', 'pager resolved Bad: shop is bad: 0'],
    );
    const states = second.numbers().states.filter(({ alertname }) => alertname === 'Bad');
    assert.deepEqual(states, [
      { alertname: 'Bad', state: 'ok', count: 1 },
      { alertname: 'Bad', state: 'pending', count: 0 },
      { alertname: 'Bad', state: 'firing', count: 0 },
      { alertname: 'Bad', state: 'recovering', count: 0 },
      { alertname: 'Bad', state: 'nodata', count: 0 },
    ]);
    assert.ok(second.numbers().evaluationSeconds.count >= 2);
  });
  const slots = async () =>
    (await fixture.database.one<{ n: number }>(`select count(*)::int as n from keepwatch.alert_evaluation where rule = 'Bad'`)).n;

  it('reads states for who asks, where it evaluates nothing itself', async () => {
    const [holder, asked] = [create(), { reads: 0, isLost: true }];
    await turn(true);
    await holder.start();
    await waitFor(() => stateOf(holder) === 'firing', { timeoutMs: 10_000 });
    const any = (statement: SqlFile, values?: object) => {
      if (!statement.file.endsWith('count-instances.sql')) return fixture.database.any(statement, values);
      asked.reads++;
      return asked.isLost ? Promise.reject(new Error('lost')) : fixture.database.any(statement, values);
    };
    const database = new Proxy(fixture.database, {
      get: (target, key) => (key === 'any' ? any : (Reflect.get(target, key) as unknown)),
    });
    const standby = create({ database });
    await standby.start();
    asked.isLost = false;
    for (let tick = 0; tick < 5; tick++) await standby.tick();
    assert.equal(asked.reads, 1, 'at its start');
    assert.equal(stateOf(standby), undefined);
    await waitFor(() => stateOf(standby) === 'firing');
    assert.equal(asked.reads, 2, 'once for all who ask within 15 s');
  });

  it('answers as Prometheus does', async () => {
    const alerts = create();
    await turn(true);
    await waitFor(
      async () => {
        await alerts.tick();
        return stateOf(alerts) === 'firing';
      },
      { timeoutMs: 8000 },
    );
    const { groups } = await alerts.rulesResponse();
    const [bad, broken] = groups[0]?.rules ?? [];
    assert.deepEqual(
      { name: groups[0]?.name, file: groups[0]?.file, interval: groups[0]?.interval },
      { name: 'fast', file: 'rules.yaml', interval: 1 },
    );
    const { alerts: active, lastEvaluation, evaluationTime, ...rest } = bad ?? {};
    assert.deepEqual(rest, {
      type: 'alerting',
      name: 'Bad',
      query: rulesOf()[0]?.rules[0]?.query,
      duration: 1,
      labels: { severity: 'warning' },
      // biome-ignore lint/suspicious/noTemplateCurlyInString: an annotation is a template
      annotations: { summary: '${service} is bad: ${value}' },
      health: 'ok',
      state: 'firing',
      keepwatch_state: 'firing',
      keepwatch_uid: 'fast/Bad',
      keepwatch_source: 'file',
      keepwatch_steps: [],
      keepwatch_keep_firing_for: 0,
      keepwatch_nodata: 0,
      keepwatch_fire_when: 'value > 0',
      keepwatch_partial: false,
    });
    assert.match(lastEvaluation ?? '', /^\d{4}-\d\d-\d\dT/);
    assert.ok((evaluationTime ?? 0) > 0);
    assert.equal(active?.[0]?.value, '1');
    assert.deepEqual(active, (await alerts.alertsResponse()).alerts);
    assert.deepEqual(active?.[0]?.labels, { alertname: 'Bad', service: 'shop', severity: 'warning' });
    assert.equal(broken?.health, 'err');
    assert.match(broken?.lastError ?? '', /^rules\.yaml:\d+: division by zero \(22012\)$/);
    assert.equal(broken?.state, 'inactive');
  });

  it('knows nothing of the health of rules before their first evaluation', async () => {
    const { groups } = await create().rulesResponse();
    assert.deepEqual(
      groups[0]?.rules.map(({ health, state }) => `${health} ${state}`),
      ['unknown inactive', 'unknown inactive'],
    );
  });

  it('evaluates in part after the longest wait, and counts the slots that it left out', async () => {
    await fixture.database.none(
      `insert into keepwatch.sources (source_id, service, instance, started_at, low_watermark) values (12, 'x', 'x', now(), now() - interval '1 hour')`,
    );
    await fixture.database.none(
      `insert into keepwatch.alert_group (group_name, every_ms, last_slot) values ('fast', 1000, date_trunc('second', now()) - interval '30 seconds')`,
    );
    await create().tick();
    const found = await fixture.database.one<{ partial: boolean; age: number; missed: number }>(
      `select partial, extract(epoch from now() - slot)::float8 as age, missed::int as missed from keepwatch.alert_evaluation join keepwatch.alert_group using (group_name) where rule = 'Bad'`,
    );
    assert.equal(found.partial, true);
    assert.ok(found.age >= 10 && found.age < 14, `${found.age} s`);
    assert.ok(found.missed >= 17 && found.missed <= 20, `${found.missed} missed`);
  });

  it('starts nothing as a role that may write, unless it is told to', async () => {
    await assert.rejects(create({ rulesDatabase: fixture.database }).start(), { code: 'ERR_RULES_ROLE' });
    await create({ rulesDatabase: fixture.database, role: 'owner' }).start();
  });

  it('says that the database does not answer, and can be started later', async () => {
    const away = createDatabase({ url: `postgres://a:b@127.0.0.1:${await freePort()}/c`, max: 1 });
    const alerts = create({ rulesDatabase: away, database: away });
    await assert.rejects(alerts.start(), { code: 'ECONNREFUSED' });
    await alerts.tick();
    await closeDatabase(away);
  });

  it('takes no rule for broken of which only an annotation is', async () => {
    const [errors, warnings]: [string[], string[]] = [[], []];
    const [error, warn] = [errors, warnings].map((lines) => (_fields: object, message: string) => void lines.push(message));
    const groups = parseRules(
      `groups: [{ name: g, rules: [{ alert: Good, query: select 2 as value, fire_when: value > 1, annotations: { summary: "\${nope}" } }] }]`,
    );
    const alerts = create({ logger: { ...silentLogger, ...{ error, warn } } as typeof silentLogger }, groups);
    await alerts.start();
    assert.deepEqual(errors, []);
    assert.deepEqual(
      warnings.filter((line) => line.includes('Good')),
      [
        'rules that are evaluated, and of which something is wrong:\nrules.yaml:1: Good: annotation summary: there is no column "nope"; the query gives: value',
      ],
    );
    await alerts.tick();
    const [rule] = (await alerts.rulesResponse()).groups[0]?.rules ?? [];
    assert.deepEqual([rule?.health, rule?.state], ['ok', 'firing']);
    assert.match(rule?.lastError ?? '', /nope/);
  });

  it('shows what is wrong with queries at start, and evaluates the others', async () => {
    const lines: string[] = [];
    const groups = parseRules(
      'groups: [{ name: g, rules: [{ alert: A, query: select nope as value, fire_when: value > 1 }, { alert: B, query: select 1 as value, fire_when: value > 1 }] }]',
    );
    const alerts = create(
      {
        logger: { ...silentLogger, error: (_fields, message) => lines.push(message) },
        problems: [{ file: 'x.yaml', line: 3, message: 'broken' }],
      },
      groups,
    );
    await alerts.start();
    assert.deepEqual(lines, ['rules that cannot be evaluated:\nrules.yaml:1: A: column "nope" does not exist (42703)']);
    assert.deepEqual(
      (await alerts.rulesResponse()).keepwatch_problems.map(({ file }) => file),
      ['x.yaml', 'rules.yaml'],
    );
    await alerts.tick();
    assert.deepEqual(
      (await alerts.rulesResponse()).groups[0]?.rules.map(({ health }) => health),
      ['err', 'ok'],
    );
  });

  it('sends to the receivers that a rule names, else by the route, else to the first', async () => {
    const rule = (name: string, more: string) => `{ alert: ${name}, query: select 1 as value, fire_when: value > 0${more} }`;
    const groups = parseRules(
      `groups: [{ name: g, rules: [${rule('Named', ', notify: [mail, pager]')}, ${rule('Routed', '')}] }]`,
    );
    const webhook = { url: receiver.url, allowPrivate: true, allowPlaintext: true };
    const receivers = openReceivers(['pager', 'mail', 'chat'].map((name) => ({ name, webhook })));
    const routing = toRouting({ ...NO_ROUTING, receivers: receivers.list(), route: { receiver: 'chat', groupWaitMs: 0 } });
    await create({ receivers, routing }, groups).tick();
    const sent = receiver.received.map(({ body }) => `${body.alerts[0]?.labels['alertname']} ${body.receiver}`).sort();
    assert.deepEqual(sent, ['Named mail', 'Named pager', 'Routed chat']);
  });

  it('says at start which labels routes and inhibition ask for that no rule has', async () => {
    const lines: string[] = [];
    const routing = toRouting({
      ...NO_ROUTING,
      receivers: [{ name: 'pager' }],
      route: routeSchema.parse({ receiver: 'pager', group_by: ['alertname', 'name', 'hosst'] }),
      inhibitRules: inhibitRulesSchema.parse([
        { source_matchers: ['alertname="Down"'], target_matchers: ['severity="warning"'], equal: ['host', 'name'] },
      ]),
    });
    const groups = parseRules(
      `groups: [{ name: g, rules: [{ alert: A, query: "select 'x' as name, 1 as value", fire_when: value > 0, labels: { severity: page } }] }]`,
    );
    await create({ routing, logger: { ...silentLogger, warn: (_fields, message) => lines.push(message) } }, groups).start();
    assert.deepEqual(
      lines.filter((line) => line.startsWith('routes')),
      [
        'routes that may not be meant so:\ninhibit_rules[0].equal: no rule has the label "host", so that it is equal in all alerts\nroute {}: no rule has the label "hosst"',
      ],
    );
  });

  it('stops at once, as often as it is told', async () => {
    const alerts = create();
    await alerts.start();
    await Promise.all([alerts.stop(), alerts.stop()]);
    await alerts.stop();
  });
});
