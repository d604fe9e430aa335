import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { EventRow } from '../../../src/event-row.ts';
import { type BrokenLines, createJsonlQueries } from '../../../src/jsonl/jsonl-queries.ts';
import { MAX_LINE_BYTES } from '../../../src/jsonl/read-lines.ts';
import { createJsonlFolder, createTestStore } from '../../support/jsonl-folder.ts';

const DAY_MS = 86_400_000;
const NOON_MS = Date.UTC(2026, 10, 21, 12);
const ALL = { from: new Date(0), to: new Date(NOON_MS + 365 * DAY_MS) };

const ROW: EventRow = {
  id: '019aa5c4-6a80-7000-8000-03f1d2c4b5a6',
  name: 'search',
  type: 'tool',
  status: 'success',
  start_time: '2026-11-21T11:59:59.000000Z',
  end_time: '2026-11-21T12:00:00.000000Z',
  duration_ms: 10,
  service: 'test',
  trace_id: null,
  span_id: null,
  parent_span_id: null,
  error: null,
  metadata: {},
  weight: 1,
  source_id: '1',
};

describe('JsonlQueries', () => {
  let folder: ReturnType<typeof createJsonlFolder>;
  let broken: BrokenLines[];
  beforeEach(() => {
    folder = createJsonlFolder();
    broken = [];
  });
  afterEach(() => folder.remove());

  const queries = () => createJsonlQueries({ folder: folder.path, onBroken: (lines) => broken.push(lines) });

  /** Each row in the file of its day. */
  function write(...rows: readonly Partial<EventRow>[]): void {
    mkdirSync(folder.path, { recursive: true });
    for (const given of rows) {
      const row = { ...ROW, ...given };
      appendFileSync(join(folder.path, `${row.end_time.slice(0, 10)}.jsonl`), `${JSON.stringify(row)}\n`);
    }
  }

  it('sums up each type and name in a range, weights counted, the busiest first', async () => {
    write(
      { duration_ms: 10, weight: 3 },
      { duration_ms: 50, status: 'failure', error: 'Error: no' },
      { duration_ms: 999, status: 'aborted', weight: 2 },
      { type: 'api', name: 'GET /', status: 'aborted' },
      { end_time: '2026-11-21T12:00:01.000000Z' },
      { end_time: '2026-11-20T23:59:59.999999Z' },
    );
    const range = { from: new Date('2026-11-21T00:00:00Z'), to: new Date('2026-11-21T12:00:01Z') };
    const [search, get, ...others] = await queries().summary(range);
    assert.deepEqual(others, []);
    assert.ok(search !== undefined && get !== undefined);
    const { p50_ms, p95_ms, p99_ms, ...sums } = search;
    assert.deepEqual(sums, {
      type: 'tool',
      name: 'search',
      count: 6,
      failures: 1,
      aborted: 2,
      success_rate: 0.75,
      avg_ms: 20,
      min_ms: 10,
      max_ms: 50,
    });
    const isNear = (found: number | null, exact: number) => Math.abs((found ?? 0) / exact - 1) < 0.011;
    assert.ok(isNear(p50_ms, 10) && isNear(p95_ms, 50) && isNear(p99_ms, 50));
    const none = { success_rate: null, avg_ms: null, min_ms: null, max_ms: null, p50_ms: null, p95_ms: null, p99_ms: null };
    assert.deepEqual(get, { type: 'api', name: 'GET /', count: 1, failures: 0, aborted: 1, ...none });
    assert.equal((await queries().summary({ ...range, type: 'api' })).length, 1);
    assert.equal((await queries().summary({ ...range, name: 'search' })).length, 1);
  });

  it('has quantiles within 1.1 % of the exact ones', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0, max: 1e7, noNaN: true }), { minLength: 1, maxLength: 200 }),
        async (durations) => {
          folder.remove();
          write(...durations.map((duration_ms) => ({ duration_ms })));
          const [row] = await queries().summary(ALL);
          const sorted = durations.toSorted((a, b) => a - b);
          for (const [share, found] of [
            [0.5, row?.p50_ms],
            [0.95, row?.p95_ms],
            [0.99, row?.p99_ms],
          ] as const) {
            const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
            assert.ok(Math.abs((found ?? -1) - exact) <= exact * 0.0109, `${share}: ${found}, exactly ${exact}`);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('finds the newest events over days, in whatever order they were written', async () => {
    const ends = Array.from({ length: 60 }, (_, index) => NOON_MS + ((index * 37) % 60) * 3_600_000);
    write(
      ...ends.map((ms, index) => ({
        id: String(index).padStart(4, '0'),
        end_time: `${new Date(ms).toISOString().slice(0, -1)}000Z`,
      })),
    );
    const newest = ends.toSorted((a, b) => b - a);
    for (const limit of [1, 7, 60, 1000]) {
      const found = await queries().recent({ limit });
      assert.deepEqual(
        found.map(({ end_time }) => Date.parse(end_time)),
        newest.slice(0, limit),
      );
    }
    const to = new Date(NOON_MS + 5 * 3_600_000);
    assert.equal((await queries().recent({ from: new Date(NOON_MS), to, limit: 100 })).length, 5);
  });

  it('takes only what is asked for', async () => {
    write({ name: 'a' }, { name: 'b', status: 'failure', service: 'other' }, { name: 'b', type: 'api' });
    const namesOf = async (query: object) => (await queries().recent({ limit: 10, ...query })).map(({ name }) => name);
    assert.deepEqual(await namesOf({ name: 'b' }), ['b', 'b']);
    assert.deepEqual(await namesOf({ status: 'failure' }), ['b']);
    assert.deepEqual(await namesOf({ service: 'test', type: 'tool' }), ['a']);
  });

  it('passes over a last line that is being written, and counts lines that are no events', async () => {
    write({});
    const path = join(folder.path, '2026-11-21.jsonl');
    appendFileSync(path, '\n{"id":"torn{"id":"whole"}\n[]\nnull\n');
    appendFileSync(path, `${'x'.repeat(MAX_LINE_BYTES + 1)}\n`);
    for (const wrong of [{ type: 'no' }, { status: 5 }, { duration_ms: -1 }, { end_time: '2026-11-21' }, { metadata: [] }]) {
      appendFileSync(path, `${JSON.stringify({ ...ROW, ...wrong })}\n`);
    }
    write({});
    appendFileSync(path, JSON.stringify(ROW).slice(0, 50));
    assert.equal((await queries().recent({ limit: 10 })).length, 2);
    assert.deepEqual(broken, [{ count: 9, first: '2026-11-21.jsonl:3' }]);
  });

  it('takes a last line that only lacks its newline', async () => {
    write({});
    appendFileSync(join(folder.path, '2026-11-21.jsonl'), JSON.stringify(ROW));
    assert.equal((await queries().recent({ limit: 10 })).length, 2);
  });

  it('bounds how many names it tells apart', async () => {
    write(...Array.from({ length: 10_005 }, (_, index) => ({ name: `name ${index}` })));
    const rows = await queries().summary(ALL);
    assert.equal(rows.length, 10_001);
    assert.deepEqual([rows[0]?.name, rows[0]?.count], ['__other__', 5]);
  });

  it('removes the days before a moment, and nothing else', async () => {
    write(
      {},
      { end_time: '2026-11-19T10:00:00.000000Z' },
      { end_time: '2026-11-19T11:00:00.000000Z' },
      { end_time: '2026-11-20T10:00:00.000000Z' },
    );
    writeFileSync(join(folder.path, 'notes.txt'), '');
    const until = new Date('2026-11-20T00:00:00Z');
    const [day, ...others] = await queries().listBefore(until);
    assert.deepEqual([day?.day, day?.rows, others], ['2026-11-19', 2, []]);
    assert.deepEqual(await queries().removeBefore(until), ['2026-11-19']);
    assert.deepEqual(readdirSync(folder.path).sort(), ['2026-11-20.jsonl', '2026-11-21.jsonl', 'notes.txt']);
  });

  it('finds nothing where there is no folder', async () => {
    assert.deepEqual(await queries().summary(ALL), []);
    assert.deepEqual(await queries().recent({ limit: 1 }), []);
    assert.equal(existsSync(folder.path), false);
  });

  it('reads while it is written to', async () => {
    const { store, tracker } = createTestStore(folder.path);
    let written = 0;
    for (let round = 0; round < 20; round++) {
      for (let index = 0; index < 200; index++) tracker.record({ endMs: NOON_MS });
      const writing = store.flush();
      const rows = await queries().summary(ALL);
      const count = rows[0]?.count ?? 0;
      assert.ok(count >= written, `${count} after ${written}`);
      await writing;
      written = store.stats().archived;
    }
    assert.deepEqual(broken, []);
  });
});
