// What becomes of alerts when their rules go, and when the schema comes to keep more of them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { declareTargets } from '../../../src/alerts/definitions/targets.ts';
import { endDeletedRules } from '../../../src/alerts/deleted-rules.ts';
import type { RuleGroup } from '../../../src/alerts/rule.ts';
import { createRuleSet } from '../../../src/alerts/rule-set.ts';
import { loadMigrations, migrate } from '../../../src/db/migrate.ts';
import { loadSql } from '../../../src/db/sql.ts';
import { type AlertsFixture, openAlertsFixture } from '../../support/alerts.ts';
import { groupOf, selectRows } from '../../support/rule-inputs.ts';
import { rulesUrlOf } from '../../support/rules-role.ts';
import { waitFor } from '../../support/wait-for.ts';

const MINUTE = 60_000;
const START = Math.floor((Date.now() - 3_600_000) / MINUTE) * MINUTE;
const RULE_SET = 'default';

describe('Alerts of rules that are gone', function () {
  this.timeout(120_000);
  let fixture: AlertsFixture;
  beforeEach(async () => {
    fixture = await openAlertsFixture();
  });
  afterEach(() => fixture.close());

  const evaluate = async (group: RuleGroup, minute: number) => {
    const slot = { slotMs: START + minute * MINUTE, isPartial: false, missed: 0 };
    assert.ok((await fixture.createEvaluator([group]).evaluateGroup(group, slot)) !== undefined);
  };
  const register = (groups: readonly RuleGroup[], name = RULE_SET) => {
    const set = createRuleSet(name, groups);
    return fixture.database.none(loadSql('alerts/register-rule-set'), { ruleSet: name, hash: set.hash, groups: set.groups });
  };
  const end = async (groups: readonly RuleGroup[], knowsFiles = true) => {
    const ruleSet = createRuleSet(RULE_SET, groups);
    const ended = await endDeletedRules(groups, { database: fixture.database, ruleSet, knowsFiles, receivers: ['pager'] });
    await fixture.dispatch();
    return ended;
  };
  const texts = async (sql: string) => (await fixture.database.any<{ text: string }>(sql)).map(({ text }) => text);
  const states = () => texts(`select rule || ' ' || state as text from keepwatch.alert_instance order by 1`);
  const changes = () =>
    texts(`select rule || ' ' || to_state || ' ' || reason as text from keepwatch.alert_transition order by id`);
  const high = selectRows([{ name: 'a', value: 20 }]);

  it('end, and who was told of them is told so', async () => {
    const both = groupOf(
      { alert: 'Stays', query: high },
      { alert: 'Goes', query: high },
      { alert: 'Waits', query: high, for: '1h' },
    );
    await evaluate(both, 1);
    const rest = groupOf({ alert: 'Stays', query: high });
    assert.deepEqual(await end([rest]), { series: 0, notifications: 0 }, 'not before it is the newest generation');
    await register([rest]);
    assert.deepEqual(await end([rest]), { series: 2, notifications: 1 });
    assert.deepEqual(await states(), ['Stays firing']);
    assert.deepEqual((await changes()).slice(3).sort(), ['Goes ok rule_deleted', 'Waits ok rule_deleted']);
    const sent = await fixture.database.any<{ payload: Record<string, unknown>; receiver: string }>(
      `select payload, receiver from keepwatch.notification_outbox where reason = 'resolved'`,
    );
    assert.equal(sent[0]?.receiver, 'pager');
    const { status, endsAt, labels } = sent[0].payload;
    assert.deepEqual([status, labels], ['resolved', { alertname: 'Goes', name: 'a' }]);
    assert.ok(Date.parse(String(endsAt)) > START);
    assert.deepEqual(await end([rest]), { series: 0, notifications: 0 });
  });

  it('stay when a file of the set is broken, since the rule may only be unread', async () => {
    await evaluate(groupOf({ alert: 'Typo', query: high }), 1);
    const rest = [groupOf({ alert: 'Other', query: high })];
    await register(rest);
    assert.deepEqual(await end(rest, false), { series: 0, notifications: 0 });
    assert.deepEqual(await states(), ['Typo firing']);
    assert.deepEqual(await end(rest), { series: 1, notifications: 1 });
  });

  it('end too when others have begun them, while a set of rules was not the newest, once it is again', async () => {
    const create = (group: RuleGroup) => fixture.createEvaluator([group], { evaluatorId: randomUUID() });
    const rest = groupOf({ alert: 'Stays', query: high });
    const both = groupOf({ alert: 'Stays', query: high }, { alert: 'Comes', query: high });
    const [older, newer] = [create(rest), create(both)];
    await older.run();
    const slotMs = Math.floor(Date.now() / MINUTE) * MINUTE + MINUTE;
    assert.ok((await newer.evaluateGroup(both, { slotMs, isPartial: false, missed: 0 })) !== undefined);
    await older.run();
    assert.deepEqual(await states(), ['Comes firing', 'Stays firing'], 'newer rules are none of its business');
    await fixture.database.none(`update keepwatch.alert_evaluator set lease_until = lease_until - interval '1 minute'`);
    await waitFor(
      async () => {
        await older.run();
        return (await states()).length === 1;
      },
      { timeoutMs: 20_000, what: 'the deployment to be taken back' },
    );
    assert.deepEqual([await states(), (await changes()).at(-1)], [['Stays firing'], 'Comes ok rule_deleted']);
  });

  it('of the API stay for as long as the tables have the rule, whatever a process knows', async () => {
    const { database } = fixture;
    await evaluate(groupOf({ alert: 'Made', uid: 'made', query: high }), 1);
    const none = [{ ...groupOf({ alert: 'Other', query: high }), name: 'other' }];
    await database.none('delete from keepwatch.alert_rule_set');
    await register(none);
    await database.none(
      `insert into keepwatch.alert_rule (uid, group_name, every_ms, definition) values ('made', 'g', 60000, '{}');
       insert into keepwatch.alert_rule_audit (uid, action, actor, version, after) values ('made', 'create', 'test', 1, '{"group": "g"}')`,
    );
    assert.deepEqual(await end(none), { series: 0, notifications: 0 });
    await database.none('update keepwatch.alert_rule set enabled = false');
    assert.deepEqual(await end(none), { series: 1, notifications: 1 });
  });

  it('of targets end when no target holds any more, and not before', async () => {
    const { database } = fixture;
    const targets: RuleGroup = { ...groupOf({ alert: 'TargetMissed', query: high }), name: 'keepwatch targets' };
    await evaluate(targets, 1);
    // No group of files: each process has it while the tables have targets.
    await database.none('delete from keepwatch.alert_rule_set');
    const others = [groupOf({ alert: 'Other', query: high })];
    await register(others);
    const target = { type: 'api', name: 'POST /chat', quantile: 0.95, limitMs: 3000 } as const;
    await declareTargets(database, { service: 'shop', instance: 'web-1', targets: [target] });
    for (const days of [0, 6]) {
      await database.none(`update keepwatch.targets set last_seen_at = now() - $<days> * interval '1 day'`, { days });
      assert.deepEqual(await end(others), { series: 0, notifications: 0 }, `declared ${days} days ago`);
    }
    await database.none(`update keepwatch.targets set last_seen_at = now() - interval '8 days'`);
    assert.deepEqual(await end(others), { series: 1, notifications: 1 });
  });

  it('stay when another set of rules has their group', async () => {
    const group = groupOf({ alert: 'Shared', query: high });
    await evaluate(group, 1);
    await register([group], 'another service');
    const none = { ...group, name: 'other', rules: [] };
    await register([none]);
    assert.deepEqual(await end([none]), { series: 0, notifications: 0 });
    assert.deepEqual(await states(), ['Shared firing']);
  });

  it('go on when a rule with a uid of its own is renamed', async () => {
    await evaluate(groupOf({ alert: 'Old', uid: 'checkout-errors', query: high }), 1);
    const renamed = groupOf({ alert: 'New', uid: 'checkout-errors', query: high });
    await evaluate(renamed, 2);
    assert.deepEqual(await end([renamed]), { series: 0, notifications: 0 });
    assert.deepEqual(await changes(), ['Old firing breach']);
    assert.deepEqual(await states(), ['New firing']);
  });

  it('are the same incidents after the migration that keeps more of them', async () => {
    const { database } = fixture;
    const fingerprint = `encode(sha256(convert_to('["g","R",[["name","a"]]]', 'UTF8')), 'hex')`;
    const incident = '00000000-0000-8000-8000-000000000001';
    await database.none('drop schema keepwatch cascade');
    await migrate(database, loadMigrations().slice(0, 16));
    await database.none(
      `insert into keepwatch.alert_group (group_name, every_ms, last_slot) values ('g', 60000, $<slot>);
       insert into keepwatch.alert_instance (group_name, rule, fingerprint, active_at, fired_at, incident_id, last_slot, value, state, labels, row)
       values ('g', 'R', decode(${fingerprint}, 'hex'), $<slot>, $<slot>, $<incident>, $<slot>, 20, 'firing', '{"name": "a", "alertname": "R"}', '{"name": "a", "value": 20}');
       insert into keepwatch.alert_transition (slot, incident_id, group_name, rule, fingerprint, from_state, to_state, reason, labels, row)
       values ($<slot>, $<incident>, 'g', 'R', decode(${fingerprint}, 'hex'), 'ok', 'firing', 'breach', '{}', '{}');
       insert into keepwatch.notification_outbox (incident_id, expires_at, reason, dedupe_key, receiver, group_name, rule, fingerprint, payload, status)
       values ($<incident>, now(), 'firing', 'key', 'pager', 'g', 'R', decode(${fingerprint}, 'hex'), '{}', 'sent');
       insert into keepwatch.alert_evaluation (group_name, rule, slot, duration_ms, series, outcome) values ('g', 'R', $<slot>, 1, 1, 'ok')`,
      { slot: new Date(START), incident },
    );
    await migrate(database);
    await rulesUrlOf(fixture.test);
    await evaluate(groupOf({ query: high }), 1);
    await evaluate(groupOf({ query: selectRows([{ name: 'a', value: 0 }]) }), 2);
    assert.deepEqual(await changes(), ['R firing breach', 'R ok clear']);
    assert.deepEqual(await texts('select distinct incident_id::text as text from keepwatch.alert_transition'), [incident]);
    const [message] = await texts(
      `select payload->>'startsAt' as text from keepwatch.notification_outbox where reason = 'resolved'`,
    );
    assert.equal(message, new Date(START).toISOString());
  });
});
