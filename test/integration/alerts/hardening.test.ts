// What docs/harden.sql costs: an app in the same database, whose role was there before, and one that comes after.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { PUBLISHED_RELATIONS } from '../../../src/alerts/sql-allowed.ts';
import { closeDatabase, createDatabase, type Database } from '../../../src/db/database.ts';
import { ensureRoles } from '../../../src/db/roles.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { openRulesDatabase } from '../../support/rules-role.ts';

const [EARLIER, LATER] = [`keepwatch_test_app_${process.pid}`, `keepwatch_test_new_${process.pid}`];
const OWNER = `keepwatch_test_owner_${process.pid}`;
const HARDEN = new URL('../../../docs/harden.sql', import.meta.url);
/** Read by functions that rules may call, with the rights of the role; the parser refuses them by name. */
const FOR_FUNCTIONS = [
  'closed_days',
  'retired_partitions',
  'rollup_backlog',
  'rollup_days',
  'rollup_deltas',
  'rollup_history',
  'rollup_start',
  'usage_closings',
  'usage_hours',
];

describe('docs/harden.sql', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let earlier: Database;
  let later: Database;
  before(async () => {
    test = await createTestDatabase();
    const open = (username: string) =>
      createDatabase({ url: Object.assign(new URL(test.url), { username, password: 'app' }).href, max: 1 });
    await test.database.none(`create role ${EARLIER} login password 'app'`);
    await test.database.none(`create schema app authorization ${EARLIER}`);
    await ensureRoles(test.database, { hardens: true });
    await test.database.none(`create role ${LATER} login password 'app'`);
    [earlier, later] = [open(EARLIER), open(LATER)];
  });
  after(async () => {
    await Promise.all([closeDatabase(earlier), closeDatabase(later)]);
    await test.database.none(`drop owned by ${EARLIER}, ${LATER} cascade`);
    await test.database.none(`drop role ${EARLIER}, ${LATER}`);
    await test.drop();
  });

  it('leaves an app its tables, locks, messages, settings and large objects', async () => {
    await earlier.tx(async (task) => {
      await task.none(`create table app.jobs (id bigint generated always as identity primary key, body jsonb)`);
      await task.none(`insert into app.jobs (body) values ('{"a": 1}')`);
      await task.any('select * from app.jobs for update skip locked');
      for (const call of [
        'pg_advisory_xact_lock(1)',
        'pg_try_advisory_lock(1)',
        `pg_notify('jobs', '1')`,
        'pg_sleep(0)',
        'txid_current()',
        `set_config('app.tenant', '1', true)`,
        'lo_unlink(lo_create(0))',
        'pg_cancel_backend(0)',
      ])
        await task.any(`select ${call}`);
    });
    assert.equal((await earlier.any('select * from app.jobs')).length, 1);
  });

  it('takes temporary tables from all, and locks from a role that is made later until it is granted them', async () => {
    await assert.rejects(earlier.none('create temporary table t (a int)'), { code: '42501' });
    await assert.rejects(later.any('select pg_advisory_lock(1)'), { code: '42501' });
    await test.database.none(`grant execute on function pg_advisory_lock(bigint) to ${LATER}`);
    await later.any('select pg_advisory_lock(2)');
  });
});

describe('docs/harden.sql, run by the owner of a database who is no superuser', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let owner: Database;
  let rules: Database;
  before(async () => {
    test = await createTestDatabase();
    await test.database.none(`create role ${OWNER} login password 'app'`);
    await test.database.none(`alter database $<name:name> owner to ${OWNER}`, { name: new URL(test.url).pathname.slice(1) });
    await test.database.none('create function public.answer() returns integer language sql security definer return 42');
    rules = await openRulesDatabase(test, { hardens: false });
    owner = createDatabase({ url: Object.assign(new URL(test.url), { username: OWNER, password: 'app' }).href, max: 1 });
  });
  after(async () => {
    await Promise.all([closeDatabase(owner), closeDatabase(rules)]);
    await test.database.none(`reassign owned by ${OWNER} to current_user; drop owned by ${OWNER} cascade; drop role ${OWNER}`);
    await test.drop();
  });

  it('takes temporary tables and, where it is theirs, the schema public; functions of Postgres stay', async () => {
    const { version } = await owner.one<{ version: number }>(`select current_setting('server_version_num')::int as version`);
    await rules.any('select public.answer()');
    await owner.multi(readFileSync(HARDEN, 'utf8'));
    const asked = await rules.any('select public.answer()').catch((error: { code?: string }) => error.code);
    assert.equal(Array.isArray(asked) ? 'runs' : asked, version >= 150_000 ? '42501' : 'runs');
    assert.deepEqual(await rules.one(`select has_database_privilege(current_database(), 'temporary') as temporary`), {
      temporary: false,
    });
    await rules.any('select pg_sleep(0), proname from pg_proc limit 1');
  });
});

describe('what keepwatch_rules may read', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let rules: Database;
  before(async () => {
    test = await createTestDatabase();
    rules = await openRulesDatabase(test);
  });
  after(async () => {
    await closeDatabase(rules);
    await test.drop();
  });

  it('is what the parser lets through, and what functions need', async () => {
    const rows = await rules.any<{ name: string }>(
      `select relname as name from pg_class where relnamespace = 'keepwatch'::regnamespace and relkind in ('r', 'p', 'v') and not relispartition
         and has_table_privilege(oid, 'select') order by 1`,
    );
    assert.deepEqual(
      rows.map(({ name }) => name),
      [...PUBLISHED_RELATIONS, ...FOR_FUNCTIONS].sort(),
    );
  });

  it('is enough for the functions of the schema', async () => {
    const now = 'to_time => now()';
    for (const call of ['latency', 'error_rate', 'throughput', 'timeseries', 'top', 'compare', 'slowest', 'error_fingerprints'])
      assert.deepEqual(await rules.any(`select * from keepwatch.${call}(${now})`), []);
    assert.deepEqual(await rules.any(`select * from keepwatch.per_label('model', ${now})`), []);
    assert.deepEqual(await rules.any(`select * from keepwatch.measure(now() - interval '1 hour', now())`), []);
  });
});
