// keepwatch export as a person uses it: to stdout and to files, cut off in every way, and nothing lost on the way.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { EVENT_COLUMNS } from '../../src/archive/transfer/event-columns.ts';
import { inTransaction } from '../../src/db/database.ts';
import type { EventSeries } from '../../src/event.ts';
import { parseCsv } from '../support/csv.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { KEEPWATCH_IN_SHELL, type RunningProcess, startKeepwatch, startProcess } from '../support/process.ts';
import { assertRefused } from '../support/refused.ts';
import { createSpoolDir, createTestArchive } from '../support/test-archive.ts';
import { waitFor } from '../support/wait-for.ts';

const DAY_MS = 86_400_000;
const llm: EventSeries = { type: 'llm', name: 'gpt "4",\r\nmini', service: 'Dienst, Ü', metadata: '"model":"a"' };

describe('keepwatch export', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let folder: string;
  before(async () => {
    test = await createTestDatabase();
    const spool = createSpoolDir();
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    const endMs = Date.now() - 60_000;
    for (let index = 0; index < 2500; index++)
      tracker.record({ endMs: endMs - (index % 3) * DAY_MS - index, durationMs: index / 7 });
    tracker.record({
      ...{ series: llm, endMs: endMs + 0.123, durationMs: 0.001, status: 'failure', weight: 7, error: 'no, "never"\n\ttab ü 😀' },
      ...{
        traceId: 'ab'.repeat(16),
        spanId: 'cd'.repeat(8),
        parentSpanId: 'ef'.repeat(8),
        metadata: '"n":12345678901234567890,"t":"a\\nb"',
      },
    });
    await archive.stop({ timeoutMs: 10_000 });
    spool.remove();
  });
  after(() => test.drop());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-export-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const start = (...args: string[]): RunningProcess =>
    startKeepwatch(['export', ...args], { cwd: folder, env: { DATABASE_URL: test.url } });
  async function run(...args: string[]): Promise<{ code: number | string; output: string }> {
    const started = start(...args);
    return { code: await started.exited, output: started.output() };
  }

  it('writes every event and column as lines of JSON, in the order of end_time and id', async () => {
    const { code, output } = await run('--output', 'all.ndjson', '--json');
    assert.equal(code, 0, output);
    const text = readFileSync(join(folder, 'all.ndjson'), 'utf8');
    assert.deepEqual(JSON.parse(output), { file: 'all.ndjson', rows: 2501, bytes: Buffer.byteLength(text) });
    const lines = text.trimEnd().split('\n');
    const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const expected = await test.database.any<{ id: string }>(
      'select id from keepwatch.observability_metrics order by end_time, id',
    );
    assert.deepEqual(
      events.map(({ id }) => id),
      expected.map(({ id }) => id),
    );
    const found = events.findIndex(({ type }) => type === 'llm');
    assert.deepEqual(Object.keys(events[found] ?? {}), EVENT_COLUMNS);
    assert.match(lines[found] ?? '', /"metadata":\{"n": 12345678901234567890, /, 'numbers keep their digits');
    const {
      id: _id,
      start_time: start,
      end_time: end,
      source_id: source,
      created_at: created,
      metadata: _m,
      ...rest
    } = events[found] ?? {};
    assert.deepEqual(rest, {
      ...{ name: llm.name, type: 'llm', status: 'failure', duration_ms: 0.001, service: llm.service, weight: 7 },
      ...{ trace_id: 'ab'.repeat(16), span_id: 'cd'.repeat(8), parent_span_id: 'ef'.repeat(8), error: 'no, "never"\n\ttab ü 😀' },
    });
    for (const time of [start, end, created]) assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    assert.match(String(source), /^\d+$/);
    assert.deepEqual(readdirSync(folder), ['all.ndjson'], 'nothing is left beside it');
  });

  it('writes CSV that other programs read, compressed where the name says so', async () => {
    const { code, output } = await run('--type', 'llm', '--output', 'llm.csv.gz');
    assert.equal(code, 0, output);
    assert.match(output, /exported 1 event, .* to llm\.csv\.gz/);
    const [head, row, ...others] = parseCsv(gunzipSync(readFileSync(join(folder, 'llm.csv.gz'))).toString());
    assert.deepEqual(head, EVENT_COLUMNS);
    assert.deepEqual(others, []);
    const event = Object.fromEntries(EVENT_COLUMNS.map((column, index) => [column, row?.[index]]));
    assert.deepEqual([event['name'], event['service'], event['error']], [llm.name, llm.service, 'no, "never"\n\ttab ü 😀']);
    assert.equal(event['metadata'], '{"n": 12345678901234567890, "t": "a\\nb", "model": "a"}');
    const other = await run('--type', 'api', '--from', '1h', '--format', 'csv', '--output', 'api');
    assert.equal(other.code, 0);
    assert.equal(parseCsv(readFileSync(join(folder, 'api'), 'utf8'))[1]?.[11], null, 'no error is null, not an empty text');
  });

  it('takes the range and the filters that it is given, and says so of nothing', async () => {
    const { output } = await run('--from', '36h', '--to', '12h', '--status', 'success', '--service', 'test');
    assert.equal(output.match(/"status":"success"/g)?.length, 833);
    assert.match(output, /exported 833 events/);
    assert.match((await run('--name', 'nobody')).output, /^exported 0 events, 0\.0 kB\n$/);
  });

  it('ends quietly when its reader has seen enough', async () => {
    const cwd = new URL('../../', import.meta.url).pathname;
    const command = `set -o pipefail; ${KEEPWATCH_IN_SHELL} export | head -n 1`;
    const piped = startProcess('bash', ['-c', command], { cwd, env: { DATABASE_URL: test.url } });
    assert.equal(await piped.exited, 0, piped.output());
    assert.equal(piped.output().trimEnd().split('\n').length, 1);
  });

  it('never replaces a file unless it is told to', async () => {
    writeFileSync(join(folder, 'kept.ndjson'), 'mine');
    const { code, output } = await run('--output', 'kept.ndjson');
    assert.equal(code, 2);
    assert.match(output, /keepwatch: --output: "kept\.ndjson" is there already; allowed: a new name, or --force/);
    assert.equal(readFileSync(join(folder, 'kept.ndjson'), 'utf8'), 'mine');
    assert.equal((await run('--type', 'llm', '--output', 'kept.ndjson', '--force')).code, 0);
    assert.match(readFileSync(join(folder, 'kept.ndjson'), 'utf8'), /^\{"id":/);
  });

  it('leaves no file behind when Ctrl-C ends it, however long Postgres takes', async () => {
    await inTransaction(test.database, async (transaction) => {
      await transaction.none('lock table keepwatch.observability_metrics in access exclusive mode');
      const waiting = start('--output', 'half.ndjson');
      await waitFor(() => readdirSync(folder).some((file) => file.startsWith('half.ndjson.partial-')), { timeoutMs: 20_000 });
      process.kill(waiting.pid, 'SIGINT');
      assert.equal(await waiting.exited, 130, waiting.output());
      assert.match(waiting.output(), /keepwatch: stopped; nothing is written/);
    });
    assert.deepEqual(readdirSync(folder), []);
  });

  it('refuses what makes no sense, with exit code 2', async () => {
    await assertRefused(run, [
      [['--format', 'xml'], /Allowed choices are ndjson, csv/],
      [['--from', '2026-11-20', '--to', '2026-11-19'], /--from: got 2026-11-20T.*; allowed: a time before --to/],
      [['--from', '1h', '--days', '3'], /'--days <n>' cannot be used with option '--from <time>'/],
      [['--json'], /--json: allowed with --output <file>/],
      [['--output', 'no/such/folder.ndjson'], /"no\/such\/folder\.ndjson" cannot be written: .*ENOENT/],
      [['--status', 'broken'], /Allowed choices are success, failure, aborted/],
    ]);
    assert.deepEqual(readdirSync(folder), []);
  });
});
