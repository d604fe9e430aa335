// When a slot is due: what is waited for when Postgres, sources or clocks are unwell.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { RuleGroup } from '../../../src/alerts/rule.ts';
import { closeDatabase, createDatabase, type Database } from '../../../src/db/database.ts';
import { migrate } from '../../../src/db/migrate.ts';
import { type AlertsFixture, insertEvents, openAlertsFixture, parseRules } from '../../support/alerts.ts';
import { createPostgresServer, type PostgresServer } from '../../support/postgres-server.ts';
import { insertRolledUp } from '../../support/rolled-up.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { needTool } from '../../support/tools.ts';

const RULES = `groups:
  - name: fast
    every: 1s
    rules:
      - alert: Failures
        query: |
          select name, count(*) filter (where status = 'failure') as value from keepwatch.observability_metrics
          where end_time >= :now - interval '5 minutes' and end_time < :now group by name
        fire_when: value > 0
`;
const rulesOf = (): readonly RuleGroup[] => parseRules(RULES);

interface GivenSource {
  readonly id?: number;
  /** When it was heard of last; what it recorded until then, less its lag, is archived. */
  readonly silentSeconds?: number;
  readonly lagSeconds?: number;
  readonly offsetMs?: number;
  readonly isClosed?: boolean;
}

function insertSource(database: Database, source: GivenSource): Promise<null> {
  return database.none(
    `insert into keepwatch.sources (source_id, service, instance, started_at, low_watermark, last_seen_at, clock_offset_ms, closed)
     select $<id>, 'x', 'x', at, at - $<lagSeconds> * interval '1 second' + $<offsetMs> * interval '1 millisecond', at, $<offsetMs>, $<isClosed>
     from (select clock_timestamp() - $<silentSeconds> * interval '1 second' as at) as times
     on conflict (source_id) do update set low_watermark = excluded.low_watermark, last_seen_at = excluded.last_seen_at`,
    { id: 12, silentSeconds: 0, lagSeconds: 0, offsetMs: 0, isClosed: false, ...source },
  );
}

/** Shorter than in production: a server that was started for the tests is always older. */
const SILENT_MS = 2000;

/** As if the last slot had been evaluated a minute earlier: slots are due now. */
async function letSlotsPass(database: Database): Promise<void> {
  await database.none(`update keepwatch.alert_group set last_slot = last_slot - interval '1 minute'`);
  await database.none('delete from keepwatch.alert_evaluation');
}

const isWhole = ({ partial }: { partial: boolean }) => !partial;

function listSlots(database: Database): Promise<{ partial: boolean; age: number }[]> {
  return database.any(
    `select partial, extract(epoch from clock_timestamp() - slot)::float8 as age from keepwatch.alert_evaluation order by slot`,
  );
}

describe('Evaluator, watermarks', function () {
  this.timeout(60_000);
  let fixture: AlertsFixture;
  beforeEach(async () => {
    fixture = await openAlertsFixture();
  });
  afterEach(() => fixture.close());

  for (const offsetMs of [-3_600_000, 3_600_000]) {
    it(`waits no longer for a source whose clock is off by ${offsetMs / 1000} s, and takes nothing for a part`, async () => {
      await insertSource(fixture.database, { silentSeconds: 1, offsetMs });
      await fixture.createEvaluator(rulesOf()).run();
      const [slot, ...others] = await listSlots(fixture.database);
      assert.deepEqual(others, []);
      assert.equal(slot?.partial, false);
      assert.ok(slot.age < 5, `${slot.age} s`);
    });
  }

  it('waits for a source whose clock is a little behind', async () => {
    await insertSource(fixture.database, { silentSeconds: 1, offsetMs: -1500 });
    await fixture.createEvaluator(rulesOf()).run();
    const [slot] = await listSlots(fixture.database);
    assert.equal(slot?.partial, false);
    assert.ok(slot.age >= 2.5, `${slot.age} s`);
  });

  it('waits for what living sources have not archived yet, not for closed or silent ones', async () => {
    const { database } = fixture;
    await insertSource(database, { id: 10, lagSeconds: 3600, isClosed: true });
    await insertSource(database, { id: 11, lagSeconds: 3600, silentSeconds: 3 });
    await insertSource(database, { id: 12, lagSeconds: 4 });
    const evaluator = fixture.createEvaluator(rulesOf(), { silentMs: SILENT_MS });
    await evaluator.run();
    assert.deepEqual((await listSlots(database)).map(isWhole), [true]);
    await evaluator.run();
    assert.equal((await listSlots(database)).length, 1, 'the next slot waits for source 12');
    await insertSource(database, { id: 12, lagSeconds: 1 });
    await evaluator.run();
    const slots = await listSlots(database);
    assert.ok(slots.length >= 4 && slots.every(isWhole), JSON.stringify(slots));
  });

  it('leaves a silent source out, but not when Postgres was away: then it waits, and resolves nothing', async () => {
    const { database } = fixture;
    const proxy = await TcpProxy.start(fixture.test.url);
    const proxied = createDatabase({ url: proxy.urlOf(fixture.test.url), max: 2 });
    try {
      const evaluator = fixture.createEvaluator(rulesOf(), { database: proxied, silentMs: SILENT_MS });
      const nowMs = Date.now();
      await insertEvents(database, { count: 20, failures: 20, fromMs: nowMs - 60_000, toMs: nowMs - 10_000 });
      await insertSource(database, { silentSeconds: 3, lagSeconds: 60 });
      assert.equal((await evaluator.run()).committed, 1, 'nobody waits for a silent source');
      assert.equal(evaluator.numbers.silentSources, 1, 'and it is counted');
      proxy.down();
      await assert.rejects(evaluator.run());
      // Now the archive holds successes only, and what failed since is in the spool of a source that is coming back.
      await database.none(`update keepwatch.observability_metrics set status = 'success'`);
      proxy.up();
      await letSlotsPass(database);
      await evaluator.run();
      await evaluator.run();
      const states = () => database.any('select state from keepwatch.alert_instance');
      assert.deepEqual(await states(), [{ state: 'firing' }]);
      await letSlotsPass(database);
      await insertSource(database, { silentSeconds: 0 });
      await evaluator.run();
      assert.deepEqual(await states(), [], 'what is complete resolves');
      const [newest] = await database.any('select to_state, reason from keepwatch.alert_transition order by id desc limit 1');
      assert.deepEqual(newest, { to_state: 'ok', reason: 'clear' });
    } finally {
      await closeDatabase(proxied);
      await proxy.close();
    }
  });

  it('does not take for too little what a lagging archive has not got yet, and fires for what it has', async () => {
    const { database } = fixture;
    const groups = parseRules(`groups:
  - name: fast
    every: 1s
    max_wait: 0s
    rules:
      - { alert: Absent, absence: { type: api, window: 15s } }
      - { alert: Slack, throughput: { type: api, below: 1/m, window: 15s } }
      - { alert: SlackAllTheSame, throughput: { type: api, below: 1/m, window: 15s }, partial: evaluate }
      - { alert: Fails, error_rate: { type: api, above: 10%, window: 5m } }
      - { alert: Flood, throughput: { type: api, above: 1/m, window: 5m } }
`);
    const failure = { service: 'shop', type: 'api', name: 'GET /', status: 'failure', durationMs: 1, weight: 1 } as const;
    const endMs = Date.now() - 60_000;
    await insertRolledUp(
      database,
      Array.from({ length: 30 }, () => ({ ...failure, endMs })),
    );
    const firing = async () =>
      (
        await database.any<{ rule: string }>(`select rule from keepwatch.alert_instance where state = 'firing' order by rule`)
      ).map(({ rule }) => rule);
    // It lives, and for 30 s has not got through what it recorded.
    await insertSource(database, { lagSeconds: 30 });
    await fixture.createEvaluator(groups).run();
    assert.deepEqual(
      (await listSlots(database)).map(({ partial }) => partial),
      groups[0]?.rules.map(() => true),
    );
    assert.deepEqual(await firing(), ['Fails', 'Flood', 'SlackAllTheSame']);
    await letSlotsPass(database);
    await insertSource(database, { lagSeconds: -5 });
    await fixture.createEvaluator(groups).run();
    assert.deepEqual(await firing(), ['Absent', 'Fails', 'Flood', 'Slack', 'SlackAllTheSame']);
  });

  it('waits for the source of a holder that was killed, as long as max_wait says, until it is silent', async () => {
    const { database } = fixture;
    const groups = ['10s', '40s'].flatMap((wait, index) =>
      parseRules(RULES.replace('fast', `g${index}`).replace('every: 1s', `every: 2s\n    max_wait: ${wait}`)),
    );
    const evaluate = () => fixture.createEvaluator(groups, { silentMs: SILENT_MS, evaluatorId: randomUUID() }).run();
    const newest = () =>
      database.any<{ group_name: string; partial: boolean; age: number }>(
        `select distinct on (group_name) group_name, partial, extract(epoch from clock_timestamp() - slot)::float8 as age
         from keepwatch.alert_evaluation order by group_name, slot desc`,
      );
    const states = () => database.any('select group_name, state from keepwatch.alert_instance order by 1');
    const nowMs = Date.now();
    await insertEvents(database, { count: 20, failures: 20, fromMs: nowMs - 120_000, toMs: nowMs - 60_000 });
    await insertSource(database, { lagSeconds: -5 });
    await evaluate();
    const firing = groups.map(({ name }) => ({ group_name: name, state: 'firing' }));
    assert.deepEqual(await states(), firing);

    // Killed 25 s ago: its lease is over, its source is waited for. What was wrong is over.
    await database.none(`update keepwatch.observability_metrics set status = 'success'`);
    await database.none(`update keepwatch.alert_evaluator set lease_until = lease_until - interval '15 seconds'`);
    await database.none(`update keepwatch.alert_group set last_slot = last_slot - interval '16 seconds'`);
    await database.none('delete from keepwatch.alert_evaluation');
    await insertSource(database, { silentSeconds: 0, lagSeconds: 25 });
    await evaluate();
    const [late, ...others] = await newest();
    assert.deepEqual([late?.group_name, late?.partial, others], ['g0', true, []], 'the other one waits');
    assert.ok((late?.age ?? 0) >= 10, `${late?.age} s late`);
    assert.deepEqual(await states(), firing);

    await database.none(`update keepwatch.alert_evaluator set lease_until = lease_until - interval '15 seconds'`);
    await insertSource(database, { silentSeconds: 3, lagSeconds: 25 });
    await evaluate();
    assert.deepEqual(
      (await newest()).map(({ group_name, partial, age }) => [group_name, partial, age < 4]),
      groups.map(({ name }) => [name, false, true]),
    );
    assert.deepEqual(await states(), []);
  });

  it('evaluates nothing on a schema that is too new for it', async () => {
    await fixture.database.none(`insert into keepwatch.migration values (99, '000099_rename_all', '', true)`);
    await assert.rejects(fixture.createEvaluator(rulesOf()).run(), { code: 'ERR_DATABASE_SCHEMA' });
    assert.deepEqual(await listSlots(fixture.database), []);
  });

  describe('on a server that has just started', () => {
    let server: PostgresServer;
    before(async function () {
      server = await createPostgresServer(needTool(this, 'postgres'));
    });
    after(() => server.remove());

    it('waits for a source that was silent only because the server was down', async () => {
      const database = createDatabase({ url: server.url, max: 2 });
      try {
        await migrate(database);
        await insertSource(database, { silentSeconds: 300 });
        await fixture.createEvaluator(rulesOf(), { database, rulesDatabase: database }).run();
        assert.deepEqual(
          (await listSlots(database)).map(({ partial }) => partial),
          [true],
        );
      } finally {
        await closeDatabase(database);
      }
    });
  });
});
