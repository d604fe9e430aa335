// The dashboard of one trace, as a link fills its variable, and as anybody may: of a process whose spans and log lines are known, read as dashboards read.
import assert from 'node:assert/strict';
import { createKeepwatch, type Keepwatch } from '../../../src/app.ts';
import { ensureRoles } from '../../../src/db/roles.ts';
import { silentLogger } from '../../../src/logger.ts';
import { expandSql, keptDashboards, targetsOf } from '../../support/grafana.ts';
import { askPostgres } from '../../support/grafana-answers.ts';
import { HOSTILE_TEXTS } from '../../support/hostile-texts.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir } from '../../support/test-archive.ts';

describe('the dashboard of a trace', () => {
  const spool = createSpoolDir();
  let test: TestDatabase;
  let keepwatch: Keepwatch;
  let traceId: string;

  before(async () => {
    test = await createTestDatabase();
    await ensureRoles(test.database);
    keepwatch = await createKeepwatch({ service: 'shop', databaseUrl: test.url, spoolDir: spool.path, logger: silentLogger });
    await keepwatch.start();
    const { tracker } = keepwatch;
    const logs = keepwatch.logStream();
    const log = (message: string) =>
      logs.write(`${JSON.stringify({ level: 40, time: Date.now(), msg: message, name: 'mail' })}\n`);
    log('of no trace');
    const find = tracker.track({ type: 'db', name: 'find' }, async () => {});
    const search = tracker.track({ type: 'tool', name: 'search' }, () => find());
    const book = tracker.track({ type: 'tool', name: 'book' }, async () => {
      throw new Error('sold out');
    });
    const plan = tracker.track({ type: 'agent', name: 'planner' }, async () => {
      log('it begins');
      await search();
      await book();
    });
    await assert.rejects(plan(), /sold out/);
    await find();
    await keepwatch.flush();
    const row = await test.database.one<{ id: string }>(`select trace_id as id from keepwatch.events where name = 'planner'`);
    traceId = row.id;
  });
  after(async () => {
    await keepwatch?.stop();
    spool.remove();
    await test?.drop();
  });

  it('shows its spans as a tree, how they ended and when they began within it', async () => {
    const rows = await ask('Spans', traceId);
    assert.deepEqual(
      rows.map(({ span, status, error, service }) => [span, status, error, service]),
      [
        ['agent planner', 'failure', 'Error: sold out', 'shop'],
        ['· tool search', 'success', null, 'shop'],
        ['· · db find', 'success', null, 'shop'],
        ['· tool book', 'failure', 'Error: sold out', 'shop'],
      ],
    );
    assert.equal(rows[0]?.['after'], 0);
    for (const { after, duration } of rows) assert.ok(Number(after) >= 0 && Number(duration) >= 0);
  });

  it('shows what was logged within it', async () => {
    const rows = await ask('Log lines', traceId);
    assert.deepEqual(
      rows.map(({ level, message, logger, service }) => [level, message, logger, service]),
      [['warn', 'it begins', 'mail', 'shop']],
    );
  });

  it('takes an id as a uuid, in capitals and between spaces', async () => {
    const uuid = traceId.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
    for (const written of [uuid, traceId.toUpperCase(), ` ${traceId}\n`])
      for (const panel of ['Spans', 'Log lines']) assert.deepEqual(await ask(panel, written), await ask(panel, traceId), written);
  });

  const others = { nothing: '', 'an id that is not there': '0af7651916cd43dd8448eb211c80319c', 'half of an id': 'ab'.repeat(8) };
  for (const [what, written] of Object.entries({ ...others, ...HOSTILE_TEXTS })) {
    it(`shows nothing of ${what}, and does nothing`, async () => {
      for (const panel of ['Spans', 'Log lines']) {
        assert.deepEqual(await ask(panel, written), []);
        assert.deepEqual(await ask(panel, `${traceId}' ${written}`), []);
      }
    });
  }

  async function ask(panel: string, written: string) {
    const dashboard = keptDashboards().find(({ path }) => path === 'details/trace.json')?.dashboard;
    const sql = dashboard && targetsOf(dashboard).find((target) => target.panel === panel)?.rawSql;
    assert.ok(dashboard !== undefined && sql !== undefined);
    const shown = { from: new Date(0), to: new Date(1), stepMs: 60_000, variables: { trace_id: written } };
    return (await askPostgres(test.database, expandSql(dashboard, sql, shown))).rows;
  }
});
