// 100 partitions are made and expired while 20,000 rows a second are archived and people read: nobody waits for it, and it waits for readers.
import assert from 'node:assert/strict';
import { createPartitions } from '../../src/archive/drain/partitions.ts';
import { Lease } from '../../src/archive/maintenance/lease.ts';
import { type Expired, expirePartitions } from '../../src/archive/maintenance/retention.ts';
import { verifyArchive } from '../../src/archive/verify/verify.ts';
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import { watchMachine } from '../support/machine.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { createSpoolDir, createTestArchive } from '../support/test-archive.ts';
import { waitFor } from '../support/wait-for.ts';

const DAY_MS = 86_400_000;
const KEEP_DAYS = 30;
const PARTITIONS = 100;
const ROWS_A_SECOND = 20_000;
const STEP_MS = 25;
/** Recorded at once at most, however long the machine was busy. */
const CHUNK = 1000;
const CONTROL_MS = 1500;
const SAMPLE_MS = 10;
/** Without what the machine takes. */
const LONGEST_WAIT_MS = 100;

/** What one look at the locks found. */
interface Look {
  readonly exclusive: string | null;
  readonly waiting: string | null;
}

describe('100 partitions made and expired under load', function () {
  this.timeout(120_000);
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  const opened: Database[] = [];
  const stops: (() => Promise<void>)[] = [];
  before(async () => {
    test = await createTestDatabase();
    spool = createSpoolDir();
  });
  after(async () => {
    await Promise.allSettled(stops.map((stop) => stop()));
    await Promise.all(opened.splice(0).map((database) => closeDatabase(database)));
    spool?.remove();
    await test?.drop();
  });

  function open(applicationName: string): Database {
    const database = createDatabase({ url: test.url, max: 2, applicationName });
    opened.push(database);
    return database;
  }

  /** Calls `work` again and again, until told to stop. @returns how to stop, which rejects when `work` did */
  function repeat(work: () => Promise<unknown>, pauseMs: number): () => Promise<void> {
    let isStopping = false;
    const running = (async () => {
      while (!isStopping) {
        const startedMs = performance.now();
        await work();
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, pauseMs - (performance.now() - startedMs))));
      }
    })();
    const stop = () => {
      isStopping = true;
      return running;
    };
    stops.push(stop);
    return stop;
  }

  /** Archives as the clock says, whatever it takes. */
  function startLoad() {
    const { archive, tracker } = createTestArchive(open('load'), spool.path);
    const startedMs = performance.now();
    let lastCommitMs = startedMs;
    let longestGapMs = 0;
    const stopRecording = repeat(async () => {
      const due = Math.floor(((performance.now() - startedMs) * ROWS_A_SECOND) / 1000) - tracker.recorded;
      for (let left = due; left > 0; left -= CHUNK) tracker.record(...Array.from({ length: Math.min(left, CHUNK) }, () => ({})));
    }, STEP_MS);
    const stopFlushing = repeat(async () => {
      const { archived } = archive.stats();
      await archive.flush();
      if (archive.stats().archived === archived) return;
      longestGapMs = Math.max(longestGapMs, performance.now() - lastCommitMs);
      lastCommitMs = performance.now();
    }, STEP_MS);
    return {
      archived: () => archive.stats().archived,
      /** The longest time from one commit to the next, since it was asked last. */
      takeLongestGapMs: () => {
        const gapMs = longestGapMs;
        longestGapMs = 0;
        return gapMs;
      },
      /** @returns how many rows a second were recorded, and how many waited at the end */
      async stop() {
        await stopRecording();
        const recorded = tracker.recorded;
        const seconds = (performance.now() - startedMs) / 1000;
        const waiting = recorded - archive.stats().archived;
        await stopFlushing();
        await archive.stop({ timeoutMs: 10_000 });
        return { recorded, rate: recorded / seconds, waiting };
      },
    };
  }

  /** Looks every 10 ms, on a connection of its own, for locks that stop readers, and for how long others wait for partition work. */
  function startWatch() {
    const database = open('watch');
    const exclusive: string[] = [];
    let looks = 0;
    let longestWaitMs = 0;
    let waitingFor = '';
    let sinceMs: number | undefined;
    const idle = open('idle');
    const machine = watchMachine(() => idle.any('select 1'));
    const stop = repeat(async () => {
      const look = await database.one<Look>(
        `select (select min(query) from pg_locks join pg_stat_activity using (pid)
             where relation = 'keepwatch.observability_metrics'::regclass and mode = 'AccessExclusiveLock') as exclusive,
           (select min(blocked.application_name || ': ' || blocked.query) from pg_stat_activity as blocked
             where blocked.datname = current_database() and blocked.application_name in ('load', 'reader', 'maker')
               and blocked.wait_event_type = 'Lock' and exists (
                 select from pg_stat_activity as blocking where blocking.pid = any(pg_blocking_pids(blocked.pid))
                   and blocking.application_name in ('maker', 'maintenance', 'analyst'))) as waiting`,
      );
      looks++;
      if (look.exclusive !== null) exclusive.push(look.exclusive);
      const nowMs = Date.now();
      sinceMs = look.waiting === null ? undefined : (sinceMs ?? nowMs);
      const waitedMs = sinceMs === undefined ? 0 : nowMs - sinceMs - machine.lateMs(sinceMs, nowMs);
      if (waitedMs > longestWaitMs) waitingFor = look.waiting ?? '';
      longestWaitMs = Math.max(longestWaitMs, waitedMs);
    }, SAMPLE_MS);
    return async () => {
      await Promise.all([stop(), machine.stop()]);
      return { exclusive, looks, longestWaitMs, waitingFor };
    };
  }

  /** A SELECT of the whole table that goes on until it is ended. */
  async function startLongSelect(): Promise<() => Promise<void>> {
    const database = open('analyst');
    const running = database
      .one('select count(*), pg_sleep(60) from keepwatch.observability_metrics')
      .catch((error: { code?: string }) => assert.equal(error.code, '57014'));
    const pid = await waitFor(() =>
      test.database.oneOrNone<{ pid: number }>(
        `select pid from pg_stat_activity where application_name = 'analyst' and datname = current_database() and state = 'active'
           and xact_start < clock_timestamp() - interval '1.1 seconds'`,
      ),
    );
    return async () => {
      await test.database.one('select pg_cancel_backend($<pid>) as is_cancelled', pid);
      await running;
    };
  }

  const expire = (): Promise<Expired> => {
    const database = open('maintenance');
    const lease = new Lease({ database, name: 'maintenance', holder: 'test', seconds: 60 });
    return expirePartitions({ retained: 'events', database, lease, keepMs: KEEP_DAYS * DAY_MS, shouldStop: () => false });
  };
  const countOld = async () => {
    const { old } = await test.database.one<{ old: number }>(
      `select count(*)::int as old from pg_class where relnamespace = 'keepwatch'::regnamespace and relkind = 'r'
         and relname ~ '^observability_metrics_p' and relname < 'observability_metrics_p' || to_char(now() - $1 * interval '1 day', 'YYYYMMDD')`,
      [KEEP_DAYS + 1],
    );
    return old;
  };

  /** Makes the days before those that are kept, and lets an archived row of today be of each. */
  async function makeOldDays(): Promise<void> {
    const lastMs = Date.now() - (KEEP_DAYS + 2) * DAY_MS;
    await createPartitions(open('maker')).cover(lastMs - (PARTITIONS - 1) * DAY_MS, lastMs);
    await test.database.none(
      `with old as (select id, row_number() over () as number from (select id from keepwatch.observability_metrics limit $2) as chosen)
       update keepwatch.observability_metrics as metrics set end_time = end_time - ($1 + old.number) * interval '1 day'
       from old where old.id = metrics.id`,
      [KEEP_DAYS + 1, PARTITIONS],
    );
  }

  it('locks nobody out, waits for a long SELECT, and is done when that ends', async () => {
    const load = startLoad();
    const reader = open('reader');
    let reads = 0;
    const stopReading = repeat(async () => {
      await reader.one(`select count(*) from keepwatch.observability_metrics where end_time > now() - interval '1 second'`);
      reads++;
    }, STEP_MS);
    await new Promise((resolve) => setTimeout(resolve, CONTROL_MS));
    const controlGapMs = load.takeLongestGapMs();

    const stopWatching = startWatch();
    const endSelect = await startLongSelect();
    await makeOldDays();
    assert.equal(await countOld(), PARTITIONS);
    const before = { archived: load.archived(), reads };
    assert.deepEqual(await expire(), { partitions: 0, rows: 0, isWaiting: true });
    await waitFor(() => load.archived() > before.archived + ROWS_A_SECOND && reads > before.reads + 10);
    assert.equal(await countOld(), PARTITIONS, 'while it is read nothing goes');
    await endSelect();

    const expiring = expire();
    await waitFor(async () => (await countOld()) < PARTITIONS - 5, { what: 'the first partitions to go' });
    // A SELECT that comes amid a detachment: that waits for it; to make a partition meanwhile does not.
    const endLateSelect = await startLongSelect();
    await createPartitions(open('maker')).cover(Date.now() + 20 * DAY_MS, Date.now() + 20 * DAY_MS);
    assert.ok((await countOld()) > 0);
    await endLateSelect();
    const { partitions, rows } = await expiring;
    assert.deepEqual({ partitions, rows, old: await countOld() }, { partitions: PARTITIONS, rows: PARTITIONS, old: 0 });

    const { exclusive, looks, longestWaitMs, waitingFor } = await stopWatching();
    const workGapMs = load.takeLongestGapMs();
    await stopReading();
    const { recorded, rate, waiting } = await load.stop();
    const gaps = `longest gap between commits ${workGapMs.toFixed(0)} ms, ${controlGapMs.toFixed(0)} ms without partition work`;
    process.stdout.write(
      `      ${rate.toFixed(0)} rows/s; ${gaps}; longest wait for a lock ${longestWaitMs.toFixed(0)} ms in ${looks} looks\n`,
    );
    assert.deepEqual(exclusive, [], 'no ACCESS EXCLUSIVE on the table');
    assert.ok(longestWaitMs < LONGEST_WAIT_MS, `${longestWaitMs} ms: ${waitingFor}`);
    assert.ok(rate > 0.95 * ROWS_A_SECOND && waiting < 2 * ROWS_A_SECOND, `${rate} rows/s recorded, ${waiting} not yet archived`);
    const { totals, sources } = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.deepEqual(
      sources.flatMap(({ problems }) => problems),
      [],
    );
    const { archived, expired } = totals;
    assert.deepEqual({ archived, rows: totals.rows, expired }, { archived: recorded, rows: recorded - rows, expired: rows });
  });
});
