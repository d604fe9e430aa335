// What the archive does, for those who have less than a session of an owner: a user with the role keepwatch_writer alone, and clients of
// PgBouncer in transaction mode. Postgres is away at first, a dead process has left something, and rows are refused.
import assert from 'node:assert/strict';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
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
/** With as much in each as makes a backlog, which goes to a source of its own. */
const EVENTS = 15_000;
const PADDING = `"padding":"${'x'.repeat(1400)}"`;
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
    const database = createDatabase({ url, max: 1 });
    const direct = createDatabase({ url: directUrl, max: 1 });
    try {
      await startProgram('test/support/recording-child.ts', [NOBODY, spool.path, 'exit']).exited;
      await archiveBehind(proxy, proxy.urlOf(url), spool.path, database);
      await assertComplete(database, spool.path);
      assert.deepEqual(await migrate(direct), { applied: [], version: loadMigrations().length });
    } finally {
      await Promise.all([closeDatabase(database), closeDatabase(direct)]);
      await proxy.close();
      spool.remove();
    }
  }

  async function archiveBehind(proxy: TcpProxy, url: string, spoolDir: string, database: Database): Promise<void> {
    const { archive, tracker } = createTestArchive(undefined, spoolDir, { connection: { url }, cron: '* * * * * *' });
    proxy.down();
    archive.start();
    const laneOf = (number: number) => (number % 10 === 0 ? 'keep' : 'rest');
    tracker.record(...Array.from({ length: EVENTS }, (_, number) => ({ lane: laneOf(number), metadata: PADDING }) as const));
    // A day without a partition, a row that is refused, and one that is too old.
    tracker.record({ endMs: Date.now() - OLD_MS }, { metadata: '"a":' }, { endMs: Date.now() - 30 * DAY_MS });
    const isSpooled = () => {
      tracker.collect();
      return archive.stats().spoolEvents === EVENTS + 3 && archive.stats().failures > 0;
    };
    await waitFor(isSpooled, { timeoutMs: 20_000 });
    proxy.up();
    const isIn = async () => {
      const { totals } = await verifyArchive({ database, spoolDir });
      return totals.queued === 0 && totals.archived === EVENTS + 1 + LEFT;
    };
    await waitFor(isIn, { timeoutMs: 30_000, what: 'all to be archived, and what was left' });
    await archive.stop({ timeoutMs: 10_000 });
  }

  async function assertComplete(database: Database, spoolDir: string): Promise<void> {
    const { sources, totals } = await verifyArchive({ database, spoolDir });
    assert.deepEqual(
      sources.flatMap(({ problems }) => problems),
      [],
    );
    const { recorded, archived, rows, deadLettered, quarantined, duplicates } = totals;
    const expected = EVENTS + 1 + LEFT;
    assert.deepEqual(
      { recorded, archived, rows, deadLettered, quarantined, duplicates },
      { recorded: expected + 2, archived: expected, rows: expected, deadLettered: 1, quarantined: 1, duplicates: 0 },
    );
    const ids = new Set(sources.map(({ sourceId }) => sourceId));
    assert.equal(ids.size, 3, 'of the dead process, of the outage, and of now');
  }
});
