// Targets beside code in Postgres: declared, measured, evaluated as a rule.
import assert from 'node:assert/strict';
import { declareTargets, type MeasuredTarget, touchTargets } from '../../../src/alerts/definitions/targets.ts';
import { createRuleSource } from '../../../src/alerts/rule-source.ts';
import { createKeepwatch } from '../../../src/app.ts';
import type { Target } from '../../../src/target.ts';
import { insertEvents, loadText } from '../../support/alerts.ts';
import { type AlertsApiFixture, openAlertsApi } from '../../support/alerts-api.ts';
import { createSpoolDir, createTestArchive } from '../../support/test-archive.ts';

const CHAT: Target = { type: 'api', name: 'POST /chat', quantile: 0.95, limitMs: 3000 };
const HISTORY: Target = { type: 'api', name: 'GET /history', quantile: 0.95, limitMs: 100 };
const QUIET: Target = { type: 'db', name: 'rare', quantile: 0.999, limitMs: 100 };

describe('targets in Postgres', function () {
  this.timeout(30_000);
  let fixture: AlertsApiFixture;
  before(async () => {
    fixture = await openAlertsApi();
  });
  after(() => fixture.close());
  beforeEach(() => fixture.database.none('delete from keepwatch.targets'));

  const declare = (targets: readonly Target[], instance = 'web-1') =>
    declareTargets(fixture.database, { service: 'shop', instance, targets });
  const measured = async () => (await fixture.send<{ targets: MeasuredTarget[] }>('get', '/targets')).data.targets;
  const source = () => createRuleSource({ database: fixture.database, files: loadText('groups: []') });

  it('keeps what is declared, and which limit was declared last', async () => {
    await declare([CHAT, HISTORY]);
    await declare([CHAT], 'web-2');
    await declare([{ ...HISTORY, limitMs: 200 }], 'web-3');
    const rows = await measured();
    assert.deepEqual(
      rows.map(({ name, limit_ms, declared_by, label, state }) => [name, limit_ms, declared_by, label, state]),
      [
        ['GET /history', 200, 'web-3', 'p95', 'no_data'],
        ['POST /chat', 3000, 'web-1', 'p95', 'no_data'],
      ],
    );
  });

  it('forgets what no process has declared for a week, and not what one has', async () => {
    await declare([CHAT, HISTORY]);
    await fixture.database.none(`update keepwatch.targets set last_seen_at = now() - interval '8 days'`);
    assert.deepEqual(await measured(), []);
    assert.deepEqual((await source().load()).groups, []);
    await touchTargets(fixture.database, 'shop', [CHAT]);
    assert.deepEqual(
      (await measured()).map(({ name }) => name),
      ['POST /chat'],
    );
    assert.deepEqual(
      (await source().load()).groups.map(({ name }) => name),
      ['keepwatch targets'],
    );
  });

  it('measures them by the archive: pass, fail, and what cannot be told', async () => {
    await declare([CHAT, HISTORY, QUIET]);
    const spool = createSpoolDir();
    const { archive, tracker } = createTestArchive(fixture.database, spool.path);
    for (let index = 0; index < 100; index++) {
      const common = { status: index === 0 ? ('aborted' as const) : ('success' as const), endMs: Date.now() - 300_000 - index };
      for (const [name, durationMs] of [['POST /chat', 2000] as const, ['GET /history', 250] as const])
        tracker.record({ series: { type: 'api', name, service: 'shop', metadata: '' }, ...common, durationMs });
    }
    await archive.stop({ timeoutMs: 10_000 });
    spool.remove();
    assert.deepEqual(
      (await measured()).map(({ name, count, measured_ms, state, label }) => [
        name,
        count,
        Math.round(measured_ms ?? -1),
        state,
        label,
      ]),
      [
        ['GET /history', 99, 250, 'fail', 'p95'],
        ['POST /chat', 99, 2000, 'pass', 'p95'],
        ['rare', 0, -1, 'no_data', 'p99.9'],
      ],
    );
    const { data } = await fixture.send<{ targets: MeasuredTarget[] }>('get', '/targets?name=rare&service=shop&type=db');
    assert.deepEqual(
      data.targets.map(({ name }) => name),
      ['rare'],
    );
  });

  it('makes an alert of what is too slow, and ends it when it is fast again', async () => {
    await declare([CHAT, HISTORY]);
    await fixture.database.none('delete from keepwatch.observability_metrics');
    const { groups, problems, warnings, origins } = await source().load();
    assert.deepEqual([problems, warnings, [...origins.values()]], [[], [], [{ source: 'target' }]]);
    const [group] = groups;
    assert.ok(group !== undefined);
    const evaluator = fixture.createEvaluator(groups);
    const slotMs = Math.floor(Date.now() / 60_000) * 60_000 - 20 * 60_000;
    await insertEvents(fixture.database, { count: 3600, fromMs: slotMs - 600_000, toMs: slotMs + 600_000, durationMs: 3100 });
    await insertEvents(fixture.database, {
      count: 3600,
      fromMs: slotMs - 600_000,
      toMs: slotMs + 600_000,
      durationMs: 50,
      name: 'GET /history',
    });
    const states = async () =>
      (
        await fixture.database.any<{ name: string; state: string; summary: string }>(
          `select labels ->> 'name' as name, state, annotations ->> 'summary' as summary from keepwatch.alert_instance where state <> 'ok'`,
        )
      ).map(({ name, state }) => `${name} ${state}`);
    for (let minute = 0; minute <= 5; minute++)
      await evaluator.evaluateGroup(group, { slotMs: slotMs + minute * 60_000, isPartial: false, missed: 0 });
    assert.deepEqual(await states(), ['POST /chat firing']);
    await declare([{ ...CHAT, limitMs: 4000 }]);
    await evaluator.evaluateGroup(group, { slotMs: slotMs + 6 * 60_000, isPartial: false, missed: 0 });
    assert.deepEqual(await states(), []);
  });

  for (const others of [[], [HISTORY]])
    it(`ends an alert when nobody declares its target any more, beside ${others.length} others`, async () => {
      const { database } = fixture;
      await database.none(
        'delete from keepwatch.observability_metrics; delete from keepwatch.alert_instance; delete from keepwatch.alert_group; delete from keepwatch.alert_evaluation',
      );
      await declare([CHAT, ...others]);
      const { groups } = await source().load();
      const [group] = groups;
      assert.ok(group !== undefined);
      const slotMs = Math.floor(Date.now() / 60_000) * 60_000 - 20 * 60_000;
      await insertEvents(database, { count: 3600, fromMs: slotMs - 600_000, toMs: slotMs + 600_000, durationMs: 3100 });
      const evaluator = fixture.createEvaluator(groups);
      const evaluate = (minute: number) =>
        evaluator.evaluateGroup(group, { slotMs: slotMs + minute * 60_000, isPartial: false, missed: 0 });
      const firing = () => database.any(`select labels ->> 'name' as name from keepwatch.alert_instance where state = 'firing'`);
      for (let minute = 0; minute <= 5; minute++) await evaluate(minute);
      assert.deepEqual(await firing(), [{ name: 'POST /chat' }]);
      await database.none('delete from keepwatch.observability_metrics');
      await evaluate(6);
      assert.deepEqual(await firing(), [{ name: 'POST /chat' }], 'without traffic nothing is known of it');
      await database.none(`update keepwatch.targets set last_seen_at = now() - interval '8 days' where name = 'POST /chat'`);
      await evaluate(7);
      assert.deepEqual(await firing(), []);
    });
});

describe('targets of a running app', function () {
  this.timeout(30_000);
  let fixture: AlertsApiFixture;
  before(async () => {
    fixture = await openAlertsApi();
  });
  after(() => fixture.close());

  it('are in Postgres when it has started, and when it has stopped', async () => {
    const spool = createSpoolDir();
    const keepwatch = await createKeepwatch({
      service: 'shop',
      databaseUrl: fixture.test.url,
      spoolDir: spool.path,
      logLevel: 'silent',
    });
    const listed = async () =>
      (await fixture.send<{ targets: MeasuredTarget[] }>('get', '/targets')).data.targets.map(
        ({ service, type, name, label, limit_ms }) => `${service} ${type} ${name} ${label} ${limit_ms}`,
      );
    keepwatch.tracker.track({ type: 'tool', name: 'search', target: { p95: '1s' } }, () => 1);
    await keepwatch.start();
    assert.deepEqual(await listed(), ['shop tool search p95 1000']);
    keepwatch.tracker.measure({ type: 'db', name: 'history', target: { p99: '100ms' } }, () => 1);
    await keepwatch.stop();
    spool.remove();
    assert.deepEqual(await listed(), ['shop db history p99 100', 'shop tool search p95 1000']);
  });
});
