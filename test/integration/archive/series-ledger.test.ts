// What the ledger knows of each series: as many as were recorded, whatever was dropped on the way and wherever counts were lost.
import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { seriesStatements } from '../../../src/archive/drain/series-statements.ts';
import { Lease } from '../../../src/archive/maintenance/lease.ts';
import { expirePartitions } from '../../../src/archive/maintenance/retention.ts';
import { formatSourceId } from '../../../src/archive/spool/source.ts';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
import { closeDatabase, createDatabase, inTransaction } from '../../../src/db/database.ts';
import type { EventSeries } from '../../../src/event.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir, createTestArchive } from '../../support/test-archive.ts';

const series = (name: string, metadata = ''): EventSeries => ({ type: 'tool', name, service: 'test', metadata });
const SEARCH = series('search');
const DAY_MS = 86_400_000;

describe('the ledger of series', function () {
  this.timeout(30_000);
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  before(async () => {
    test = await createTestDatabase();
  });
  beforeEach(() => {
    spool = createSpoolDir();
  });
  afterEach(() => spool.remove());
  after(() => test.drop());

  /** `lane type name` to recorded and dropped. */
  async function read(sourceId: bigint): Promise<Record<string, number[]>> {
    const rows = await test.database.any<{ series: string; recorded: number; dropped: number }>(
      `select concat_ws(' ', lane, type, name) as series, recorded::int, dropped::int
       from keepwatch.series_ledger where source_id = $1 order by 1`,
      [sourceId],
    );
    return Object.fromEntries(rows.map(({ series: key, recorded, dropped }) => [key, [recorded, dropped]]));
  }

  it('counts each series of each lane once, those that differ in labels together', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    tracker.record({ series: SEARCH }, { series: SEARCH, lane: 'keep' }, { series: series('search', '"a":1') });
    tracker.record({ series: series('it\'s "\\ \u2603') }, { series: series('a\0b') });
    await archive.flush();
    assert.deepEqual(await read(archive.sourceId), {
      'keep tool search': [1, 0],
      'rest tool a\ufffdb': [1, 0],
      'rest tool it\'s "\\ \u2603': [1, 0],
      'rest tool search': [2, 0],
    });
    tracker.record({ series: SEARCH });
    await archive.stop({ timeoutMs: 5000 });
    assert.deepEqual((await read(archive.sourceId))['rest tool search'], [3, 0]);
  });

  it('counts what the spool drops, and what it cannot read, by series', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path, { spoolMaxBytes: 1 });
    tracker.record({ series: SEARCH }, { series: SEARCH });
    tracker.collect();
    tracker.record({ series: SEARCH });
    tracker.collect();
    await archive.stop({ timeoutMs: 5000 });
    const { dropped, recorded } = await test.database.one<{ dropped: number; recorded: number }>(
      `select recorded::int, (dropped ->> 'spool_full')::int as dropped from keepwatch.ledger where source_id = $1`,
      [archive.sourceId],
    );
    assert.ok(dropped > 0);
    assert.deepEqual(await read(archive.sourceId), { 'rest tool search': [recorded, dropped] });
  });

  it('tells all again after a segment was lost with what it told', async () => {
    const away = createDatabase({ url: 'postgres://nobody@127.0.0.1:1/none', max: 1, connectTimeoutMs: 500 });
    const database = { current: away };
    const proxy = new Proxy(test.database, { get: (_, key) => Reflect.get(database.current, key) as unknown });
    const { archive, tracker } = createTestArchive(proxy, spool.path);
    tracker.record({ series: SEARCH }, { series: series('other') });
    await archive.flush();
    const folder = join(spool.path, formatSourceId(archive.sourceId));
    for (const name of readdirSync(folder)) if (name.endsWith('.seg')) rmSync(join(folder, name));
    database.current = test.database;
    tracker.record({ series: SEARCH });
    await archive.flush();
    await archive.flush();
    assert.deepEqual(await read(archive.sourceId), { 'rest tool other': [1, 0], 'rest tool search': [2, 0] });
    await archive.stop({ timeoutMs: 5000 });
    await closeDatabase(away);
  });

  it('knows what retention has removed, by lane and series', async () => {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    const old = { series: SEARCH, endMs: Date.now() - 4.5 * DAY_MS };
    tracker.record(old, old, { ...old, lane: 'keep' }, { series: series('other'), endMs: old.endMs }, { series: SEARCH });
    await archive.stop({ timeoutMs: 5000 });
    const { database } = test;
    const lease = new Lease({ database, name: 'maintenance', holder: 'test', seconds: 60 });
    await expirePartitions({ retained: 'events', database, lease, keepMs: 2 * DAY_MS, shouldStop: () => false });
    const verify = async () => {
      const { sources } = await verifyArchive({ database, allSeries: true });
      return sources.filter(({ sourceId }) => sourceId === String(archive.sourceId));
    };
    const found = await verify();
    assert.deepEqual(
      found.map(({ lane, expired, rows, series: all, problems }) => [
        lane,
        expired,
        rows,
        all.map((each) => `${each.name} ${each.recorded} ${each.rows} ${each.expired} ${each.unnamed}`),
        problems,
      ]),
      [
        ['keep', 1, 0, ['search 1 0 1 0'], []],
        ['rest', 3, 1, ['other 1 0 1 0', 'search 3 1 2 0'], []],
      ],
    );
    await database.none(`delete from keepwatch.observability_metrics where source_id = $1`, [archive.sourceId]);
    const problems = (await verify()).flatMap((lane) => lane.problems.map(({ kind, lane: name, name: of }) => [kind, name, of]));
    assert.deepEqual(problems, [
      ['missing_rows', 'rest', undefined],
      ['missing_events', 'rest', 'search'],
    ]);
    // As before version 5 of the schema, which counted by source alone.
    await database.none('delete from keepwatch.expired_series');
    const asWhole = (await verify()).flatMap((lane) =>
      lane.problems.map(({ kind, lane: name, message }) => [kind, name, message]),
    );
    const message = `source ${archive.sourceId}: archived 5, rows in observability_metrics 0, removed by retention 4`;
    assert.deepEqual(asWhole, [['missing_rows', undefined, message]]);
  });

  it('takes over larger counts only, in whatever order they come', async () => {
    const tell = (recorded: number, dropped: number) =>
      inTransaction(test.database, async (transaction) => {
        const series = Buffer.from(JSON.stringify([['tool', 'search', recorded, dropped]]));
        for (const { sql, values } of seriesStatements({ sourceId: 5n, lane: 'rest' }, [{ series }]))
          await transaction.none(sql, values);
      });
    await tell(5, 1);
    await tell(4, 0);
    assert.deepEqual(await read(5n), { 'rest tool search': [5, 1] });
    await tell(7, 1);
    assert.deepEqual(await read(5n), { 'rest tool search': [7, 1] });
  });
});
