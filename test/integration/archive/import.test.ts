// Files into the archive: what was exported comes back equal, each line once whatever happens, and the accounting law holds.
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { exportEvents } from '../../../src/archive/transfer/export.ts';
import { Importer, type ImportOptions, type ImportResult } from '../../../src/archive/transfer/import.ts';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
import { silentLogger } from '../../../src/logger.ts';
import { eventLine, PAST_MS } from '../../support/import-lines.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir, createTestArchive } from '../../support/test-archive.ts';

const DAY_MS = 86_400_000;
/** All but what tells who recorded a row, and when it was archived. */
const COLUMNS = `id, start_time, end_time, duration_ms, trace_id, weight, name, type, status, service, span_id, parent_span_id, error,
  metadata::text as metadata`;

describe('Importer', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let folder: string;
  beforeEach(async () => {
    test = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-import-'));
  });
  afterEach(async () => {
    await test.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(path: string, options: Partial<ImportOptions> = {}): Promise<ImportResult> {
    const importer = new Importer({
      ...{ database: test.database, keepMs: 30 * DAY_MS, expired: 'refuse', skipsBroken: false, isDryRun: false },
      ...{ defaults: { service: 'test', type: 'custom' }, logger: silentLogger, ...options },
    });
    try {
      return await importer.importFile(path);
    } finally {
      await importer.close();
    }
  }

  function write(name: string, content: string | Buffer): string {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  }

  const lines = (...numbers: readonly number[]): string => numbers.map((number) => `${eventLine(number)}\n`).join('');

  async function assertProved(rows: number, database = test.database): Promise<void> {
    const report = await verifyArchive({ database });
    assert.deepEqual(
      report.sources.flatMap(({ problems }) => problems),
      [],
    );
    assert.deepEqual([report.totals.rows, report.totals.recorded, report.totals.seriesRecorded], [rows, rows, rows]);
    const rolledUp = await database.one<{ rows: number }>(
      'select coalesce(sum(rows), 0)::int as rows from keepwatch.observability_rollup_1m',
    );
    assert.equal(rolledUp.rows, rows, 'the rollups come with the rows');
  }

  const rowsOf = (database = test.database) =>
    database.any<Record<string, unknown>>(`select ${COLUMNS} from keepwatch.observability_metrics order by end_time, id`);

  async function exportTo(name: string, database = test.database): Promise<string> {
    const chunks: Buffer[] = [];
    const write_ = async (chunk: Buffer) => void chunks.push(chunk);
    await exportEvents({ database, from: new Date(0), to: new Date(4e12), filter: {}, format: 'ndjson', write: write_ });
    return write(name, Buffer.concat(chunks));
  }

  it('brings back what was exported, equal in every column, whatever the texts hold', async () => {
    const other = await createTestDatabase();
    const spool = createSpoolDir();
    const { archive, tracker } = createTestArchive(other.database, spool.path);
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    const hex = (bytes: number) =>
      fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((some) => Buffer.from(some).toString('hex'));
    const event = fc.record({
      lane: fc.constantFrom('keep', 'rest'),
      series: fc.record({
        ...{ type: fc.constantFrom('api', 'llm', 'custom'), name: fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }) },
        ...{ service: fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }), metadata: fc.constant('') },
      }),
      status: fc.constantFrom('success', 'failure', 'aborted'),
      endMs: fc.double({ min: PAST_MS - 3 * DAY_MS, max: PAST_MS, noNaN: true }),
      durationMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
      weight: fc.integer({ min: 1, max: 2_147_483_647 }),
      error: fc.option(text, { nil: undefined }),
      metadata: fc.option(
        fc
          .tuple(text, fc.jsonValue({ stringUnit: 'binary' }), fc.constantFrom('1', '12345678901234567890.50', '1e30', '-0.10'))
          .map(([key, value, number]) => `${JSON.stringify(key)}:${JSON.stringify(value)},"n":${number}`),
        { nil: undefined },
      ),
      ...{ traceId: fc.option(hex(16), { nil: undefined }), spanId: hex(8), parentSpanId: fc.option(hex(8), { nil: undefined }) },
    });
    tracker.record(...fc.sample(event, 1500));
    await archive.stop({ timeoutMs: 20_000 });
    spool.remove();
    try {
      const path = await exportTo('all.ndjson', other.database);
      const { imported, checked } = await run(path);
      assert.deepEqual(checked.problems, []);
      assert.equal(imported, 1500);
      assert.deepEqual(await rowsOf(), await rowsOf(other.database));
      await assertProved(1500);
    } finally {
      await other.drop();
    }
  });

  it('adds nothing when the same content is imported again, compressed or under another name', async () => {
    const content = lines(1, 2, 3, 4, 5);
    assert.equal((await run(write('a.jsonl', content))).imported, 5);
    for (const path of [write('a.jsonl', content), write('b.jsonl', content), write('c.gz', gzipSync(content))]) {
      const again = await run(path);
      assert.deepEqual([again.outcome, again.imported, again.checked.events], ['imported', 0, 0]);
    }
    await assertProved(5);
  });

  it('goes on where a file ended that has grown, with and without a last line end', async () => {
    const path = write('a.jsonl', lines(1, 2).trimEnd());
    assert.equal((await run(path)).imported, 2);
    assert.equal((await run(path)).imported, 0);
    appendFileSync(path, `\n${lines(3, 4)}`);
    assert.equal((await run(path)).imported, 2);
    appendFileSync(path, lines(5));
    assert.equal((await run(path)).imported, 1);
    assert.equal((await run(write('other.jsonl', lines(1, 2, 9)))).imported, 1, 'another file with the same beginning');
    await assertProved(6);
  });

  it('leaves out events that the archive has already: its own, those of other files, and copies in one file', async () => {
    const spool = createSpoolDir();
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    tracker.record({}, { lane: 'keep', status: 'failure' }, {});
    await archive.stop({ timeoutMs: 5000 });
    spool.remove();
    const own = await run(await exportTo('own.ndjson'));
    assert.deepEqual([own.imported, own.present], [0, 3]);
    const withIds = [1, 2, 3, 4].map((number) => eventLine(number, { id: `0192f000-0000-7000-8000-00000000000${number}` }));
    const join_ = (...indexes: number[]) => indexes.map((index) => `${withIds[index]}\n`).join('');
    assert.deepEqual(await countsOf(write('a.ndjson', join_(0, 1, 0, 1, 1))), [2, 3]);
    assert.deepEqual(await countsOf(write('b.ndjson', join_(1, 2, 3, 2))), [2, 2]);
    await assertProved(7);
  });

  async function countsOf(path: string): Promise<readonly [number, number]> {
    const { imported, present } = await run(path);
    return [imported, present];
  }

  it('takes the lines of older collectors: UTC without a zone, failed is failure, the type of the metadata where it is one', async () => {
    const started = new Date(PAST_MS).toISOString().slice(0, 19);
    const ended = new Date(PAST_MS + 5123).toISOString().slice(0, 23);
    const line = (more: object) =>
      `${JSON.stringify({ name: 'pytest_unit_tests', started_at: started, ended_at: `${ended}000`, duration_ms: 5123.0, status: 'success', metadata: { suite: 'unit', type: 'test' }, error: null, ...more })}\n`;
    const path = write(
      '2025-10-20.jsonl',
      line({}) + line({}) + line({ status: 'failed', error: 'exit 1', metadata: { type: 'command' } }) + line({ metadata: null }),
    );
    assert.equal((await run(path)).imported, 4, 'equal lines are runs of their own');
    const rows = await test.database.any<Record<string, unknown>>(
      `select name, type, status, duration_ms, error, metadata, service, extract(epoch from start_time)::float8 * 1000 as start_ms,
         extract(epoch from end_time)::float8 * 1000 as end_ms from keepwatch.observability_metrics order by status desc, type, metadata::text`,
    );
    const startMs = Date.parse(`${started}Z`);
    const common = {
      name: 'pytest_unit_tests',
      duration_ms: 5123,
      service: 'test',
      start_ms: startMs,
      end_ms: Date.parse(`${ended}Z`),
    };
    const plain = { ...common, type: 'custom', status: 'success', error: null, metadata: { suite: 'unit', type: 'test' } };
    assert.deepEqual(rows, [
      plain,
      plain,
      { ...plain, metadata: {} },
      { ...common, type: 'command', status: 'failure', error: 'exit 1', metadata: { type: 'command' } },
    ]);
    assert.equal((await run(path)).imported, 0);
    await assertProved(4);
  });

  it('imports nothing of a file with a broken line, or the others when it is told to, and says which', async () => {
    const path = write('a.jsonl', `${lines(1)}not json\n\n${lines(2)}{"name":"x"}\n${lines(3)}`);
    const refused = await run(path);
    assert.deepEqual([refused.outcome, refused.imported, refused.checked.broken], ['refused', 0, 2]);
    assert.deepEqual(
      refused.checked.problems.map(({ line }) => line),
      [2, 5],
    );
    assert.equal((await rowsOf()).length, 0);
    const skipped = await run(path, { skipsBroken: true });
    assert.deepEqual([skipped.imported, skipped.checked.broken], [3, 2]);
    const again = await run(path, { skipsBroken: true });
    assert.deepEqual([again.imported, again.checked.broken], [0, 0]);
    await assertProved(3);
  });

  it('waits for the end of a last line that somebody is writing', async () => {
    const whole = eventLine(2);
    const path = write('a.jsonl', lines(1) + whole.slice(0, 50));
    assert.equal((await run(path)).outcome, 'refused');
    const first = await run(path, { skipsBroken: true });
    assert.deepEqual([first.imported, first.checked.isTorn], [1, true]);
    appendFileSync(path, `${whole.slice(50)}\n`);
    assert.deepEqual(await countsOf(path), [1, 0]);
    await assertProved(2);
  });

  it('refuses what retention would remove, leaves it out, or imports it with its partitions', async () => {
    const old = (days: number, number: number) => `${eventLine(number, {}, Date.now() - days * DAY_MS)}\n`;
    const path = write('a.jsonl', lines(1) + old(40, 2) + old(3000, 3));
    const refused = await run(path);
    assert.equal(refused.outcome, 'refused');
    assert.match(
      refused.reasons.join(),
      /2 of 3 events are older than the 30 days that KEEPWATCH_RETENTION keeps .*--expired skip/,
    );
    assert.equal((await run(path, { expired: 'import' })).imported, 3);
    assert.equal((await run(write('b.jsonl', lines(7) + old(50, 8)), { expired: 'skip' })).imported, 1);
    await assertProved(4);
  });

  it('puts away what Postgres refuses, with its reason, and proves the rest', async () => {
    await test.database.none(`alter table keepwatch.observability_metrics add constraint no_two check (name <> 'step 2')`);
    const { imported, deadLettered } = await run(write('a.jsonl', lines(1, 2, 3)));
    assert.deepEqual([imported, deadLettered], [2, 1]);
    const report = await verifyArchive({ database: test.database });
    assert.deepEqual([report.ok, report.totals.rows, report.totals.deadLettered], [true, 2, 1]);
  });

  it('lets one process import at a time', async () => {
    const path = write('a.jsonl', Array.from({ length: 3000 }, (_, index) => `${eventLine(index)}\n`).join(''));
    const results = await Promise.all([run(path), run(path), run(path)]);
    assert.equal(
      results.reduce((sum, { imported }) => sum + imported, 0),
      3000,
    );
    await assertProved(3000);
  });
});
