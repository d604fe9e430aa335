// The execution log of a real process: its lines against the events that it recorded, on pipes, sockets and in files, with readers and without.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readFolder } from '../support/jsonl-folder.ts';
import { waitFor } from '../support/wait-for.ts';

const PROGRAM = new URL('programs/execution-logger.ts', import.meta.url).pathname;
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

type Line = Record<string, unknown> & { readonly operation: string };

describe('The execution log', function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-log-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** @param shell what the program's standard output goes to; default: a socket, as children of Node have it */
  function start(args: readonly string[], env: NodeJS.ProcessEnv, shell?: string) {
    const node = [process.execPath, '--import', TSX, PROGRAM, ...args];
    const [command = '', ...rest] = shell === undefined ? node : ['sh', '-c', `'${node.join("' '")}' ${shell}`];
    const child = spawn(command, rest, {
      cwd: folder,
      env: { PATH: process.env['PATH'], KEEPWATCH_SERVICE: 'chat-api', KEEPWATCH_EXECUTION_LOG: 'all', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const exited = new Promise<unknown>((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
    return { child, exited, said: () => said };
  }

  async function run(args: readonly string[], env: NodeJS.ProcessEnv, shell?: string) {
    const { child, exited, said } = start(args, env, shell);
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    const closed = new Promise((resolve) => child.stdout.once('close', resolve));
    assert.equal(await exited, 0, said());
    await closed;
    return { text, said: said() };
  }

  const parse = (text: string): Line[] =>
    text
      .trimEnd()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line);
  const idOf = (line: Line) => String(line['span_id']);

  it('has one line for each event, which says what the event says', async () => {
    const { text } = await run(['stop', '1500'], { KEEPWATCH_JSONL_DIR: 'events' });

    const lines = parse(text);
    const events = new Map(readFolder(join(folder, 'events')).events.map((event) => [event.span_id, event]));
    assert.equal(lines.length, 3000);
    assert.equal(events.size, 3000);
    assert.equal(new Set(lines.map(idOf)).size, 3000);
    for (const line of lines) {
      const event = events.get(idOf(line));
      assert.ok(event !== undefined);
      const { user_id: userId, ...metadata } = event.metadata as Record<string, unknown>;
      assert.deepEqual(line, {
        level: event.status === 'success' ? 'INFO' : 'ERROR',
        timestamp: new Date(event.end_time).toISOString(),
        logger: `chat-api.${event.type}`,
        operation: event.name,
        duration_ms: Math.round(event.duration_ms * 1000) / 1000,
        status: event.status,
        ...(userId === undefined ? {} : { user_id: userId }),
        ...(event.error === null ? {} : { error: event.error }),
        trace_id: event.trace_id,
        span_id: event.span_id,
        ...(event.parent_span_id === null ? {} : { parent_span_id: event.parent_span_id }),
        service: 'chat-api',
        type: event.type,
        ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
        message: 'Performance metric',
      });
    }
    const failures = lines.filter(({ level }) => level === 'ERROR');
    assert.equal(failures.length, 300);
    const times = failures.map(({ timestamp }) => String(timestamp));
    assert.deepEqual(times, [...times].sort());
  });

  it('is whole on a pipe, in a file, and when the process exits by itself', async () => {
    const [piped, exited, , toFile] = await Promise.all([
      run(['stop', '1500'], {}, '| cat'),
      run(['exit', '1500'], {}, '| cat'),
      run(['stop', '1500'], {}, '> stdout.log'),
      run(['stop', '1500'], { KEEPWATCH_EXECUTION_LOG_TO: 'executions.log' }),
    ]);
    assert.equal(parse(piped.text).length, 3000);
    assert.equal(parse(exited.text).length, 3000, exited.said);
    assert.equal(toFile.text, '');
    for (const file of ['stdout.log', 'executions.log']) {
      assert.equal(parse(readFileSync(join(folder, file), 'utf8')).length, 3000);
    }
    assert.deepEqual(readdirSync(folder).sort(), ['executions.log', 'stdout.log'], 'no spool without a database');
  });

  it('has the types that it is told, a share of what succeeds with whole traces, and all failures', async () => {
    const tools = await run(['stop', '1000'], { KEEPWATCH_EXECUTION_LOG: 'tool', KEEPWATCH_EXECUTION_LOG_SAMPLE: '0' });
    const failures = parse(tools.text);
    assert.equal(failures.length, 100);
    for (const { type, level, error } of failures) {
      assert.deepEqual([type, level, error], ['tool', 'ERROR', 'Error: OpenAI API timeout']);
    }
    assert.match(tools.said, /keepwatch_execution_log_lines_total 100 keepwatch_execution_log_sampled_out_total 900 /);

    const { text } = await run(['stop', '1000'], { KEEPWATCH_EXECUTION_LOG_SAMPLE: '0.3' });
    const sampled = parse(text).filter(({ level }) => level === 'INFO');
    assert.ok(sampled.length > 400 && sampled.length < 680, String(sampled.length));
    const traces = new Map<string, number>();
    for (const line of sampled) {
      assert.equal(line['sample_rate'], 0.3);
      traces.set(String(line['trace_id']), (traces.get(String(line['trace_id'])) ?? 0) + 1);
    }
    assert.deepEqual([...new Set(traces.values())], [2]);
  });

  for (const [what, shell] of [
    ['a socket', undefined],
    ['a pipe', '| sleep 60'],
  ] as const) {
    it(`neither holds up the app nor its end when nobody reads ${what}: what does not fit is counted`, async () => {
      const { child, said } = start(['run', '20000'], {}, shell);
      await waitFor(() => /recorded 40000 by \d+\n(.*\n)*alive\nalive\n/.test(said()), { timeoutMs: 30_000 });
      await waitFor(() => said().includes('lines of the execution log are lost'));
      assert.equal((said().match(/lines of the execution log are lost/g) ?? []).length, 1);
      // The program itself: `sh` waits for what reads from it.
      const pid = Number(/recorded 40000 by (\d+)/.exec(said())?.[1]);
      assert.ok(pid);
      process.kill(pid, 'SIGTERM');
      await waitFor(() => said().includes('done '), { timeoutMs: 10_000 });
      const number = (name: string) => Number(new RegExp(`keepwatch_${name} (\\d+)`).exec(said())?.[1]);
      const lines = number('execution_log_lines_total');
      const dropped = number('execution_log_dropped_total\\{reason="queue_full"\\}');
      const lost = number('events_dropped_total\\{reason="ring_full"\\}');
      assert.equal(lines + dropped + lost, 40_000, said());
      assert.ok(lines > 0 && dropped > 1000);
      await waitFor(() => !isAlive(pid));
      child.kill('SIGKILL');
      child.stdout.destroy();
    });
  }
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
