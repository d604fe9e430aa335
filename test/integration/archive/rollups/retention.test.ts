// Months of rollups that are no longer kept go: behind their raw rows, by one process, whatever cuts it off, and without a stall of anybody.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeExpiredDeltas } from '../../../../src/archive/maintenance/expired-deltas.ts';
import { Lease } from '../../../../src/archive/maintenance/lease.ts';
import { createMaintenance } from '../../../../src/archive/maintenance/maintenance.ts';
import { type Expired, expirePartitions } from '../../../../src/archive/maintenance/retention.ts';
import { closeDays } from '../../../../src/archive/rollups/close-days.ts';
import { foldRollups } from '../../../../src/archive/rollups/fold.ts';
import { Importer } from '../../../../src/archive/transfer/import.ts';
import { verifyArchive } from '../../../../src/archive/verify/verify.ts';
import { closeDatabase, createDatabase, type Database, inTransaction } from '../../../../src/db/database.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { eventLine } from '../../../support/import-lines.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres.ts';
import { waitFor } from '../../../support/wait-for.ts';

const DAY_MS = 86_400_000;
const KEEP_MS = 30 * DAY_MS;
const KEEP_ROLLUPS_MS = 100 * DAY_MS;
const PER_DAY = 12;

describe('Retention of rollups', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let folder: string;
  const opened: Database[] = [];
  beforeEach(async () => {
    test = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-rollups-'));
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((database) => closeDatabase(database)));
    await test.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  function open(): Database {
    const database = createDatabase({ url: test.url, max: 1 });
    opened.push(database);
    return database;
  }
  const leaseOf = (database: Database, name = 'maintenance') => new Lease({ database, name, holder: 'test', seconds: 60 });
  const runOf = (database = test.database) => ({ database, lease: leaseOf(database), shouldStop: () => false });
  const expireEvents = () => expirePartitions({ ...runOf(), retained: 'events', keepMs: KEEP_MS });
  const expireRollups = (database = test.database): Promise<Expired> =>
    expirePartitions({ ...runOf(database), retained: 'rollups', keepMs: KEEP_ROLLUPS_MS });
  const fold = (keepMs?: number, database = test.database) =>
    foldRollups({ ...runOf(database), lease: leaseOf(database, 'rollups'), keepMs, settleSeconds: -60 });

  const close = () => closeDays({ ...runOf(), lease: leaseOf(test.database, 'rollups'), daysAtOnce: 1000 });
  /** Of months that are gone. */
  const expiredDays = async () =>
    (
      await test.database.one<{ days: number }>(
        `select (select count(*) from keepwatch.closed_days where to_char(day, 'YYYYMM') < $1)::int
           + (select count(*) from keepwatch.rollup_days where to_char(bucket at time zone 'UTC', 'YYYYMM') < $1)::int as days`,
        [new Date(Date.now() - KEEP_ROLLUPS_MS).toISOString().slice(0, 7).replace('-', '')],
      )
    ).days;

  /** As `keepwatch import --expired import` has it. */
  async function importDays(file: string, ...daysAgo: readonly number[]): Promise<void> {
    const path = join(folder, file);
    const ends = daysAgo.flatMap((days) => Array.from({ length: PER_DAY }, (_, index) => Date.now() - days * DAY_MS - index));
    writeFileSync(path, ends.map((endMs, index) => `${eventLine(index, {}, endMs)}\n`).join(''));
    const importer = new Importer({
      ...{ database: test.database, keepMs: KEEP_MS, expired: 'import', skipsBroken: false, isDryRun: false },
      ...{ defaults: { service: 'test', type: 'custom' }, logger: silentLogger },
    });
    try {
      assert.equal((await importer.importFile(path)).imported, ends.length);
    } finally {
      await importer.close();
    }
  }
  const measured = async () =>
    (
      await test.database.one<{ events: number }>(
        "select coalesce(sum(count), 0)::int as events from keepwatch.throughput(from_time => now() - interval '500 days', to_time => now() + interval '1 minute')",
      )
    ).events;
  const monthsOf = async (table: string) =>
    (
      await test.database.any<{ name: string }>(
        `select relname as name from pg_class where relnamespace = 'keepwatch'::regnamespace and relkind = 'r' and relname like $1
         and relname < $2 order by 1`,
        [`${table}\\_p%`, `${table}_p${new Date(Date.now() - KEEP_ROLLUPS_MS).toISOString().slice(0, 7).replace('-', '')}`],
      )
    ).map(({ name }) => name);
  const expiredMonths = async () => [...(await monthsOf('rollup_hours')), ...(await monthsOf('rollup_minutes'))];

  async function assertProved(): Promise<void> {
    const { ok, sources, rollups } = await verifyArchive({ database: test.database });
    assert.deepEqual([ok, rollups.problems, sources.flatMap(({ problems }) => problems)], [true, [], []]);
  }

  it('go by whole months, when raw events have long gone, and all answers are right on the way', async () => {
    await importDays('all', 400, 250, 215, 60, 0);
    await fold();
    await close();
    assert.equal(await measured(), 5 * PER_DAY);
    assert.deepEqual(await expireRollups(), { partitions: 0, rows: 0, isWaiting: false }, 'raw events are there');
    assert.equal((await expireEvents()).rows, 4 * PER_DAY);
    await assertProved();
    assert.equal(await measured(), 5 * PER_DAY, 'counts outlive raw events');
    assert.equal((await expiredMonths()).length, 6);
    assert.ok((await expiredDays()) >= 3 * 28);
    let rows = 0;
    for (let partitions = 1; partitions <= 6; partitions++) {
      let steps = 0;
      const one = await expirePartitions({
        ...runOf(),
        retained: 'rollups',
        keepMs: KEEP_ROLLUPS_MS,
        shouldStop: () => steps++ > 0,
      });
      assert.deepEqual([one.partitions, one.isWaiting], [1, false]);
      rows += one.rows;
      await assertProved();
    }
    assert.deepEqual(await expireRollups(), { partitions: 0, rows: 0, isWaiting: false });
    assert.deepEqual(await expiredMonths(), []);
    assert.equal(await expiredDays(), 0);
    assert.equal(await measured(), 2 * PER_DAY);
    const noted = await test.database.one(
      "select count(*)::int as names, sum(rows)::int as rows from keepwatch.retired_partitions where name like 'rollup%' and dropped_at is not null",
    );
    assert.deepEqual(noted, { names: 6, rows });
  });

  it('are removed where another was cut off: noted, detaching, detached, minutes without hours; verify sees no difference', async () => {
    await importDays('all', 400, 350, 300, 250, 0);
    await fold();
    await expireEvents();
    const [noted, detaching, detached, dropped] = await monthsOf('rollup_minutes');
    assert.ok(noted && detaching && detached && dropped);
    const both = [noted, detaching, detached, dropped].flatMap((name) => [name, name.replace('minutes', 'hours')]);
    await test.database.none(
      'insert into keepwatch.retired_partitions (name, until) select name, now() from unnest($1::text[]) as name',
      [both],
    );
    for (const name of [detached, dropped]) {
      await test.database.none('alter table keepwatch.rollup_minutes detach partition keepwatch.$1:name', [name]);
    }
    await test.database.none(
      'drop table keepwatch.$1:name; update keepwatch.retired_partitions set dropped_at = now(), rows = 1 where name = $1',
      [dropped],
    );
    // A detachment that waits for a reader, and is killed meanwhile.
    await inTransaction(
      open(),
      async (transaction) => {
        await transaction.one('select count(*) from keepwatch.rollup_minutes');
        const cut = open()
          .none('alter table keepwatch.rollup_minutes detach partition keepwatch.$1:name concurrently', [detaching])
          .catch(() => 'cut');
        await waitFor(() =>
          test.database.oneOrNone('select true from pg_inherits where inhrelid = $1::regclass and inhdetachpending', [
            `keepwatch.${detaching}`,
          ]),
        );
        await test.database.any(
          "select pg_terminate_backend(pid) from pg_stat_activity where query like 'alter table%concurrently' and datname = current_database()",
        );
        assert.equal(await cut, 'cut');
      },
      'snapshot',
    );
    await assertProved();
    assert.equal((await expireRollups()).partitions, 7);
    assert.deepEqual(await expiredMonths(), []);
    assert.equal(await measured(), PER_DAY);
    await assertProved();
  });

  it('stall neither readers nor writers while a long reader holds them up', async () => {
    await importDays('old', 250, 0);
    await fold();
    await expireEvents();
    const quick = open();
    await quick.none("set lock_timeout = '500ms'");
    const reader = open();
    const { waiting } = await inTransaction(
      reader,
      async (transaction) => {
        await transaction.one('select count(*) from keepwatch.observability_rollup_1m');
        // It has just begun: nobody takes it for a long one, and a detachment waits for it.
        const waiting = expireRollups(open());
        await waitFor(() => test.database.oneOrNone('select true from pg_inherits where inhdetachpending'));
        await importDays('new', 0);
        await fold(KEEP_ROLLUPS_MS, quick);
        const read = await quick.one<{ rows: number }>('select sum(rows)::int as rows from keepwatch.observability_rollup_1h');
        assert.equal(read.rows, 3 * PER_DAY, 'hours are there yet, and the new ones too');
        const isOver = await Promise.race([waiting, transaction.any('select pg_sleep(1.1)').then(() => 'waits')]);
        assert.equal(isOver, 'waits');
        return { waiting };
      },
      'snapshot',
    );
    // Behind the minutes it found the reader gone, or took it for a long one.
    if ((await waiting).isWaiting) assert.equal((await expireRollups()).partitions, 1);
    assert.deepEqual(await expiredMonths(), []);
    assert.equal(await measured(), 2 * PER_DAY);
    await assertProved();
  });

  it('wait for a reader that has run for long, and begin nothing meanwhile', async () => {
    await importDays('old', 250, 0);
    await fold();
    await expireEvents();
    await inTransaction(open(), async (transaction) => {
      await transaction.one('select count(*) from keepwatch.observability_rollup_1m');
      await transaction.any('select pg_sleep(1.1)');
      assert.deepEqual(await expireRollups(), { partitions: 0, rows: 0, isWaiting: true });
      assert.equal(await test.database.oneOrNone('select true from pg_inherits where inhdetachpending'), null);
    });
    assert.equal((await expireRollups()).partitions, 2);
  });

  it('do not come back by what is imported into months that are gone: it is answered as long as it is there, then counted', async () => {
    await importDays('old', 250, 0);
    await fold(KEEP_ROLLUPS_MS);
    await expireEvents();
    await expireRollups();
    assert.equal(await removeExpiredDeltas(runOf(), KEEP_ROLLUPS_MS), PER_DAY, 'its month never was');
    await importDays('late', 250, 249);
    assert.equal(await measured(), 3 * PER_DAY);
    assert.equal(await fold(KEEP_ROLLUPS_MS), 0);
    assert.equal(await removeExpiredDeltas(runOf(), KEEP_ROLLUPS_MS), 0, 'its raw rows are there');
    assert.equal(await measured(), 3 * PER_DAY);
    await assertProved();
    await expireEvents();
    assert.equal(await removeExpiredDeltas(runOf(), KEEP_ROLLUPS_MS), 2 * PER_DAY);
    assert.deepEqual(await expiredMonths(), []);
    assert.equal(await measured(), PER_DAY);
    await assertProved();
    const { rows } = await test.database.one(
      "select sum(rows)::int as rows from keepwatch.retired_partitions where name like 'rollup%' and dropped_at is not null",
    );
    assert.ok(rows >= 3, `${rows} deltas`);
  });

  it('that are half removed hold up no other month, and wait', async () => {
    await importDays('old', 250, 0);
    await fold();
    await expireEvents();
    const [minutes] = await monthsOf('rollup_minutes');
    assert.ok(minutes);
    await test.database.none(
      'insert into keepwatch.retired_partitions (name, until) select name, now() from unnest($1::text[]) as name',
      [[minutes, minutes.replace('minutes', 'hours')]],
    );
    await test.database.none('alter table keepwatch.rollup_minutes detach partition keepwatch.$1:name', [minutes]);
    await importDays('late', 250, 0);
    assert.ok((await fold()) > 0);
    const count = () =>
      test.database.one("select count(*)::int as deltas from keepwatch.rollup_deltas where bucket < now() - interval '200 days'");
    assert.ok((await count()).deltas > 0);
    await assertProved();
    await expireEvents();
    assert.equal((await expireRollups()).partitions, 2);
    assert.ok((await fold()) > 0, 'where rollups are kept for ever, its month comes anew');
    assert.equal((await count()).deltas, 0);
    assert.equal(await measured(), 3 * PER_DAY);
    await assertProved();
  });

  it('know more than a day that was removed and imported again, never less', async () => {
    await importDays('first', 45, 0);
    await fold(KEEP_ROLLUPS_MS);
    await expireEvents();
    await importDays('again', 45);
    await assertProved();
    await fold(KEEP_ROLLUPS_MS);
    await assertProved();
    await test.database.none("delete from keepwatch.rollup_minutes where bucket < now() - interval '40 days'");
    const { ok, rollups } = await verifyArchive({ database: test.database });
    assert.equal(ok, false);
    assert.match(rollups.problems[0]?.message ?? '', /raw rows say .* the rollup nothing$/);
  });

  it('are looked after by maintenance, which says what it has removed', async () => {
    await importDays('old', 250, 0);
    await fold();
    const lines: [unknown, string][] = [];
    const note = (fields: object, message: string) => lines.push([fields, message]);
    const logger = { debug: note, info: note, warn: note, error: note };
    const options = { database: open(), holder: 'test', keepMs: KEEP_MS, keepRollupsMs: KEEP_ROLLUPS_MS, logger };
    const maintenance = createMaintenance(options);
    maintenance.tick();
    await waitFor(() => lines.length === 2);
    await maintenance.stop();
    assert.deepEqual(
      lines.map(([, message]) => message),
      ['days that are no longer kept are removed', 'months of rollups that are no longer kept are removed'],
    );
    assert.deepEqual(await expiredMonths(), []);
    await assertProved();
  });

  it('that a person has detached are nobody else’s', async () => {
    await importDays('old', 250, 0);
    await fold();
    await close();
    await expireEvents();
    const [kept] = await monthsOf('rollup_minutes');
    assert.ok(kept);
    await test.database.none('alter table keepwatch.rollup_minutes detach partition keepwatch.$1:name', [kept]);
    assert.equal((await expireRollups()).partitions, 1);
    assert.deepEqual(await expiredMonths(), [kept]);
  });

  it('that a person has detached are not answered from their days', async () => {
    await importDays('old', 250, 0);
    await fold();
    await close();
    await expireEvents();
    assert.equal(await measured(), 2 * PER_DAY);
    for (const parent of ['rollup_minutes', 'rollup_hours']) {
      const [name] = await monthsOf(parent);
      await test.database.none('alter table keepwatch.$1:name detach partition keepwatch.$2:name', [parent, name]);
    }
    assert.equal(await measured(), PER_DAY);
    await assertProved();
  });
});
