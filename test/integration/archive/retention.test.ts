// Days that are no longer kept go: counted, by one process, without stopping readers or writers, and whatever cuts it off in between.
import assert from 'node:assert/strict';
import { Lease } from '../../../src/archive/maintenance/lease.ts';
import { createMaintenance } from '../../../src/archive/maintenance/maintenance.ts';
import { expirePartitions } from '../../../src/archive/maintenance/retention.ts';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
import { closeDatabase, createDatabase, type Database, inTransaction } from '../../../src/db/database.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { archiveEvents, createSpoolDir } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

const DAY_MS = 86_400_000;
const KEEP_MS = 30 * DAY_MS;

describe('Retention', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  const opened: Database[] = [];
  beforeEach(async () => {
    test = await createTestDatabase();
    spool = createSpoolDir();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((database) => closeDatabase(database)));
    spool.remove();
    await test.drop();
  });

  function open(): Database {
    const database = createDatabase({ url: test.url, max: 1 });
    opened.push(database);
    return database;
  }

  /** Archives events, and lets some of them be older: a day each. @returns how many are older than what is kept */
  async function fill(days: number): Promise<number> {
    await archiveEvents(
      test.database,
      spool.path,
      Array.from({ length: days + 5 }, () => ({})),
    );
    await test.database.any("select keepwatch.ensure_partitions(now() - $1 * interval '1 day', now() - interval '31 days')", [
      days + 32,
    ]);
    await test.database.none(
      `with old as (select id, row_number() over () as number from keepwatch.observability_metrics where end_time > now() - interval '1 day')
       update keepwatch.observability_metrics as metrics set end_time = end_time - (31 + old.number) * interval '1 day'
       from old where old.id = metrics.id and old.number <= $1`,
      [days],
    );
    // Rollups do not follow what is done by hand: as if these rows were still to be added to them.
    await test.database.none(
      `truncate keepwatch.rollup_deltas;
       insert into keepwatch.rollup_backlog
       select distinct source_id, keepwatch.lane_of(id), created_at from keepwatch.observability_metrics on conflict do nothing`,
    );
    return days;
  }

  const countRows = async () =>
    (await test.database.one<{ rows: number }>('select count(*)::int as rows from keepwatch.observability_metrics')).rows;
  const listOld = () =>
    test.database.any<{ name: string }>(
      `select relname as name from pg_class where relnamespace = 'keepwatch'::regnamespace and relkind = 'r'
         and relname ~ '^observability_metrics_p' and relname < 'observability_metrics_p' || to_char(now() - interval '31 days', 'YYYYMMDD')
       order by 1`,
    );
  const expire = (database = test.database, holder = 'test', seconds = 60) =>
    expirePartitions({
      retained: 'events',
      database,
      lease: new Lease({ database, name: 'maintenance', holder, seconds }),
      keepMs: KEEP_MS,
      shouldStop: () => false,
    });

  async function assertProved(): Promise<void> {
    const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.deepEqual(
      report.sources.flatMap(({ problems }) => problems),
      [],
    );
  }

  it('removes whole days that are no longer kept, and counts their rows by source', async () => {
    const old = await fill(10);
    const { rows } = await expire();
    assert.equal(rows, old);
    assert.deepEqual(await listOld(), []);
    assert.equal(await countRows(), 5);
    const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.deepEqual([report.ok, report.totals.archived, report.totals.rows, report.totals.expired], [true, 15, 5, 10]);
  });

  it('goes on where another was cut off: noted, detaching, detached', async () => {
    await fill(6);
    const [noted, detaching, detached] = await listOld();
    assert.ok(noted && detaching && detached);
    await test.database.none(
      `insert into keepwatch.retired_partitions (name, until) select name, now() from unnest($1::text[]) as name`,
      [[noted.name, detaching.name, detached.name]],
    );
    await test.database.none('alter table keepwatch.observability_metrics detach partition keepwatch.$1:name', [detached.name]);
    // A detachment that waits for a reader, and is killed meanwhile.
    const reader = open();
    await inTransaction(
      reader,
      async (transaction) => {
        await transaction.one('select count(*) from keepwatch.observability_metrics');
        const cut = open()
          .none('alter table keepwatch.observability_metrics detach partition keepwatch.$1:name concurrently', [detaching.name])
          .catch(() => 'cut');
        const isPending = () =>
          test.database.oneOrNone('select true from pg_inherits where inhrelid = $1::regclass and inhdetachpending', [
            `keepwatch.${detaching.name}`,
          ]);
        await waitFor(isPending);
        await test.database.any(
          "select pg_terminate_backend(pid) from pg_stat_activity where query like 'alter table%concurrently'",
        );
        assert.equal(await cut, 'cut');
      },
      'snapshot',
    );
    assert.equal((await expire()).rows, 6);
    assert.deepEqual(await listOld(), []);
    await assertProved();
  });

  it('never drops a partition that a person has detached', async () => {
    await fill(3);
    const [kept] = await listOld();
    assert.ok(kept);
    await test.database.none('alter table keepwatch.observability_metrics detach partition keepwatch.$1:name', [kept.name]);
    await expire();
    assert.deepEqual(await listOld(), [kept]);
  });

  it('counts once when two processes remove at once, and does nothing after its lease was lost', async () => {
    await fill(8);
    const [first, second] = await Promise.all([expire(open(), 'one'), expire(open(), 'two')]);
    assert.equal(first.rows + second.rows, 8);
    assert.equal(Math.min(first.partitions, second.partitions), 0, 'one of them had no lease');
    await assertProved();
    const database = open();
    const late = new Lease({ database, name: 'other', holder: 'late', seconds: 0 });
    const next = new Lease({ database, name: 'other', holder: 'next', seconds: 60 });
    assert.equal(await late.take(), true);
    assert.equal(await next.take(), true);
    assert.equal(await late.take(), false);
    assert.deepEqual(await inTransaction(database, async (t) => [await late.holds(t), await next.holds(t)]), [false, true]);
  });

  it('leaves retention to another process when its user does not own the table', async () => {
    await fill(2);
    const role = `keepwatch_test_${process.pid}_retention`;
    await test.database.none(`create role ${role} login password 'test'; grant usage on schema keepwatch to ${role}`);
    try {
      const url = Object.assign(new URL(test.url), { username: role, password: 'test' }).href;
      const database = createDatabase({ url, max: 1 });
      opened.push(database);
      const lines: string[] = [];
      const note = (_fields: object, message: string) => lines.push(message);
      const logger = { debug: note, info: note, warn: note, error: note };
      const maintenance = createMaintenance({ database, holder: 'test', keepMs: KEEP_MS, logger });
      maintenance.tick();
      await maintenance.stop();
      assert.deepEqual(lines, ['retention is left to a process whose database user owns keepwatch.observability_metrics']);
      assert.notEqual((await listOld()).length, 0);
      await Promise.all(opened.splice(0).map((each) => closeDatabase(each)));
    } finally {
      await test.database.none(`drop owned by ${role}; drop role ${role}`);
    }
  });

  it('stops no batch while it waits for who reads what it drops', async () => {
    await fill(2);
    const read = await test.database.one<{ name: string }>(
      `select relname as name from keepwatch.observability_metrics as metrics join pg_class on pg_class.oid = metrics.tableoid
       order by end_time limit 1`,
    );
    await test.database.none('insert into keepwatch.retired_partitions (name, until) values ($1, now())', [read.name]);
    await test.database.none('alter table keepwatch.observability_metrics detach partition keepwatch.$1:name', [read.name]);
    const commit = `set lock_timeout = '500ms'; update keepwatch.sources set last_seen_at = clock_timestamp(); reset lock_timeout`;
    await inTransaction(open(), async (transaction) => {
      await transaction.any('select * from keepwatch.$1:name', [read.name]);
      const expiring = expire(open());
      const isDropping = () =>
        test.database.oneOrNone(
          `select true from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query ~ 'drop table'`,
        );
      await waitFor(isDropping);
      await test.database.none(commit);
      const { rows, isWaiting } = await expiring;
      assert.deepEqual({ rows, isWaiting }, { rows: 1, isWaiting: true });
    });
    assert.deepEqual(await listOld(), [read]);
    assert.equal((await expire()).rows, 1);
    await assertProved();
  });
});
