// The command as a person uses it: demo on an embedded Postgres, other commands beside it and after it, and every refusal.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/postgres.ts';
import { KEEPWATCH_IN_SHELL, type RunningProcess, startKeepwatch, startProcess } from '../support/process.ts';
import { waitFor } from '../support/wait-for.ts';

describe('keepwatch on the command line', () => {
  let folder: string;
  let port: number;
  const running: RunningProcess[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-cli-'));
    chmodSync(folder, 0o755);
    port = await freePort();
  });
  afterEach(async function () {
    this.timeout(60_000);
    await Promise.all(running.splice(0).map((process) => process.end('SIGKILL')));
    rmSync(folder, { recursive: true, force: true });
  });

  function keepwatch(args: readonly string[], env: NodeJS.ProcessEnv = {}): RunningProcess {
    const started = startKeepwatch(args, { cwd: folder, env: { KEEPWATCH_PORT: String(port), ...env } });
    running.push(started);
    return started;
  }

  /** Runs to its end. @returns exit code and what it printed */
  async function run(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<{ code: number | string; output: string }> {
    const started = keepwatch(args, env);
    return { code: await started.exited, output: started.output() };
  }

  /** The first events are archived some time after the demo is ready. */
  async function summaryWith(expected: RegExp): Promise<string> {
    let last = '';
    await waitFor(
      async () => {
        const { code, output } = await run(['summary', '--days', '1']);
        assert.equal(code, 0, output);
        last = output;
        return expected.test(output);
      },
      { timeoutMs: 30_000, what: `a summary with ${expected}` },
    );
    return last;
  }

  interface Totals {
    readonly ok: boolean;
    readonly totals: { readonly recorded: number; readonly archived: number };
  }

  it('runs the demo, stops in order, and goes on with the same data', async function () {
    this.timeout(180_000);
    const demo = keepwatch(['demo', '--rate', '40']);
    await demo.printed(/Chat API +http:\/\/127\.0\.0\.1:\d+/, 20_000);
    await demo.printed(/requests.*archived.*lag/i, 20_000);

    const beside = await summaryWith(/agent +support_agent +\d+/);
    assert.match(beside, /TYPE +NAME +COUNT/);
    assert.equal((await run(['verify'])).code, 0);

    process.kill(demo.pid, 'SIGINT'); // npm passes on what the terminal has sent already
    assert.equal(await demo.end('SIGINT'), 0, demo.output());
    const [, sent, recorded, archived] = (
      /Stopped\. (\d+) requests sent(?:, \d+ without an answer)?; (\d+) events recorded, (\d+) archived\./.exec(demo.output()) ??
      []
    ).map(Number);
    assert.ok((sent ?? 0) > 0, demo.output());
    assert.equal(archived, recorded, 'nothing is lost');

    const first = JSON.parse((await run(['verify', '--json'])).output) as Totals;
    assert.equal(first.ok, true);
    assert.equal(first.totals.archived, archived);

    const again = keepwatch(['demo', '--rate', '40']);
    await again.printed(/requests.*archived.*lag/i, 30_000);
    assert.equal(await again.end('SIGTERM'), 0, again.output());
    const second = JSON.parse((await run(['verify', '--json'])).output) as Totals;
    assert.ok(second.ok && second.totals.archived > first.totals.archived, 'the second start goes on with the same data');
    const recent = await run(['recent', '--limit', '3', '--json']);
    assert.equal((JSON.parse(recent.output) as unknown[]).length, 3);
  });

  it('leaves no server behind when it is killed', async function () {
    this.timeout(90_000);
    const demo = keepwatch(['demo', '--rate', '5']);
    const [, pgPort] = await demo.printed(/psql -h 127\.0\.0\.1 -p (\d+)/);
    await demo.printed(/Chat API/);
    await demo.end('SIGKILL');
    await waitFor(async () => !(await isListening(Number(pgPort))), { timeoutMs: 20_000, what: 'Postgres to be gone' });
  });

  describe('refuses, in one clear line', () => {
    let blocker: Server | undefined;
    afterEach(async () => {
      await new Promise((done) => (blocker === undefined ? done(undefined) : blocker.close(done)));
      blocker = undefined;
    });

    it('a port in use, with exit code 2', async function () {
      this.timeout(60_000);
      blocker = createServer().listen(port, '127.0.0.1');
      const { code, output } = await run(['demo']);
      assert.equal(code, 2, output);
      assert.match(output, new RegExp(`keepwatch: .*127\\.0\\.0\\.1:${port}.*in use`));
    });

    it('a database that does not answer, with exit code 3 and without its password', async function () {
      this.timeout(60_000);
      const { code, output } = await run(['summary'], {
        DATABASE_URL: `postgres://me:hunter2@127.0.0.1:${await freePort()}/app`,
      });
      assert.equal(code, 3, output);
      assert.match(output, /^keepwatch: Postgres at 127\.0\.0\.1:\d+\/app does not answer: .*ECONNREFUSED/m);
      assert.doesNotMatch(output, /hunter2/);
    });

    for (const [title, args, env, pattern] of [
      [
        'a bad setting',
        ['serve'],
        { KEEPWATCH_SPOOL_MAX: 'lots' },
        /^keepwatch: KEEPWATCH_SPOOL_MAX: got "lots"; allowed: a number and a unit/m,
      ],
      [
        'an unknown setting',
        ['serve'],
        { KEEPWATCH_PROT: '1' },
        /^keepwatch: KEEPWATCH_PROT: unknown setting; did you mean KEEPWATCH_PORT\?/m,
      ],
      [
        'an open address without a token',
        ['serve'],
        { KEEPWATCH_HOST: '0.0.0.0' },
        /^keepwatch: KEEPWATCH_HOST: got "0\.0\.0\.0"; .* needs KEEPWATCH_AUTH_TOKEN/m,
      ],
      ['an unknown command', ['sumary'], {}, /unknown command 'sumary'/],
      ['an unknown option', ['summary', '--dayz', '3'], {}, /unknown option '--dayz'/],
      ['a bad value', ['summary', '--days', '0'], {}, /allowed: a whole number from 1 to 3650/],
      [
        'a type that is none',
        ['summary', '--type', 'agnt'],
        {},
        /argument 'agnt' is invalid\. Allowed choices are api, agent, tool/,
      ],
      ['migrate without a database', ['migrate'], {}, /^keepwatch: migrate: set DATABASE_URL/m],
    ] as const) {
      it(`${title}, with exit code 2`, async function () {
        this.timeout(30_000);
        const { code, output } = await run(args, env);
        assert.equal(code, 2, output);
        assert.match(output, pattern);
        assert.doesNotMatch(output, /\n +at /, 'no stack');
      });
    }

    it('a file with a mistake, naming its line', async function () {
      this.timeout(30_000);
      writeFileSync(join(folder, 'keepwatch.yaml'), 'service: x\nreadines: strict\n');
      const { code, output } = await run(['serve']);
      assert.equal(code, 2);
      assert.match(output, /^keepwatch: keepwatch\.yaml:2 readines: unknown setting; did you mean readiness\?/m);
    });
  });

  it('ends well when its reader has seen enough', async function () {
    this.timeout(30_000);
    const cwd = new URL('../../', import.meta.url).pathname;
    const command = `set -o pipefail; ${KEEPWATCH_IN_SHELL} serve --help | true`;
    const piped = startProcess('bash', ['-c', command], { cwd });
    assert.equal(await piped.exited, 0, piped.output());
    assert.equal(piped.output(), '');
  });

  it('has help with examples for every command', async function () {
    this.timeout(60_000);
    for (const command of [
      'demo',
      'serve',
      'migrate',
      'verify',
      'summary',
      'recent',
      'logs',
      'prune',
      'export',
      'import',
      'spool ls',
      'spool drain',
    ]) {
      const { code, output } = await run([...command.split(' '), '--help']);
      assert.equal(code, 0);
      assert.match(output, /Examples?:\n +.*keepwatch/, command);
    }
  });
});

async function isListening(port: number): Promise<boolean> {
  const { connect } = await import('node:net');
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}
