// The archive's server goes away under load, for 15 s and again: the app does not notice, and everything is archived afterwards.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '../../bench/statistics.ts';
import { startTraffic } from '../../demo/traffic.ts';
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { createPostgresServer, type PostgresServer } from '../support/postgres-server.ts';
import { type RunningProcess, startKeepwatch, startProgram } from '../support/process.ts';
import { needTool } from '../support/tools.ts';
import { waitFor } from '../support/wait-for.ts';

const OUTAGE_MS = 15_000;
const WINDOW_MS = 1000;
const RATE = 100;

describe('an outage of the archive under load', () => {
  let archive: PostgresServer;
  let database: Database;
  let own: TestDatabase;
  let app: RunningProcess;
  let port: number;
  let folder: string;
  let env: NodeJS.ProcessEnv;

  before(async function () {
    this.timeout(90_000);
    const binary = needTool(this, 'postgres');
    own = await createTestDatabase();
    archive = await createPostgresServer(binary);
    database = createDatabase({ url: archive.url, max: 1 });
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-outage-'));
    env = { DATABASE_URL: archive.url, KEEPWATCH_SPOOL_DIR: join(folder, 'spool'), KEEPWATCH_LOG_LEVEL: 'info' };
    app = startProgram('test/e2e/programs/chat.ts', [own.url], { env });
    port = Number((await app.printed(/listening on (\d+)/))[1]);
  });
  after(async function () {
    this.timeout(60_000);
    await app?.end();
    if (database !== undefined) await closeDatabase(database);
    await archive?.remove();
    await own?.drop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  const readiness = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`);
    return { code: response.status, ...((await response.json()) as { status: string; reasons?: string[] }) };
  };
  const degraded = (answer: Awaited<ReturnType<typeof readiness>>) => (answer.status === 'degraded' ? answer : undefined);
  const countRows = async () =>
    Number(
      (await database.one<{ rows: string }>("select count(*) as rows from keepwatch.observability_metrics where type = 'api'"))
        .rows,
    );

  it('fails no request, slows none, loses and doubles nothing', async function () {
    this.timeout(240_000);
    const windows = { up: [] as number[], down: [] as number[] };
    let durations: number[] = [];
    const traffic = startTraffic({
      url: `http://127.0.0.1:${port}`,
      rate: RATE,
      mix: 'clean',
      onAnswer: (answer) => durations.push(answer.durationMs),
    });
    /** Measures p99 in windows while the server is up or down. */
    const observe = async (phase: 'up' | 'down') => {
      for (let passed = 0; passed < OUTAGE_MS; passed += WINDOW_MS) {
        durations = [];
        await new Promise((done) => setTimeout(done, WINDOW_MS));
        const sorted = durations.toSorted((a, b) => a - b);
        windows[phase].push(sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN);
      }
    };
    await waitFor(() => traffic.totals().status2xx > 200, { timeoutMs: 20_000, what: 'the app to be warm' });
    for (let round = 0; round < 2; round++) {
      await observe('up');
      assert.deepEqual(await readiness(), { code: 200, status: 'ok' });
      await archive.stop('immediate');
      const [answer] = await Promise.all([
        waitFor(async () => degraded(await readiness()), {
          timeoutMs: OUTAGE_MS,
          what: '/readyz to say degraded',
        }),
        observe('down'),
      ]);
      assert.equal(answer.code, 200, 'an outage of the archive does not take the app out of service');
      assert.ok((answer.reasons?.length ?? 0) > 0);
      await archive.start();
    }
    await observe('up');
    const totals = await traffic.stop();
    assert.equal(totals.status2xx, totals.sent, 'every answer is 2xx');

    const ratio = median(windows.down) / median(windows.up);
    process.stdout.write(
      `      p99 down/up: ${median(windows.down).toFixed(1)} / ${median(windows.up).toFixed(1)} ms = ${ratio.toFixed(2)}\n`,
    );
    assert.ok(ratio <= 1.2, `ratio of median p99: ${ratio.toFixed(2)}; windows ${JSON.stringify(windows)}`);

    await waitFor(async () => (await countRows()) >= totals.sent, { timeoutMs: 60_000, what: 'the archive to catch up' });
    assert.equal(await countRows(), totals.sent, 'every request is a row, once');
    await waitFor(async () => (await readiness()).status === 'ok', { timeoutMs: 20_000, what: '/readyz to say ok' });
    const verify = startKeepwatch(['verify', '--json'], { env });
    assert.equal(await verify.exited, 0, verify.output());
  });
});
