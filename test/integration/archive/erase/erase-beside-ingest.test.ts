// `erase` while events of the same person are archived as fast as they go, and `erase` killed in the middle.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { eraseEvents } from '../../../../src/archive/erase/erase.ts';
import { verifyArchive } from '../../../../src/archive/verify/verify.ts';
import { closeDatabase, createDatabase } from '../../../../src/db/database.ts';
import { eventOf, placesOf } from '../../../support/erase-site.ts';
import { watchMachine } from '../../../support/machine.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres.ts';
import { startKeepwatch } from '../../../support/process.ts';
import { createSpoolDir, createTestArchive } from '../../../support/test-archive.ts';
import { waitFor } from '../../../support/wait-for.ts';

const USER = 'zq-person-2';
const WHERE = [{ key: 'user_id', value: USER }];
const FOR_MS = 4000;
/** A batch takes some hundredths of a second; an erasing transaction too. On a machine that has time. */
const LONGEST_LOCK_WAIT_MS = 1000;

describe('eraseEvents, beside writers', function () {
  this.timeout(120_000);
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  beforeEach(async () => {
    test = await createTestDatabase();
    spool = createSpoolDir();
  });
  afterEach(async () => {
    await test.drop();
    spool.remove();
  });

  const erase = () => eraseEvents({ database: test.database, spoolDir: spool.path, where: WHERE });

  it('loses and doubles nothing, holds up no batch, and leaves nothing once they are done', async () => {
    const endMs = Date.now() + FOR_MS;
    const isGoingOn = () => Date.now() < endMs;
    let recorded = 0;
    const write = async () => {
      const { archive, tracker } = createTestArchive(test.database, spool.path);
      while (isGoingOn()) {
        for (let batch = 0; batch < 5; batch++) {
          tracker.record(...Array.from({ length: 200 }, (_, index) => eventOf(index % 3 === 0 ? USER : `other ${index}`)));
          tracker.collect();
        }
        await archive.flush();
      }
      await archive.stop({ timeoutMs: 20_000 });
      recorded += tracker.recorded;
    };
    const watcher = createDatabase({ url: test.url, max: 1 });
    const idle = createDatabase({ url: test.url, max: 1 });
    const machine = watchMachine(() => idle.any('select 1'));
    let longestMs = 0;
    const watch = async () => {
      while (isGoingOn()) {
        const { waited } = await watcher.one<{ waited: number }>(
          `select coalesce(max(extract(epoch from clock_timestamp() - waitstart)), 0)::float8 * 1000 as waited
           from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())`,
        );
        longestMs = Math.max(longestMs, waited - machine.lateMs(Date.now() - waited, Date.now()));
        await delay(10);
      }
    };
    let erased = 0;
    const eraseAgain = async () => {
      while (isGoingOn()) erased += (await erase()).tables.reduce((sum, { rows }) => sum + rows, 0);
    };
    await Promise.all([write(), write(), watch(), eraseAgain()]);
    await machine.stop();
    for (const database of [watcher, idle]) await closeDatabase(database);
    assert.ok(erased > 0 && longestMs < LONGEST_LOCK_WAIT_MS, `${erased} erased, ${longestMs} ms waited`);
    const { waiting, left } = await erase();
    assert.deepEqual([waiting, left], [0, []]);
    assert.deepEqual(await placesOf(USER, test.database, spool.path), {});
    const { ok, totals } = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.deepEqual([ok, totals.rows, totals.queued], [true, recorded, 0]);
  });

  it('goes on after kill -9 and after Ctrl-C, and what was done stays done', async () => {
    await test.database.any(`select keepwatch.ensure_partitions(now() - interval '3 days', now())`);
    await test.database.none(
      `insert into keepwatch.observability_metrics (id, start_time, end_time, duration_ms, source_id, name, type, status, service, error, metadata)
       select gen_random_uuid(), moment, moment, 1, 1, 'n', 'api', 'failure', 's', 'of ${USER}',
         jsonb_build_object('user_id', '${USER}', 'body', repeat('x', 900))
       from (select now() - (n % 4) * interval '1 day' as moment from generate_series(1, 60000) as n) as made`,
    );
    const run = () =>
      startKeepwatch(['erase', '--where', `user_id=${USER}`, '--json'], {
        cwd: spool.path,
        env: { DATABASE_URL: test.url, KEEPWATCH_SPOOL_DIR: spool.path },
      });
    const count = async () => {
      const { rows } = await test.database.one<{ rows: number }>(
        `select count(*)::int as rows from keepwatch.observability_metrics where metadata ->> 'user_id' = '${USER}'`,
      );
      return rows;
    };
    let left = 60_000;
    for (const signal of ['SIGKILL', 'SIGINT'] as const) {
      const before = left;
      const process = run();
      await waitFor(async () => (await count()) < before, { timeoutMs: 30_000, what: 'the first rows to be erased' });
      const code = await process.end(signal);
      left = await count();
      assert.ok(left > 0, `${signal}: it had come to its end`);
      if (signal === 'SIGINT') {
        assert.equal(code, 130, process.output());
        const { isStopped, tables } = JSON.parse(process.output()) as { isStopped: boolean; tables: { rows: number }[] };
        assert.deepEqual([isStopped, tables.reduce((sum, { rows }) => sum + rows, 0)], [true, before - left]);
      }
    }
    const last = run();
    assert.equal(await last.exited, 0, last.output());
    const { tables } = JSON.parse(last.output()) as { tables: { rows: number }[] };
    assert.equal(
      tables.reduce((sum, { rows }) => sum + rows, 0),
      left,
    );
    assert.deepEqual(await placesOf(USER, test.database, spool.path), {});
  });
});
