// kill -9 under load, again and again: what was sealed is archived, nothing twice, and the law holds.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '../../demo/random.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { type RunningProcess, startKeepwatch, startProgram } from '../support/process.ts';
import { readSpooledIds } from '../support/spooled-ids.ts';
import { waitFor } from '../support/wait-for.ts';

const ROUNDS = 5;
const SEED = Number(process.env['KILL_SEED'] ?? Date.now() % 1e6);

describe('an app killed with -9 under load', () => {
  let test: TestDatabase;
  let folder: string;
  let env: NodeJS.ProcessEnv;
  before(async function () {
    this.timeout(60_000);
    test = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-kill-'));
    env = { DATABASE_URL: test.url, KEEPWATCH_SPOOL_DIR: join(folder, 'spool'), KEEPWATCH_LOG_LEVEL: 'warn' };
  });
  after(async () => {
    await test.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  it(`loses no sealed event and doubles none in ${ROUNDS} rounds (KILL_SEED=${SEED})`, async function () {
    this.timeout(180_000);
    const random = createRandom(SEED);
    const spooled = new Set<string>();
    let answered = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const app = startProgram('test/e2e/programs/app.ts', [], { env });
      const port = Number((await app.printed(/listening on (\d+)/))[1]);
      const load = startLoad(port);
      await waitFor(() => load.answered() > 200, { timeoutMs: 30_000 });
      await new Promise((done) => setTimeout(done, random.next() * 3000));
      await app.end('SIGKILL');
      answered += await load.stop();
      for (const id of readSpooledIds(join(folder, 'spool'))) spooled.add(id);
    }
    const last: RunningProcess = startProgram('test/e2e/programs/app.ts', [], { env });
    await last.printed(/listening on/);
    await waitFor(() => readSpooledIds(join(folder, 'spool')).length === 0, {
      timeoutMs: 60_000,
      what: 'leftovers to be drained',
    });
    assert.equal(await last.end('SIGTERM'), 0, last.output());

    const rows = await test.database.any<{ id: string; type: string }>('select id, type from keepwatch.observability_metrics');
    const ids = new Set(rows.map((row) => row.id));
    const lost = [...spooled].filter((id) => !ids.has(id));
    assert.ok(spooled.size > 0, 'at least one round left something in the spool');
    assert.equal(rows.length, ids.size, 'no row twice');
    assert.deepEqual(lost, [], 'every readable event of the spool is archived');
    const api = rows.filter((row) => row.type === 'api').length;
    assert.ok(api > 0 && api <= answered + ROUNDS * 20, `${api} rows for ${answered} answers`);

    const verify = startKeepwatch(['verify', '--json'], { env });
    assert.equal(await verify.exited, 0, verify.output());
  });
});

/** Sends requests on ten connections until stopped. */
function startLoad(port: number): { answered(): number; stop(): Promise<number> } {
  let isStopped = false;
  let answered = 0;
  const worker = async () => {
    while (!isStopped) {
      try {
        const response = await fetch(`http://127.0.0.1:${port}/work/${answered}`);
        await response.arrayBuffer();
        answered++;
      } catch {
        if (!isStopped) await new Promise((done) => setTimeout(done, 5));
      }
    }
  };
  const workers = Array.from({ length: 10 }, worker);
  return {
    answered: () => answered,
    async stop() {
      isStopped = true;
      await Promise.all(workers);
      return answered;
    },
  };
}
