// What docs/operations.md says of a Postgres in which nobody is a superuser: what the owner of a database can do alone, and what CREATEROLE is needed for.
import assert from 'node:assert/strict';
import { createKeepwatch, type Keepwatch } from '../../src/app.ts';
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import { silentLogger } from '../../src/logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startKeepwatch } from '../support/process.ts';
import { RULES_PASSWORD, rulesUrlOf } from '../support/rules-role.ts';
import { createSpoolDir } from '../support/test-archive.ts';
import { dropUser } from '../support/test-roles.ts';
import { waitFor } from '../support/wait-for.ts';

/** Users belong to the whole server, on which other tests may run. */
const OWNER = `app_owner_${process.pid}`;
const WRITER = `app_writer_${process.pid}`;
const PASSWORD = 'secret';

describe('a Postgres without superusers', function () {
  this.timeout(120_000);
  let test: TestDatabase;
  let admin: Database;
  let spool: ReturnType<typeof createSpoolDir>;
  const keepwatches: Keepwatch[] = [];
  const name = `owned_${process.pid}`;
  const urlOf = (user: string) =>
    Object.assign(new URL(test.url), { pathname: `/${name}`, username: user, password: PASSWORD }).href;

  before(async () => {
    test = await createTestDatabase();
    admin = createDatabase({ url: test.url, max: 1 });
    for (const user of [OWNER, WRITER]) await admin.none('create role $1:name login password $2', [user, PASSWORD]);
    await admin.none('create database $1:name owner $2:name', [name, OWNER]);
    spool = createSpoolDir();
  });
  afterEach(() => Promise.all(keepwatches.splice(0).map((keepwatch) => keepwatch.stop())));
  after(async () => {
    await admin.none('drop database if exists $1:name with (force)', [name]);
    for (const user of [OWNER, WRITER]) await dropUser(admin, user);
    await closeDatabase(admin);
    await test.drop();
    spool.remove();
  });

  async function run(args: readonly string[], user: string) {
    const ran = startKeepwatch(args, {
      env: { DATABASE_URL: urlOf(user), KEEPWATCH_RULES_PASSWORD: RULES_PASSWORD, KEEPWATCH_SPOOL_DIR: spool.path },
    });
    return { code: await ran.exited, output: ran.output() };
  }

  /** Records through the library as that user, until all is archived. */
  async function archiveAs(user: string): Promise<readonly string[]> {
    const options = { service: user, databaseUrl: urlOf(user), spoolDir: spool.path, logger: silentLogger };
    const keepwatch = await createKeepwatch(options);
    keepwatches.push(keepwatch);
    await keepwatch.start();
    for (let call = 0; call < 20; call++) keepwatch.tracker.track({ type: 'tool', name: 'search' }, () => call)();
    await keepwatch.flush();
    await waitFor(() => keepwatch.status().archive?.archived === 20, { timeoutMs: 10_000, what: '20 events to be archived' });
    return keepwatch.status().reasons;
  }

  it('is enough for the owner of a database: schema, archive, rollups, proof', async () => {
    const migrated = await run(['migrate'], OWNER);
    assert.equal(migrated.code, 0, migrated.output);
    assert.deepEqual(await archiveAs(OWNER), []);
    await Promise.all(keepwatches.splice(0).map((keepwatch) => keepwatch.stop()));
    const { code, output } = await run(['verify'], OWNER);
    assert.equal(code, 0, output);
  });

  it('says that roles need CREATEROLE, and is enough with it', async () => {
    const refused = await run(['migrate', '--roles'], OWNER);
    assert.equal(refused.code, 2);
    assert.match(refused.output, /the roles cannot be made: .*; needs a user with CREATEROLE/);
    // Other tests may have made the roles, by a superuser: their administrator has to hand them over, as to an owner who made them.
    await rulesUrlOf(test, false);
    await admin.none('alter role $1:name createrole', [OWNER]);
    const { version } = await admin.one<{ version: number }>(`select current_setting('server_version_num')::int as version`);
    if (version >= 160_000)
      await admin.none(
        'grant keepwatch_owner, keepwatch_writer, keepwatch_reader, keepwatch_rules to $1:name with admin option, inherit false',
        [OWNER],
      );
    const made = await run(['migrate', '--roles'], OWNER);
    assert.equal(made.code, 0, made.output);
    assert.match(made.output, /KEEPWATCH_ALERTS_DATABASE_URL=postgres:\/\/keepwatch_rules:/);
  });

  it('lets an app archive as keepwatch_writer, which can do nothing to the schema', async () => {
    await admin.none('grant keepwatch_writer to $1:name', [WRITER]);
    assert.deepEqual(await archiveAs(WRITER), []);
    const writer = createDatabase({ url: urlOf(WRITER), max: 1 });
    try {
      for (const sql of [
        'delete from keepwatch.observability_metrics',
        'drop table keepwatch.ledger',
        'create table keepwatch.mine ()',
      ])
        await assert.rejects(writer.none(sql), { code: '42501' }, sql);
      const [count] = await writer.any('select count(*)::int as events from keepwatch.events');
      assert.deepEqual(count, { events: 40 });
    } finally {
      await closeDatabase(writer);
    }
  });
});
