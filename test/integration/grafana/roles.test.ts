// What dashboards of roles show of one process whose executions are known.
import assert from 'node:assert/strict';
import { createKeepwatch, type Keepwatch } from '../../../src/app.ts';
import { ensureRoles } from '../../../src/db/roles.ts';
import { silentLogger } from '../../../src/logger.ts';
import { expandSql, keptDashboards, targetsOf } from '../../support/grafana.ts';
import { askPostgres, type SqlAnswer } from '../../support/grafana-answers.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir } from '../../support/test-archive.ts';

describe('dashboards of roles', () => {
  const spool = createSpoolDir();
  let test: TestDatabase;
  let keepwatch: Keepwatch;

  before(async () => {
    test = await createTestDatabase();
    await ensureRoles(test.database);
    keepwatch = await createKeepwatch({ service: 'shop', databaseUrl: test.url, spoolDir: spool.path, logger: silentLogger });
    await keepwatch.start();
    for (let index = 1; index <= 100; index++) {
      keepwatch.tracker.recordConnectorOperation({
        connectorType: 'crm',
        operation: 'get_contacts',
        tenantId: index <= 30 ? 'acme' : 'globex',
        userId: `user-${index % 4}`,
        durationMs: index * 10,
        status: index <= 5 ? 'failure' : 'success',
      });
    }
    await keepwatch.flush();
    await test.database.none(
      `insert into keepwatch.targets (service, type, name, quantile, limit_ms, declared_by)
       values ('shop', 'connector', 'get_contacts', 0.95, 1900, 'a test'), ('shop', 'connector', 'never_ran', 0.5, 10, 'a test')`,
    );
  });
  after(async () => {
    await keepwatch?.stop();
    spool.remove();
    await test?.drop();
  });

  it('compare targets that code declares with what was measured, and say nothing of what never ran', async () => {
    const [row, ...others] = (await ask('slo', 'Targets beside code')).rows;
    assert.deepEqual(others, []);
    assert.equal(row?.['name'], 'get_contacts');
    assert.equal(row?.['limit'], 1.9);
    assert.ok(Math.abs(Number(row?.['measured']) / 0.95 - 1) < 0.0109, String(row?.['measured']));
    assert.ok(Math.abs(Number(row?.['used']) / 0.5 - 1) < 0.0109, String(row?.['used']));
  });

  it('prove that nothing was lost', async () => {
    const { rows } = await ask('operations', 'Accounting');
    assert.ok(rows.length > 0);
    for (const { agrees, dropped } of rows) assert.deepEqual([agrees, Number(dropped)], [true, 0]);
    assert.equal(
      rows.reduce((sum, { archived }) => sum + Number(archived), 0),
      100,
    );
  });

  it('tell tenants and users apart, and narrow them down to those that are chosen', async () => {
    const of = ({ rows }: SqlAnswer) => rows.map(({ tenant, count, failures }) => [tenant, Number(count), Number(failures)]);
    assert.deepEqual(of(await ask('business', 'Tenants')), [
      ['globex', 70, 0],
      ['acme', 30, 5],
    ]);
    assert.deepEqual(of(await ask('business', 'Tenants', { tenant: ['acme', 'none'] })), [['acme', 30, 5]]);
    assert.equal(Number((await ask('business', 'Active users')).rows[0]?.['users']), 4);
    assert.equal(Number((await ask('business', 'Executions')).rows[0]?.['executions']), 100);
  });

  it('list failures with what they are of, for types that are chosen', async () => {
    const [row] = (await ask('development', 'Most failing', { type: ['connector'] })).rows;
    assert.deepEqual([row?.['name'], Number(row?.['failures']), row?.['failed']], ['get_contacts', 5, 0.05]);
    assert.equal((await ask('development', 'Newest failures')).rows.length, 5);
    for (const panel of ['Most failing', 'Newest failures', 'Errors', 'Slowest'])
      assert.deepEqual((await ask('development', panel, { type: ['api'] })).rows, [], panel);
  });

  async function ask(
    name: string,
    panel: string,
    variables: Readonly<Record<string, readonly string[]>> = {},
  ): Promise<SqlAnswer> {
    const kept = keptDashboards().find(({ path }) => path === `roles/${name}.json`);
    assert.ok(kept !== undefined);
    const target = targetsOf(kept.dashboard).find((one) => one.panel === panel);
    const to = new Date(Date.now() + 60_000);
    const shown = { from: new Date(to.getTime() - 3_600_000), to, stepMs: 60_000, variables };
    return askPostgres(test.database, expandSql(kept.dashboard, target?.rawSql ?? '', shown));
  }
});
