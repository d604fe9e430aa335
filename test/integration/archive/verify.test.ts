// Whatever somebody changes behind the back of the archive is found, and named: source, lane, series, segment, block, both numbers.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Difference, type VerifyReport, verifyArchive } from '../../../src/archive/verify/verify.ts';
import { closeDatabase, createDatabase, type Database, inTransaction } from '../../../src/db/database.ts';
import type { EventSeries } from '../../../src/event.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir, createTestArchive } from '../../support/test-archive.ts';

const OLD_MS = 8 * 86_400_000;
const series = (name: string): EventSeries => ({ type: 'tool', name, service: 'test', metadata: '' });
const SEARCH = series('search');
const FETCH = series('fetch');

describe('verifyArchive', function () {
  this.timeout(30_000);
  let test: TestDatabase;
  let away: Database;
  let spool: ReturnType<typeof createSpoolDir>;
  before(() => {
    away = createDatabase({ url: 'postgres://nobody@127.0.0.1:1/none', max: 1, connectTimeoutMs: 500 });
  });
  after(() => closeDatabase(away));
  beforeEach(async () => {
    test = await createTestDatabase();
    spool = createSpoolDir();
  });
  afterEach(async () => {
    await test.drop();
    spool.remove();
  });

  const verify = (options: { allSeries?: boolean } = {}) =>
    verifyArchive({ database: test.database, spoolDir: spool.path, ...options });

  const problemsOf = ({ sources }: VerifyReport) => sources.flatMap(({ problems }) => problems);
  const messagesOf = (report: VerifyReport) => problemsOf(report).map(({ message }) => message);
  const kindsOf = (report: VerifyReport) => problemsOf(report).map(({ kind }) => kind);

  /** Of 10 searches and 5 fetches in `rest`, 3 searches in `keep`, one that Postgres refuses and one that is too old. */
  async function archiveSome(): Promise<bigint> {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    tracker.record(
      ...Array.from({ length: 10 }, () => ({ series: SEARCH })),
      ...Array.from({ length: 5 }, () => ({ series: FETCH })),
    );
    tracker.record(...Array.from({ length: 3 }, () => ({ series: SEARCH, lane: 'keep' as const })));
    tracker.record({ series: FETCH, metadata: '"a":' }, { series: FETCH, endMs: Date.now() - OLD_MS });
    await archive.stop({ timeoutMs: 5000 });
    return archive.sourceId;
  }

  /** Sealed segments of a process that could not reach Postgres: 3 of 10 searches each, one after another, in blocks of 5. */
  async function spoolSome(): Promise<{ sourceId: bigint; folder: string }> {
    const { archive, tracker } = createTestArchive(away, spool.path);
    for (let segment = 0; segment < 3; segment++) {
      for (let block = 0; block < 2; block++) {
        tracker.record(...Array.from({ length: 5 }, () => ({ series: SEARCH })));
        tracker.collect();
      }
      await archive.flush();
    }
    await archive.stop({ timeoutMs: 2000 });
    return { sourceId: archive.sourceId, folder: join(spool.path, readdirSync(spool.path)[0] ?? '') };
  }

  it('finds an archive in order: source by source, lane by lane, series by series', async () => {
    const sourceId = String(await archiveSome());
    await archiveSome();
    const report = await verify({ allSeries: true });
    assert.deepEqual(messagesOf(report), []);
    assert.equal(report.ok, true);
    const { recorded, archived, rows, deadLettered, quarantined, seriesRecorded } = report.totals;
    assert.deepEqual([recorded, archived, rows, deadLettered, quarantined, seriesRecorded], [40, 36, 36, 2, 2, 40]);
    const lanes = report.sources.filter((source) => source.sourceId === sourceId);
    const none = { expired: 0, queued: 0, dropped: 0, unnamed: 0 };
    assert.deepEqual(
      lanes.map((lane) => [lane.lane, lane.recorded, lane.rows, lane.closed, lane.series]),
      [
        ['keep', 3, 3, true, [{ type: 'tool', name: 'search', recorded: 3, rows: 3, deadLettered: 0, quarantined: 0, ...none }]],
        [
          'rest',
          17,
          15,
          true,
          [
            { type: 'tool', name: 'fetch', recorded: 7, rows: 5, deadLettered: 1, quarantined: 1, ...none },
            { type: 'tool', name: 'search', recorded: 10, rows: 10, deadLettered: 0, quarantined: 0, ...none },
          ],
        ],
      ],
    );
  });

  it('counts what waits in the spool while Postgres is away, by series too', async () => {
    const { sourceId } = await spoolSome();
    const report = await verify({ allSeries: true });
    assert.deepEqual(messagesOf(report), []);
    const [lane] = report.sources;
    assert.deepEqual([lane?.sourceId, lane?.recorded, lane?.queued], [String(sourceId), 30, 30]);
    assert.deepEqual(
      lane?.series.map(({ name, recorded, queued, unnamed }) => [name, recorded, queued, unnamed]),
      [['search', 30, 30, 0]],
    );
  });

  it('names the lane and the series of a row that was deleted', async () => {
    const sourceId = String(await archiveSome());
    await test.database.none(
      `delete from keepwatch.observability_metrics
       where id = (select id from keepwatch.observability_metrics where name = 'search' and keepwatch.lane_of(id) = 'keep' limit 1)`,
    );
    const report = await verify();
    assert.equal(report.ok, false);
    const place = `source ${sourceId} lane keep`;
    const found = problemsOf(report).map(({ sourceId: id, lane, type, name, kind, expected, found: count }) => [
      id,
      lane,
      type,
      name,
      kind,
      expected,
      count,
    ]);
    assert.deepEqual(found, [
      [sourceId, 'keep', undefined, undefined, 'missing_rows', 3, 2],
      [sourceId, 'keep', 'tool', 'search', 'missing_events', 3, 2],
    ]);
    assert.deepEqual(messagesOf(report), [
      `${place}: archived 3, rows in observability_metrics 2`,
      `${place}, tool search: recorded 3, accounted for 2 (rows 2)`,
    ]);
  });

  it('names a row that is there twice, with its id', async () => {
    await archiveSome();
    const { id } = await test.database.one<{ id: string }>(
      `insert into keepwatch.observability_metrics
       select * from keepwatch.observability_metrics where name = 'fetch' limit 1 returning id`,
    );
    const report = await verify();
    assert.equal(report.totals.duplicates, 1);
    assert.deepEqual(kindsOf(report), ['surplus_rows', 'doubled_rows', 'surplus_events']);
    assert.deepEqual(problemsOf(report)[1]?.ids, [id]);
    assert.equal(problemsOf(report)[2]?.name, 'fetch');
  });

  it('names a row that took the place of a lost one of the same series', async () => {
    const sourceId = await archiveSome();
    await test.database.none(
      `with picked as (select id, row_number() over (order by id) as number from keepwatch.observability_metrics where name = 'fetch'),
         lost as (delete from keepwatch.observability_metrics where id = (select id from picked where number = 1))
       insert into keepwatch.observability_metrics
       select * from keepwatch.observability_metrics where id = (select id from picked where number = 2)`,
    );
    const report = await verify();
    assert.deepEqual(kindsOf(report), ['doubled_rows']);
    assert.match(
      messagesOf(report)[0] ?? '',
      new RegExp(`^source ${sourceId} lane rest: rows 15, different ids 14 \\(twice: [0-9a-f-]+\\)$`),
    );
  });

  it('names both series when a row was made one of another', async () => {
    await archiveSome();
    await test.database.none(
      `update keepwatch.observability_metrics set name = 'fetch'
       where id = (select id from keepwatch.observability_metrics where name = 'search' and keepwatch.lane_of(id) = 'rest' limit 1)`,
    );
    const found = problemsOf(await verify()).map(({ kind, name, expected, found: count }) => [kind, name, expected, count]);
    assert.deepEqual(found, [
      ['missing_events', 'search', 10, 9],
      ['surplus_events', 'fetch', 7, 8],
    ]);
  });

  const tamperings: { what: string; sql: string; kinds: Difference['kind'][] }[] = [
    {
      what: 'a ledger that does not add up',
      sql: `update keepwatch.ledger set recorded = recorded + 2 where lane = 'rest'`,
      kinds: ['ledger_counts'],
    },
    {
      what: 'a ledger that says less than its series',
      sql: `update keepwatch.ledger set recorded = recorded - 1, archived = archived - 1 where lane = 'rest'`,
      kinds: ['surplus_rows', 'series_counts'],
    },
    {
      what: 'a dead letter that was deleted',
      sql: 'delete from keepwatch.observability_dead_letter',
      kinds: ['dead_letters', 'missing_events'],
    },
    {
      what: 'a dead letter that nobody counted',
      sql: `insert into keepwatch.observability_dead_letter select source_id, 'rest', 9, 1, 1, '22P02', 'x', '' from keepwatch.sources`,
      kinds: ['dead_letters'],
    },
    {
      what: 'a quarantined row that was deleted',
      sql: 'delete from keepwatch.observability_quarantine',
      kinds: ['quarantine', 'missing_events'],
    },
    {
      what: 'a partition that was dropped by hand',
      sql: `do $$ begin execute format('drop table keepwatch.observability_metrics_p%s', to_char(now() at time zone 'UTC', 'YYYYMMDD')); end $$`,
      kinds: ['missing_rows', 'missing_events', 'missing_rows', 'missing_events', 'missing_events'],
    },
    {
      what: 'rows of a source that the ledger does not know',
      sql: 'truncate keepwatch.ledger, keepwatch.imports, keepwatch.sources',
      kinds: ['surplus_rows', 'series_counts', 'surplus_rows', 'dead_letters', 'quarantine', 'series_counts'],
    },
  ];
  for (const { what, sql, kinds } of tamperings) {
    it(`names ${what}`, async () => {
      await archiveSome();
      await test.database.none(sql);
      const report = await verifyArchive({ database: test.database });
      assert.deepEqual(kindsOf(report), kinds);
      assert.ok(problemsOf(report).every(({ advice, message }) => advice !== '' && message.startsWith('source ')));
    });
  }

  it('names a series that nobody counted', async () => {
    await archiveSome();
    await test.database.none(`update keepwatch.series_ledger set name = 'other' where name = 'fetch'`);
    assert.deepEqual(
      problemsOf(await verify()).map(({ kind, name }) => [kind, name]),
      [
        ['missing_events', 'other'],
        ['surplus_events', 'fetch'],
      ],
    );
  });

  it('names the segment that was removed from the spool of a dead process, and how many events it held', async () => {
    const { sourceId, folder } = await spoolSome();
    rmSync(join(folder, 'rest-0000000002.seg'));
    const report = await verify();
    const [problem] = problemsOf(report);
    assert.deepEqual(
      [problem?.kind, problem?.segment, problem?.block, problem?.expected, problem?.message],
      [
        'missing_blocks',
        3,
        1,
        10,
        `source ${sourceId} lane rest: 10 events are missing before segment 3 block 1: segment 2 should be in the spool`,
      ],
    );
    assert.equal(problemsOf(report).length, 1);
  });

  it('names the block and the offset of a flipped byte: its events are lost, and accounted for', async () => {
    const { folder } = await spoolSome();
    const file = join(folder, 'rest-0000000002.seg');
    const bytes = readFileSync(file);
    const offset = bytes.indexOf('KWBK', bytes.indexOf('KWBK') + 1);
    bytes[offset + 100] = (bytes[offset + 100] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const report = await verify({ allSeries: true });
    assert.deepEqual(messagesOf(report), []);
    const [lane] = report.sources;
    const [loss] = lane?.losses ?? [];
    assert.deepEqual([loss?.reason, loss?.events, loss?.segment, loss?.file, loss?.offset], ['damaged', 5, 2, file, offset]);
    assert.deepEqual([lane?.queued, lane?.dropped, lane?.series[0]?.unnamed], [25, { damaged: 5 }, 5]);
  });

  it('names a file in the spool that cannot be read, and changes nothing', async () => {
    const { folder } = await spoolSome();
    const file = join(folder, 'rest-0000000002.seg');
    writeFileSync(file, 'nonsense');
    const report = await verify();
    assert.equal(report.ok, false);
    const [problem] = problemsOf(report);
    assert.deepEqual([problem?.kind, problem?.file, problem?.segment], ['unreadable', file, 2]);
    assert.match(problem?.message ?? '', /rest-0000000002\.seg: it does not begin as a segment does/);
    assert.deepEqual(report.sources[0]?.dropped, { damaged: 10 });
    assert.equal(readFileSync(file, 'utf8'), 'nonsense');
  });

  it('names segments that nobody drains, because nothing says whose they are', async () => {
    const { sourceId, folder } = await spoolSome();
    rmSync(join(folder, 'source.json'));
    const report = await verify();
    assert.equal(report.sources[0]?.sourceId, String(sourceId));
    assert.equal(report.sources[0]?.queued, 30);
    assert.match(messagesOf(report)[0] ?? '', /source\.json: no source that this version can read/);
  });

  it('keeps acknowledged segments out of the queue, and counts them again when the ledger went back', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    tracker.record({ series: SEARCH }, { series: SEARCH });
    await archive.flush();
    const before = await test.database.one('select * from keepwatch.ledger');
    tracker.record({ series: SEARCH });
    await archive.flush();
    assert.deepEqual(messagesOf(await verify()), []);
    assert.equal((await verify()).totals.queued, 0);
    await test.database.none(
      `delete from keepwatch.observability_metrics where id = (select max(id::text)::uuid from keepwatch.observability_metrics);
       update keepwatch.series_ledger set recorded = 2;
       update keepwatch.ledger set segment = $<segment>, batch = $<batch>, recorded = $<recorded>, archived = $<archived>`,
      before,
    );
    const report = await verify();
    assert.deepEqual(messagesOf(report), []);
    assert.deepEqual([report.totals.recorded, report.totals.rows, report.totals.queued], [3, 2, 1]);
    await archive.stop({ timeoutMs: 5000 });
    assert.deepEqual(messagesOf(await verify()), []);
  });

  it('knows the series of a killed process up to where it told them last', async () => {
    await archiveSome();
    // As if the last ten seconds of it had not been told.
    await test.database.none(
      `update keepwatch.series_ledger set recorded = recorded - 4 where name = 'search' and lane = 'rest'`,
    );
    const report = await verify();
    assert.deepEqual(messagesOf(report), []);
    assert.deepEqual([report.totals.recorded, report.totals.seriesRecorded], [20, 16]);
    await test.database.none(
      `insert into keepwatch.observability_metrics select * from keepwatch.observability_metrics where name = 'fetch' limit 1`,
    );
    assert.equal((await verify()).ok, false);
  });

  it('stops when it is told to, and the statement with it', async () => {
    await archiveSome();
    const stop = new AbortController();
    await inTransaction(test.database, async (transaction) => {
      await transaction.none('lock table keepwatch.observability_quarantine in access exclusive mode');
      const verified = verifyArchive({
        database: test.database,
        signal: stop.signal,
        onProgress: ({ what }) => {
          if (what === 'observability_quarantine') setTimeout(() => stop.abort(new Error('stopped')), 100);
        },
      });
      await assert.rejects(verified, /stopped/);
    });
    const { active } = await test.database.one<{ active: number }>(
      `select count(*)::int as active from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'`,
    );
    assert.equal(active, 0);
  });
});
