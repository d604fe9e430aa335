// Without a database, as a person uses it: an Express app that writes JSON lines, the commands that read them, and what README.md says.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { EventRow, SummaryRow } from '../../src/event-row.ts';
import { readFolder } from '../support/jsonl-folder.ts';
import { type RunningProcess, startKeepwatch, startProcess, startProgram } from '../support/process.ts';
import { waitFor } from '../support/wait-for.ts';

const ROOT = new URL('../../', import.meta.url).pathname;

describe('keepwatch without a database', function () {
  this.timeout(60_000);
  let folder: string;
  let jsonlDir: string;
  const running: RunningProcess[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-jsonl-'));
    jsonlDir = join(folder, '.metrics');
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((process) => process.end('SIGKILL')));
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a command to its end, in the folder. */
  async function keepwatch(...args: string[]): Promise<{ code: number | string; output: string }> {
    const started = startKeepwatch(args, { cwd: folder, env: { KEEPWATCH_JSONL_DIR: '.metrics' } });
    running.push(started);
    return { code: await started.exited, output: started.output() };
  }

  it('archives each request of an Express app, and shows it in summary, recent and prune', async () => {
    const app = startProgram('test/e2e/programs/app.ts', [], { cwd: folder, env: { KEEPWATCH_JSONL_DIR: '.metrics' } });
    running.push(app);
    const [, port] = await app.printed(/listening on (\d+)/);
    const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
    for (let id = 0; id < 20; id++) await get(`/work/${id}${id % 5 === 0 ? '?fail' : ''}`);
    assert.deepEqual(await (await get('/readyz')).json(), { status: 'ok' });
    assert.match(await (await get('/metrics')).text(), /^keepwatch_events_recorded_total 60$/m);
    const api = await get('/api/v1/summary');
    assert.equal(api.status, 503);
    assert.match(await api.text(), /KEEPWATCH_JSONL_DIR, which `keepwatch summary` .*; allowed: DATABASE_URL of a Postgres/);
    assert.equal(await app.end('SIGTERM'), 0, app.output());

    const { events, broken } = readFolder(jsonlDir);
    assert.deepEqual([events.length, broken.length], [60, 0]);
    const spans = new Map(events.map((event) => [event.span_id, event]));
    for (const tool of events.filter(({ type }) => type === 'tool')) {
      const agent = spans.get(tool.parent_span_id);
      assert.deepEqual([agent?.type, spans.get(agent?.parent_span_id ?? '')?.type], ['agent', 'api']);
    }

    const summary = await keepwatch('summary', '--days', '1');
    assert.equal(summary.code, 0, summary.output);
    assert.match(summary.output, /TYPE +NAME +COUNT +FAILURES +ABORTED +SUCCESS +AVG +P50 +P95 +P99 +MAX\n/);
    assert.match(summary.output, /^api +GET \/work\/:id +20 +4 +0 +80\.00 %/m);
    const { rows } = JSON.parse((await keepwatch('summary', '--json', '--type', 'tool')).output) as { rows: SummaryRow[] };
    assert.deepEqual(
      rows.map(({ name, count }) => [name, count]),
      [['look_up', 20]],
    );

    const recent = await keepwatch('recent', '--limit', '3', '--name', 'look_up');
    assert.match(recent.output, /^END +TYPE +NAME[^\n]*\n(\d{4}-\S+Z +tool +look_up [^\n]*\n){3}$/);
    const failed = JSON.parse((await keepwatch('recent', '--status', 'failure', '--json')).output) as EventRow[];
    assert.deepEqual([failed.length, failed[0]?.type], [4, 'api']);

    writeFileSync(join(jsonlDir, '2020-01-01.jsonl'), '{}\n');
    const pruned = await keepwatch('prune', '--keep', '30d');
    assert.equal(pruned.code, 0, pruned.output);
    assert.match(pruned.output, /2020-01-01 +1 .*\nremoved 1 day, 1 event/);
    assert.equal(existsSync(join(jsonlDir, '2020-01-01.jsonl')), false);
    assert.equal(readFolder(jsonlDir).events.length, 60);
  });

  it('erases a person from the files, also when it is killed amid it, and starts no server for it', async () => {
    mkdirSync(jsonlDir);
    const path = join(jsonlDir, '2026-11-20.jsonl');
    const lines = Array.from({ length: 40_000 }, (_, index) => {
      const ids = { trace_id: null, span_id: null, parent_span_id: null, source_id: '1' };
      const times = { start_time: '2026-11-20T12:00:00.000000Z', end_time: '2026-11-20T12:00:00.001000Z', duration_ms: 1 };
      const metadata = { user_id: index % 2, note: `of somebody-${index % 2}` };
      const event = { id: `event ${index}`, name: 'a', type: 'tool', status: 'failure', ...times, service: 's', ...ids };
      return `${JSON.stringify({ ...event, error: `no rights for somebody-${index % 2}`, metadata, weight: 1 })}\n`;
    });
    writeFileSync(path, lines.join(''));
    const args = ['erase', '--where', 'user_id=1'];
    const dry = await keepwatch(...args, '--dry-run');
    assert.equal(dry.code, 0, dry.output);
    assert.match(
      dry.output,
      /^KEEPWATCH_JSONL_DIR \(1 file\) +20000\nwould erase 20,000 events; nothing is changed: --dry-run$/m,
    );
    assert.equal(readFileSync(path, 'utf8'), lines.join(''));

    const killed = startKeepwatch(args, { cwd: folder, env: { KEEPWATCH_JSONL_DIR: '.metrics' } });
    running.push(killed);
    await waitFor(() => readFileSync(path).includes('keepwatch.erased'), { timeoutMs: 20_000 });
    assert.equal(await killed.end('SIGKILL'), 'SIGKILL');
    const done = await keepwatch(...args, '--json');
    assert.equal(done.code, 0, done.output);
    const { jsonlEvents, jsonlFiles, left } = JSON.parse(done.output) as Record<string, unknown>;
    assert.ok(Number(jsonlEvents) < 20_000, 'it was killed in time');
    assert.deepEqual([jsonlFiles, left], [1, []]);
    const { events, broken } = readFolder(jsonlDir);
    assert.deepEqual([events.length, broken], [40_000, []]);
    assert.deepEqual(readdirSync(jsonlDir), ['2026-11-20.jsonl']);
    const text = readFileSync(path, 'utf8');
    assert.deepEqual(
      [text.length, text.includes('somebody-1'), text.split('somebody-0').length - 1],
      [lines.join('').length, false, 40_000],
    );
    assert.equal((await keepwatch(...args)).output, 'no event matches\n');
    assert.equal(existsSync(join(folder, '.keepwatch')), false, 'no server was started');
  });

  it('writes what waits at a plain end, flushed or not', async () => {
    const program = startProgram('test/e2e/programs/ends-by-itself.ts', [], {
      cwd: folder,
      env: { KEEPWATCH_JSONL_DIR: '.metrics' },
    });
    running.push(program);
    assert.equal(await program.exited, 0, program.output());
    assert.match(program.output(), /flushed 3/);
    assert.equal(readFolder(jsonlDir).events.length, 4);
  });

  it('tells on stderr of lines that are no events', async () => {
    const program = startProgram('test/e2e/programs/ends-by-itself.ts', [], {
      cwd: folder,
      env: { KEEPWATCH_JSONL_DIR: '.metrics' },
    });
    await program.exited;
    writeFileSync(join(jsonlDir, '2026-01-01.jsonl'), 'torn{"id":1}\n');
    const { code, output } = await keepwatch('recent', '--limit', '100');
    assert.equal(code, 0);
    assert.match(output, /^keepwatch: 1 line passed over, as no event: the first is 2026-01-01\.jsonl:1$/m);
  });

  it('says which commands need Postgres, with exit code 2, and starts none', async () => {
    for (const command of ['logs', 'verify', 'export']) {
      const { code, output } = await keepwatch(command);
      assert.equal(code, 2, output);
      assert.match(
        output,
        new RegExp(`^keepwatch: ${command}: .*allowed: DATABASE_URL, or for files: summary, recent, prune, erase$`, 'm'),
      );
    }
    assert.equal(existsSync(join(folder, '.keepwatch')), false);
  });

  it('says so, with exit code 2, when there is no such folder', async () => {
    const { code, output } = await keepwatch('summary');
    assert.equal(code, 2);
    assert.match(output, /^keepwatch: KEEPWATCH_JSONL_DIR: there is no folder "\.metrics"/m);
  });

  it('does what README.md says', async () => {
    const section = /\n## Without a database\n([\s\S]*?)\n## /.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'))?.[1] ?? '';
    const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(section) ?? [];
    const [, commands = ''] = /```sh\n([\s\S]*?)```/.exec(section) ?? [];
    const file = join(folder, 'build.mts');
    writeFileSync(file, code.replace("'keepwatch'", JSON.stringify(pathToFileURL(join(ROOT, 'src/index.ts')).href)));
    const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
    const program = startProcess(process.execPath, ['--import', tsx, file], { cwd: folder });
    running.push(program);
    assert.equal(await program.exited, 0, program.output());
    assert.match(program.output(), /tests: 1 runs, 100 % ok/);
    assert.equal(readFolder(jsonlDir).events.length, 2);
    let ran = 0;
    for (const [, args = ''] of commands.matchAll(/npx keepwatch ([^#\n]*?) *(?:#.*)?$/gm)) {
      const { code: exitCode, output } = await keepwatch(...args.split(/ +/));
      assert.equal(exitCode, 0, `${args}\n${output}`);
      ran++;
    }
    assert.equal(ran, 3);
  });
});
