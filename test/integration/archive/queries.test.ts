import assert from 'node:assert/strict';
import { createArchiveQueries } from '../../../src/archive/queries.ts';
import { KeepwatchError } from '../../../src/errors.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir, createTestArchive } from '../../support/test-archive.ts';

describe('ArchiveQueries', () => {
  const nowMs = Math.floor(Date.now() / 1000) * 1000;
  const range = { from: new Date(nowMs - 3_600_000), to: new Date(nowMs) };
  let test: TestDatabase;

  before(async function () {
    this.timeout(30_000);
    test = await createTestDatabase();
    const spool = createSpoolDir();
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    const search = { type: 'tool', name: 'search', service: 'test', metadata: '' } as const;
    // 100 requests of 1..100 ms, of which every tenth fails, and 3 tool calls within one millisecond.
    for (let index = 1; index <= 100; index++) {
      tracker.record({ endMs: nowMs - index * 10_000, durationMs: index, status: index % 10 === 0 ? 'failure' : 'success' });
    }
    for (let index = 1; index <= 3; index++)
      tracker.record({ series: search, endMs: nowMs - 5000 + index / 10, status: 'aborted' });
    await archive.stop({ timeoutMs: 5000 });
    spool.remove();
  });
  after(() => test.drop());

  it('sums up rate, errors and duration per type and name', async () => {
    const rows = await createArchiveQueries(test.database).summary(range);
    const histogram = { p50_ms: 50, p95_ms: 95, p99_ms: 99 };
    const [api, tool] = rows;
    assert.deepEqual(
      { ...api, ...histogram },
      {
        type: 'api',
        name: 'GET /things/:id',
        count: 100,
        failures: 10,
        aborted: 0,
        success_rate: 0.9,
        avg_ms: 50.5,
        min_ms: 1,
        max_ms: 100,
        ...histogram,
      },
    );
    for (const [quantile, exact] of Object.entries(histogram)) {
      const given = api?.[quantile as keyof typeof histogram] ?? Number.NaN;
      assert.ok(Math.abs(given - exact) <= 0.01083 * exact, `${quantile}: ${given}`);
    }
    const nothing = { success_rate: null, avg_ms: null, min_ms: null, max_ms: null, p50_ms: null, p95_ms: null, p99_ms: null };
    assert.deepEqual(tool, { type: 'tool', name: 'search', count: 3, failures: 0, aborted: 3, ...nothing });
    assert.equal(rows.length, 2);
  });

  it('narrows a summary to a time, a type, a name and a service', async () => {
    const queries = createArchiveQueries(test.database);
    const [row] = await queries.summary({
      from: new Date(nowMs - 100_000),
      to: new Date(nowMs),
      type: 'api',
      name: 'GET /things/:id',
    });
    assert.equal(row?.count, 10);
    assert.deepEqual(await queries.summary({ ...range, name: "it's; drop table x --" }), []);
    assert.equal((await queries.summary({ ...range, service: 'test' })).length, 2);
    assert.deepEqual(await queries.summary({ ...range, service: 'another' }), []);
  });

  it('gives the newest events first', async () => {
    const rows = await createArchiveQueries(test.database).recent({ limit: 4 });
    assert.deepEqual(
      rows.map(({ name, end_time }) => [name, end_time]),
      [3, 2, 1]
        .map((index) => ['search', new Date(nowMs - 5000).toISOString().replace('.000Z', `.000${index}00Z`)])
        .concat([['GET /things/:id', new Date(nowMs - 10_000).toISOString().replace('Z', '000Z')]]),
    );
  });

  it('pages through all events of a time, each once, also within one millisecond', async () => {
    const queries = createArchiveQueries(test.database);
    const ids: string[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const page = await queries.events({ ...range, limit: 2, cursor });
      ids.push(...page.events.map((event) => event.id));
      cursor = page.cursor;
      pages++;
    } while (cursor !== undefined);
    assert.equal(ids.length, 103);
    assert.equal(new Set(ids).size, 103);
    assert.equal(pages, 52);
  });

  it('filters events by status', async () => {
    const { events, cursor } = await createArchiveQueries(test.database).events({ ...range, status: 'failure', limit: 50 });
    assert.equal(events.length, 10);
    assert.equal(cursor, undefined);
  });

  for (const cursor of ['', 'x', Buffer.from('["2026-01-01","x"]').toString('base64url')]) {
    it(`refuses the cursor ${JSON.stringify(cursor)}`, async () => {
      const page = createArchiveQueries(test.database).events({ ...range, limit: 5, cursor });
      await assert.rejects(page, (error) => error instanceof KeepwatchError && error.code === 'ERR_USAGE');
    });
  }
});
