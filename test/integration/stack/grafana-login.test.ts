// docs/grafana-login.sql, run by the real psql: what it makes answers every panel of the Postgres dashboards, and writes nothing.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { closeDatabase, createDatabase, type Database } from '../../../src/db/database.ts';
import { PACKAGE_FOLDER } from '../../../src/db/sql.ts';
import { expandSql, targetsOf } from '../../support/grafana.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { rulesUrlOf } from '../../support/rules-role.ts';
import { archiveEvents, createSpoolDir } from '../../support/test-archive.ts';
import { dropUser } from '../../support/test-roles.ts';
import { needTool } from '../../support/tools.ts';

/** Roles belong to the whole server, on which other tests may run. */
const LOGIN = `grafana_${process.pid}`;
const HOUR_MS = 3_600_000;

describe('docs/grafana-login.sql', function () {
  this.timeout(60_000);
  let psql: string;
  let test: TestDatabase;
  let grafana: Database | undefined;
  before(async function () {
    psql = needTool(this, 'psql');
    test = await createTestDatabase();
    await rulesUrlOf(test, false);
    const spool = createSpoolDir();
    await archiveEvents(test.database, spool.path, [{}, { status: 'failure', lane: 'keep' }]);
    spool.remove();
    assert.deepEqual(runFile('first'), { status: 0, stderr: '' });
  });
  afterEach(async () => {
    if (grafana !== undefined) await closeDatabase(grafana);
    grafana = undefined;
  });
  after(async () => {
    if (test !== undefined) await dropUser(test.database, LOGIN);
    await test?.drop();
  });

  function runFile(password: string) {
    const file = join(PACKAGE_FOLDER, 'docs/grafana-login.sql');
    const args = [test.url, '--quiet', '--set', 'ON_ERROR_STOP=1', '--set', `login=${LOGIN}`, '--file', file];
    const { status, stderr } = spawnSync(psql, args, {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], GRAFANA_PASSWORD: password },
    });
    return { status, stderr };
  }

  function logIn(password: string): Database {
    const url = Object.assign(new URL(test.url), { username: LOGIN, password: encodeURIComponent(password) }).href;
    grafana = createDatabase({ url, max: 1 });
    return grafana;
  }

  it('makes a login that answers every question of every Postgres dashboard', async () => {
    const database = logIn('first');
    const folder = join(PACKAGE_FOLDER, 'grafana/dashboards');
    const shown = { from: new Date(Date.now() - HOUR_MS), to: new Date(), stepMs: 60_000 };
    let asked = 0;
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'))) {
      const dashboard = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Dashboard;
      for (const { panel, rawSql } of targetsOf(dashboard)) {
        if (rawSql === undefined) continue;
        await database
          .any(expandSql(dashboard, rawSql, shown))
          .catch((error: unknown) => assert.fail(`${file}: ${panel}: ${String(error)}`));
        asked += 1;
      }
    }
    assert.ok(asked > 40, String(asked));
    const rows = await database.any(`select count::int from keepwatch.per_label('http_route', 'api', interval '1 hour')`);
    assert.ok(rows.length > 0);
  });

  it('lets it write nothing, also in a transaction that it begins to write', async () => {
    const database = logIn('first');
    const writes = [
      'delete from keepwatch.observability_metrics',
      'update keepwatch.sources set closed = true',
      'insert into keepwatch.budgets select * from keepwatch.budgets',
      'truncate keepwatch.ledger',
      'drop table keepwatch.alert_instance',
      'create table keepwatch.mine ()',
      'create role mine',
      'select * from keepwatch.replay_dead_letters()',
      "select keepwatch.ensure_partitions(now(), now() + interval '1 day')",
      'alter table keepwatch.sources owner to current_user',
    ];
    for (const sql of writes) {
      await assert.rejects(database.any(sql), ({ code }: { code: string }) => code === '25006' || code === '42501', sql);
      await assert.rejects(database.multi(`begin read write; ${sql}; commit`), { code: '42501' }, sql);
      await database.none('rollback');
    }
    const [kept] = await test.database.any('select count(*)::int as rows from keepwatch.observability_metrics');
    assert.deepEqual(kept, { rows: 2 });
  });

  it('bounds its connections and the time of its statements, and none of the rights is more than those of readers', async () => {
    const role = await test.database.one(
      'select rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolconnlimit, rolconfig from pg_roles where rolname = $1',
      [LOGIN],
    );
    assert.deepEqual(role, {
      ...{ rolcanlogin: true, rolsuper: false, rolcreaterole: false, rolcreatedb: false, rolconnlimit: 10 },
      rolconfig: ['default_transaction_read_only=on', 'statement_timeout=30s'],
    });
    const groups = await test.database.any(
      `select roleid::regrole::text as role from pg_auth_members where member = $1::regrole`,
      [LOGIN],
    );
    assert.deepEqual(groups, [{ role: 'keepwatch_reader' }]);
  });

  it('may be run again, with another password, which is any text', async () => {
    const password = `o'hara"; \\drop 'x' %s $HOME`;
    assert.deepEqual(runFile(password), { status: 0, stderr: '' });
    assert.deepEqual(await logIn(password).one('select current_user as name'), { name: LOGIN });
    await assert.rejects(logIn('first').one('select 1 as one'), { code: '28P01' });
  });
});
