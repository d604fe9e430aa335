// What the archive does, for those who have less than a session of an owner: a user with the role keepwatch_writer alone, and clients of
// PgBouncer in transaction mode. Postgres is away at first, a dead process has left something, and rows are refused.
import assert from 'node:assert/strict';
import { verifyArchive } from '../../../src/archive/verify.ts';
import { closeDatabase, createDatabase, type Database } from '../../../src/db/database.ts';
import { loadMigrations, migrate } from '../../../src/db/migrate.ts';
import { ensureRoles } from '../../../src/db/roles.ts';
import { type PgBouncer, startPgBouncer } from '../../support/pgbouncer.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { startProgram } from '../../support/process.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { createSpoolDir, createTestArchive } from '../../support/test-archive.ts';
import { needTool } from '../../support/tools.ts';
import { waitFor } from '../../support/wait-for.ts';

const NOBODY = 'postgres://nobody@127.0.0.1:1/none';
const DAY_MS = 86_400_000;
const OLD_MS = 6.5 * DAY_MS;
const EVENTS = 3000;
/** What recording-child.ts leaves in the spool. */
const LEFT = 103;

describe('the archive', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let writerUrl: string;
  const role = `keepwatch_test_${process.pid}_connections`;
  beforeEach(async () => {
    test = await createTestDatabase();
    await ensureRoles(test.database);
    const day = new Date(Date.now() - OLD_MS).toISOString().slice(0, 10).replaceAll('-', '');
    await test.database.none('drop table keepwatch.$1:name', [`observability_metrics_p${day}`]);
    await test.database.none(`create role ${role} login password 'test' in role keepwatch_writer`);
    writerUrl = Object.assign(new URL(test.url), { username: role, password: 'test' }).href;
  });
  afterEach(async () => {
    await test.database.none(`drop owned by ${role}; drop role ${role}`);
    await test.drop();
  });

  it('needs no more than the role keepwatch_writer', () => archiveAll(writerUrl, writerUrl));

  describe('behind PgBouncer in transaction mode', () => {
    let binary: string;
    let bouncer: PgBouncer | undefined;
    before(function () {
      binary = needTool(this, 'pgbouncer');
    });
    afterEach(async () => {
      await bouncer?.stop();
      bouncer = undefined;
    });

    it('works for an owner', async () => {
      bouncer = await startPgBouncer(binary, [test.url]);
      await archiveAll(bouncer.urlOf(test.url), test.url);
    });

    it('works for a user with the role keepwatch_writer', async () => {
      bouncer = await startPgBouncer(binary, [test.url, writerUrl]);
      await archiveAll(bouncer.urlOf(writerUrl), writerUrl);
    });
  });

  /** @param url what the archive is given @param directUrl the same user, for what the processes of a deployment do beside it */
  async function archiveAll(url: string, directUrl: string): Promise<void> {
    const spool = createSpoolDir();
    const proxy = await TcpProxy.start(url);
    const database = createDatabase({ url: proxy.urlOf(url), max: 3, connectTimeoutMs: 2000 });
    const direct = createDatabase({ url: directUrl, max: 1 });
    try {
      await startProgram('test/support/recording-child.ts', [NOBODY, spool.path, 'exit']).exited;
      await archiveThrough(proxy, database, spool.path);
      assert.deepEqual(await migrate(direct), { applied: [], version: loadMigrations().length });
    } finally {
      await Promise.all([closeDatabase(database), closeDatabase(direct)]);
      await proxy.close();
      spool.remove();
    }
  }

  async function archiveThrough(proxy: TcpProxy, database: Database, spoolDir: string): Promise<void> {
    const { archive, tracker } = createTestArchive(database, spoolDir, { cron: '* * * * * *' });
    proxy.down();
    archive.start();
    for (let number = 0; number < EVENTS; number++) tracker.record({ lane: number % 10 === 0 ? 'keep' : 'rest' });
    // A day without a partition, a row that is refused, and one that is too old.
    tracker.record({ endMs: Date.now() - OLD_MS }, { metadata: '"a":' }, { endMs: Date.now() - 30 * DAY_MS });
    await waitFor(() => archive.stats().state === 'degraded');
    proxy.up();
    const isIn = async () => {
      await archive.flush();
      const { totals } = await verifyArchive({ database, spoolDir });
      return totals.queued === 0 && totals.archived === EVENTS + 1 + LEFT;
    };
    await waitFor(isIn, { timeoutMs: 20_000, what: 'all to be archived, and what was left' });
    await archive.stop({ timeoutMs: 10_000 });
    const { sources, totals } = await verifyArchive({ database, spoolDir });
    assert.deepEqual(
      sources.flatMap(({ problems }) => problems),
      [],
    );
    const { recorded, archived, rows, deadLettered, quarantined, duplicates } = totals;
    assert.deepEqual(
      { recorded, archived, rows, deadLettered, quarantined, duplicates },
      {
        recorded: EVENTS + 3 + LEFT,
        archived: EVENTS + 1 + LEFT,
        rows: EVENTS + 1 + LEFT,
        deadLettered: 1,
        quarantined: 1,
        duplicates: 0,
      },
    );
  }
});
