// What is forgotten of groups that are gone, and of what people did: by age, in pieces, and nothing that still says something.
import assert from 'node:assert/strict';
import { Pruning, prune } from '../../../src/alerts/pruning.ts';
import { silentLogger } from '../../../src/logger.ts';
import { insertIncidents } from '../../support/incidents.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('Pruning of alerts', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  beforeEach(async () => {
    test = await createTestDatabase();
  });
  afterEach(() => test.drop());

  const texts = async (sql: string) => (await test.database.any<{ text: string }>(sql)).map(({ text }) => text);

  it('forgets evaluations, of groups that live too, then groups that are gone', async () => {
    await test.database.none(`
      insert into keepwatch.alert_group (group_name, every_ms, last_slot, evaluated_at)
      select name, 60000, now() - age, now() - age
      from (values ('here', interval '1 minute'), ('paused', interval '2 days'), ('gone', interval '8 days'), ('known', interval '8 days'))
        as given (name, age);
      insert into keepwatch.alert_evaluation (group_name, rule, rule_uid, slot, duration_ms, series, outcome)
      select name, 'R', name || '/R', now() - age - n * interval '1 minute', 1, 1, 'ok'
      from (values ('here', interval '8 days'), ('paused', interval '8 days'), ('paused', interval '3 days'), ('gone', interval '8 days'))
        as given (name, age), generate_series(1, 25) as n;
      insert into keepwatch.alert_instance (group_name, rule, rule_uid, fingerprint, last_slot, state, labels, row)
      values ('known', 'R', 'known/R', '\\x00', now(), 'ok', '{}', '{}')`);
    assert.equal(await prune({ database: test.database, most: 10 }), 76);
    assert.deepEqual(
      await texts(
        `select group_name || ' ' || count(slot) as text from keepwatch.alert_group left join keepwatch.alert_evaluation using (group_name)
         group by group_name order by 1`,
      ),
      ['here 0', 'known 0', 'paused 25'],
      'no slot has to, under the lock of its group',
    );
    assert.equal(await prune({ database: test.database }), 0);
    await test.database.none(
      `update keepwatch.alert_group set evaluated_at = now() - interval '401 days' where group_name = 'known'`,
    );
    assert.equal(await prune({ database: test.database }), 2);
  });

  it('forgets evaluators that nobody has heard of for a day', async () => {
    await test.database.none(`
      insert into keepwatch.alert_evaluator (evaluator_id, rule_set, hash, receivers, lease_until)
      select gen_random_uuid(), name, '\\x00', '{}', now() - age
      from (values ('here', interval '-6 seconds'), ('away', interval '23 hours'), ('gone', interval '25 hours')) as given (name, age)`);
    assert.equal(await prune({ database: test.database }), 1);
    assert.deepEqual(await texts('select rule_set as text from keepwatch.alert_evaluator order by 1'), ['away', 'here']);
  });

  it('forgets transitions, and messages of incidents that are over, whatever group they are of', async () => {
    await test.database.none(`
      insert into keepwatch.alert_transition (slot, incident_id, group_name, rule, rule_uid, fingerprint, from_state, to_state, reason, labels, row)
      select now() - days * interval '1 day', gen_random_uuid(), 'gone', days::text, 'gone/R', '\\x00', 'ok', 'firing', 'breach', '{}', '{}'
      from unnest(array[399, 401, 500]) as days;
      insert into keepwatch.alert_instance (group_name, rule, rule_uid, fingerprint, last_slot, active_at, fired_at, incident_id, state, is_told, labels, row)
      values ('gone', 'R', 'gone/R', '\\x00', now(), now(), now(), '00000000-0000-8000-8000-000000000001', 'firing', true, '{}', '{}');
      insert into keepwatch.notification_outbox (incident_id, created_at, expires_at, reason, dedupe_key, receiver, group_name, rule, rule_uid, fingerprint,
        payload, status)
      select incident::uuid, now() - days * interval '1 day', now(), 'firing', what, 'pager', 'gone', 'R', 'gone/R', '\\x00', '{}', status
      from (values ('open', '00000000-0000-8000-8000-000000000001', 31, 'sent'), ('over', '00000000-0000-8000-8000-000000000002', 31, 'sent'),
        ('given up', '00000000-0000-8000-8000-000000000002', 31, 'dead'), ('owed', '00000000-0000-8000-8000-000000000002', 31, 'pending'),
        ('new', '00000000-0000-8000-8000-000000000002', 29, 'sent')) as given (what, incident, days, status)`);
    assert.equal(await prune({ database: test.database }), 4);
    assert.deepEqual(await texts('select rule as text from keepwatch.alert_transition'), ['399']);
    assert.deepEqual(await texts('select dedupe_key as text from keepwatch.notification_outbox order by 1'), [
      'new',
      'open',
      'owed',
    ]);
  });

  it('forgets records of what people did, but not how a budget came to be as it is', async () => {
    await test.database.none(`
      insert into keepwatch.alert_audit (at, kind, name, action, actor, version)
      select now() - days * interval '1 day', kind, name, action, 'ann', version
      from (values (500, 'budget', 'search', 'create', 1), (401, 'budget', 'search', 'update', 2), (401, 'budget', 'chat', 'create', 1),
        (399, 'budget', 'chat', 'update', 2), (401, 'series', 'old', 'forget', null), (399, 'series', 'new', 'forget', null))
        as given (days, kind, name, action, version)
      order by days desc`);
    assert.equal(await prune({ database: test.database }), 3);
    assert.deepEqual(await texts(`select concat_ws(' ', name, version) as text from keepwatch.alert_audit order by 1`), [
      'chat 2',
      'new',
      'search 2',
    ]);
  });

  it('forgets silences 30 days after their end, and acknowledgements 30 days after their incident', async () => {
    const [open, late, over] = [1, 2, 3].map((number) => `${'0'.repeat(7)}${number}-0000-8000-8000-000000000000`);
    await insertIncidents(test.database, { [open ?? '']: 'firing', [late ?? '']: 'ok', [over ?? '']: 'ok' });
    await test.database.none(
      `insert into keepwatch.alert_silence (matchers, starts_at, ends_at, created_by, comment)
       select '[]', now() - interval '60 days', now() - days * interval '1 day', 'ana', days::text from unnest(array[-1, 29, 31]) as days;
       insert into keepwatch.alert_acknowledgement (incident_id, acknowledged_at, acknowledged_by)
       select id::uuid, now() - interval '60 days', 'ana' from unnest($<ids>) as id;
       update keepwatch.alert_transition set slot = now() - interval '31 days' where incident_id = $<over>;
       insert into keepwatch.alert_audit (at, kind, name, action, actor) values (now() - interval '401 days', 'silence', 'a', 'expire', 'ana'),
         (now() - interval '401 days', 'acknowledgement', 'b', 'create', 'ana')`,
      { ids: [open, late, over], over },
    );
    assert.equal(await prune({ database: test.database }), 4);
    assert.deepEqual(await texts('select comment as text from keepwatch.alert_silence order by 1'), ['-1', '29']);
    assert.deepEqual(await texts('select incident_id::text as text from keepwatch.alert_acknowledgement order by 1'), [
      open,
      late,
    ]);
    assert.deepEqual(await texts('select name as text from keepwatch.alert_audit'), []);
  });

  it('forgets rule sets that only say what is gone', async () => {
    await test.database.none(`
      insert into keepwatch.alert_rule_set (name, generation, registered_at, hash, groups)
      select 'default', generation, now() - days * interval '1 day', decode(lpad(to_hex(generation), 2, '0'), 'hex'), array[name]
      from (values (1, 500, 'open'), (2, 500, 'gone'), (3, 399, 'gone'), (4, 401, 'gone')) as given (generation, days, name);
      insert into keepwatch.alert_rule_set (name, generation, registered_at, hash, groups)
      values ('other', 1, now() - interval '500 days', '\\x00', '{gone}');
      insert into keepwatch.alert_instance (group_name, rule, rule_uid, fingerprint, last_slot, state, labels, row)
      values ('open', 'R', 'open/R', '\\x00', now(), 'ok', '{}', '{}')`);
    assert.equal(await prune({ database: test.database }), 1);
    assert.deepEqual(await texts(`select concat_ws(' ', name, generation) as text from keepwatch.alert_rule_set order by 1`), [
      'default 1',
      'default 3',
      'default 4',
      'other 1',
    ]);
  });

  const leaveGroup = () =>
    test.database.none(
      `insert into keepwatch.alert_group (group_name, every_ms, evaluated_at) values ('gone', 60000, now() - interval '8 days')`,
    );
  const groups = () => texts('select group_name as text from keepwatch.alert_group');

  it('begins nothing once it is stopped', async () => {
    await leaveGroup();
    assert.equal(await prune({ database: test.database, isStopped: () => true }), 0);
    assert.equal(await prune({ database: test.database }), 1);
  });

  it('comes when it is time, and then not for an hour', async () => {
    const { database } = test;
    const [early, due] = [
      new Pruning({ database, logger: silentLogger }),
      new Pruning({ database, logger: silentLogger, firstAfterMs: 0 }),
    ];
    await leaveGroup();
    early.tick();
    await early.stop();
    assert.deepEqual(await groups(), ['gone'], 'a process that has just come up has other things to do');
    due.tick();
    due.tick();
    await waitFor(async () => (await groups()).length === 0, { timeoutMs: 10_000, what: 'the group to be pruned' });
    await leaveGroup();
    due.tick();
    await due.stop();
    due.tick();
    assert.deepEqual(await groups(), ['gone']);
  });
});
