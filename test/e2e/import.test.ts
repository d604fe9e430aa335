// keepwatch import as a person uses it: killed in the middle, from stdin, with broken files, and in bounded memory.
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { gzipSync } from 'node:zlib';
import { verifyArchive } from '../../src/archive/verify/verify.ts';
import { eventLine } from '../support/import-lines.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { KEEPWATCH_IN_SHELL, type RunningProcess, startKeepwatch, startProcess } from '../support/process.ts';
import { assertRefused } from '../support/refused.ts';
import { startOnTerminal } from '../support/terminal.ts';
import { waitFor } from '../support/wait-for.ts';

/** `IMPORT_LINES=1000000` for the long form. */
const LINES = Number(process.env['IMPORT_LINES'] ?? 60_000);
/** Node and tsx take about 110 MB; a chunk, the filter of ids and a piece of the file 60. */
const MAX_RSS_MB = 300;

describe('keepwatch import', function () {
  this.timeout(180_000 + LINES / 2);
  let test: TestDatabase;
  let folder: string;
  beforeEach(async () => {
    test = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-import-'));
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((each) => each.end('SIGKILL')));
    await test.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  const running: RunningProcess[] = [];
  const start = (...args: string[]): RunningProcess => {
    const started = startKeepwatch(['import', ...args], { cwd: folder, env: { DATABASE_URL: test.url } });
    running.push(started);
    return started;
  };
  async function run(...args: string[]): Promise<{ code: number | string; output: string }> {
    const started = start(...args);
    return { code: await started.exited, output: started.output() };
  }

  const countRows = async () =>
    (await test.database.one<{ rows: number }>('select count(*)::int as rows from keepwatch.observability_metrics')).rows;

  async function assertProved(rows: number): Promise<void> {
    const report = await verifyArchive({ database: test.database });
    assert.deepEqual(
      report.sources.flatMap(({ problems }) => problems),
      [],
    );
    assert.deepEqual([report.totals.rows, report.totals.recorded], [rows, rows]);
  }

  /** Half of the events have ids, so that both lanes and both ways to an id are used. */
  function writeLines(name: string, lines: number): void {
    const file = openSync(join(folder, name), 'w');
    for (let from = 0; from < lines; from += 1000) {
      const some = Array.from({ length: Math.min(1000, lines - from) }, (_, index) => {
        const number = from + index;
        const id =
          number % 2 === 0
            ? {}
            : {
                id: `0192f000-0000-7000-80${(number % 256).toString(16).padStart(2, '0')}-${number.toString(16).padStart(12, '0')}`,
              };
        return eventLine(number % 1_000_000, { ...id, metadata: { tenant: `t${number % 50}`, text: 'x'.repeat(100) } });
      });
      writeSync(file, `${some.join('\n')}\n`);
    }
    closeSync(file);
  }

  it('takes each line once when it is killed in the middle, in memory that does not grow with the file', async () => {
    writeLines('large.ndjson', LINES);
    const killed = start('large.ndjson');
    await waitFor(async () => (await countRows()) > 0, { timeoutMs: 60_000 + LINES / 5, what: 'a first chunk' });
    assert.equal(await killed.end('SIGKILL'), 'SIGKILL');
    const before = await countRows();
    assert.ok(before < LINES, 'it was killed in time');

    const again = start('large.ndjson');
    let peakKb = 0;
    const watch = setInterval(() => {
      peakKb = Math.max(peakKb, peakOf(again.pid));
    }, 50);
    assert.equal(await again.exited, 0, again.output());
    clearInterval(watch);
    assert.match(again.output(), /^large\.ndjson: [\d,]+ events imported/m);
    assert.equal(await countRows(), LINES);
    await assertProved(LINES);
    assert.ok(peakKb > 0 && peakKb / 1024 < MAX_RSS_MB, `${Math.round(peakKb / 1024)} MB`);
    const archived = await fingerprint();
    assert.match(
      (await run('large.ndjson')).output,
      /^large\.ndjson: 0 events imported; the first \d[\d,]* bytes were imported before\n$/,
    );
    assert.deepEqual(await fingerprint(), archived, 'a second import changes nothing');
    await assertProved(LINES);
  });

  it('shows on a terminal how far it is, and leaves what it did', async function () {
    writeLines('large.ndjson', 30_000);
    const shown = startOnTerminal(this, ['import', 'large.ndjson'], { DATABASE_URL: test.url }, { cwd: folder });
    assert.equal(await shown.exited, 0, shown.output());
    const text = stripVTControlCharacters(shown.output());
    assert.match(text, /large\.ndjson: checking {2}[\d,]+ lines {2}[^%]*\d+ %/);
    assert.match(text, /large\.ndjson: importing {2}[\d,]+ events {2}[^%]*\d+ %/);
    assert.match(text, /large\.ndjson: 30,000 events imported\s*$/);
  });

  /** Every row as it is, and all that rollups and ledger say. */
  async function fingerprint(): Promise<unknown> {
    const hashOf = (table: string) => `(select sum(hashtextextended(each::text, 0))::text from keepwatch.${table} as each)`;
    const tables = [
      'observability_metrics',
      'ledger',
      'series_ledger',
      'rollup_deltas',
      'rollup_minutes',
      'rollup_hours',
      'imports',
    ];
    return test.database.one(`select ${tables.map((table) => `${hashOf(table)} as ${table}`).join(', ')}`);
  }

  function peakOf(pid: number): number {
    try {
      return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
    } catch {
      return 0; // it has ended
    }
  }

  it('stops at Ctrl-C between two chunks, and goes on when it is run again', async () => {
    writeLines('large.ndjson', 60_000);
    const stopped = start('large.ndjson');
    await waitFor(async () => (await countRows()) > 0, { timeoutMs: 60_000 + LINES / 5, what: 'a first chunk' });
    assert.equal(await stopped.end('SIGINT'), 130, stopped.output());
    assert.match(stopped.output(), /large\.ndjson: stopped after [\d,]+ of 60,000 events; import it again to go on/);
    const { code, output } = await run('large.ndjson', '--json');
    assert.equal(code, 0, output);
    const [result] = JSON.parse(output) as [{ imported: number; outcome: string }];
    assert.ok(result.outcome === 'imported' && result.imported > 0 && result.imported < 60_000);
    await assertProved(60_000);
  });

  it('reads files and stdin, plain and gzip, and says what it did with each', async () => {
    const content = (...numbers: number[]) => numbers.map((number) => `${eventLine(number)}\n`).join('');
    writeFileSync(join(folder, 'a.jsonl'), content(1, 2));
    writeFileSync(join(folder, 'b.jsonl.gz'), gzipSync(content(3)));
    writeFileSync(join(folder, 'empty.jsonl'), '');
    const { code, output } = await run('a.jsonl', 'b.jsonl.gz', 'empty.jsonl');
    assert.equal(code, 0, output);
    assert.equal(output, 'a.jsonl: 2 events imported\nb.jsonl.gz: 1 event imported\nempty.jsonl: 0 events imported\n');
    const cwd = new URL('../../', import.meta.url).pathname;
    const command = `printf '%s\\n' '${eventLine(4)}' | ${KEEPWATCH_IN_SHELL} import - --service builds`;
    const piped = startProcess('bash', ['-c', command], { cwd, env: { DATABASE_URL: test.url } });
    assert.equal(await piped.exited, 0, piped.output());
    assert.equal(piped.output(), '<stdin>: 1 event imported\n');
    assert.equal((await test.database.any(`select from keepwatch.observability_metrics where service = 'builds'`)).length, 1);
    await assertProved(4);
  });

  it('names file and line of what is wrong, imports the other files, and exits with 1', async () => {
    writeFileSync(join(folder, 'bad.jsonl'), `${eventLine(1)}\n{"name":"x"}\n`);
    writeFileSync(join(folder, 'good.jsonl'), `${eventLine(2)}\n`);
    const { code, output } = await run('bad.jsonl', 'good.jsonl');
    assert.equal(code, 1, output);
    assert.match(
      output,
      /^keepwatch: bad\.jsonl:2: end_time: missing; allowed: a time; without it, start_time and duration_ms$/m,
    );
    assert.match(output, /^keepwatch: bad\.jsonl: 1 line is broken: --skip-broken imports the others$/m);
    assert.match(output, /^bad\.jsonl: nothing is imported$/m);
    assert.match(output, /^good\.jsonl: 1 event imported$/m);
    const rest = await run('bad.jsonl', '--skip-broken');
    assert.deepEqual([rest.code, await countRows()], [1, 2]);
    assert.match(rest.output, /^bad\.jsonl: 1 event imported \(1 broken line left out\)$/m);
  });

  it('refuses what cannot be, with exit code 2', async () => {
    writeFileSync(join(folder, 'cut.gz'), gzipSync(`${eventLine(1)}\n`.repeat(1000)).subarray(0, 300));
    await assertRefused(run, [
      [['no-such.jsonl'], /keepwatch: no-such\.jsonl: cannot be read: .*ENOENT/],
      [['.'], /keepwatch: \.: is a folder; allowed: files, for example \*\.jsonl/],
      [['cut.gz'], /keepwatch: cut\.gz: cannot be read: unexpected end of file/],
      [[], /missing required argument 'files'/],
      [['x', '--expired', 'maybe'], /Allowed choices are refuse, skip, import/],
      [['x', '--type', 'agnt'], /Allowed choices are api, agent/],
    ]);
    assert.equal(await countRows(), 0);
  });
});
