// What the ledger knows of each series: as many as were recorded, whatever was dropped on the way and wherever counts were lost.
import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { seriesStatements } from '../../../src/archive/series-statements.ts';
import { formatSourceId } from '../../../src/archive/source.ts';
import { closeDatabase, createDatabase, inTransaction } from '../../../src/db/database.ts';
import type { EventSeries } from '../../../src/event.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir, createTestArchive } from '../../support/test-archive.ts';

const series = (name: string, metadata = ''): EventSeries => ({ type: 'tool', name, service: 'test', metadata });
const SEARCH = series('search');

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
