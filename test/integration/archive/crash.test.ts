import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir, createTestArchive, listWaiting } from '../../support/test-archive.ts';
import { waitFor } from '../../support/wait-for.ts';

const CHILD = fileURLToPath(new URL('../../support/recording-child.ts', import.meta.url));

interface Said {
  readonly recorded: number;
  readonly flushed: number;
  readonly sourceId: string;
}

describe('Archive, after its process died', () => {
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  let children: ChildProcess[] = [];
  before(async function () {
    this.timeout(30_000);
    test = await createTestDatabase();
  });
  beforeEach(() => {
    spool = createSpoolDir();
    children = [];
  });
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    spool.remove();
  });
  after(() => test.drop());

  function startChild(url: string, mode: 'endless' | 'exit'): { child: ChildProcess; said: Said[] } {
    const child = spawn(process.execPath, ['--import', 'tsx', CHILD, url, spool.path, mode], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const said: Said[] = [];
    assert.ok(child.stdout);
    createInterface(child.stdout).on('line', (line) => said.push(JSON.parse(line) as Said));
    return { child, said };
  }

  /** Starts an archive beside what is left, until it is drained. */
  async function drainLeftovers(): Promise<void> {
    const { archive } = createTestArchive(test.database, spool.path);
    archive.start();
    await waitFor(() => listWaiting(spool.path).length === 0, { timeoutMs: 8000 });
    await archive.stop({ timeoutMs: 5000 });
  }

  async function verified(sourceId: string) {
    const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.deepEqual(
      report.sources.flatMap((source) => source.problems),
      [],
    );
    const found = report.sources.find((source) => source.sourceId === sourceId);
    assert.ok(found);
    return found;
  }

  it('archives all that was sealed, and nothing twice, when it is killed with -9 five times', async function () {
    this.timeout(60_000);
    for (let round = 0; round < 5; round++) {
      const { child, said } = startChild(test.url, 'endless');
      await waitFor(() => said.length > 0, { timeoutMs: 15_000 });
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 400));
      child.kill('SIGKILL');
      await once(child, 'exit');
      await drainLeftovers();
      const last = said.at(-1);
      assert.ok(last);
      const source = await verified(last.sourceId);
      assert.equal(source.closed, true);
      assert.equal(source.archived, source.recorded);
      assert.ok(source.archived >= last.flushed, `${source.archived} archived, ${last.flushed} flushed`);
    }
  });

  it('loses nothing when it is killed with -9 while Postgres is away', async function () {
    this.timeout(30_000);
    const { child, said } = startChild('postgres://nobody@127.0.0.1:1/none', 'endless');
    await waitFor(() => said.length > 3, { timeoutMs: 15_000 });
    child.kill('SIGKILL');
    await once(child, 'exit');
    await drainLeftovers();
    const last = said.at(-1);
    assert.ok(last);
    const source = await verified(last.sourceId);
    assert.ok(source.archived >= last.flushed && last.flushed > 0);
    assert.equal(source.archived, source.recorded);
  });

  it('writes its last events synchronously when the process exits', async function () {
    this.timeout(30_000);
    const { child, said } = startChild(test.url, 'exit');
    await once(child, 'exit');
    await waitFor(() => said.length > 0);
    assert.ok(existsSync(spool.path));
    await drainLeftovers();
    const last = said.at(-1);
    assert.ok(last);
    const source = await verified(last.sourceId);
    assert.deepEqual([source.recorded, source.archived, source.unknownTailBytes], [last.recorded, 103, 0]);
  });

  it('does not touch what a living process writes', async function () {
    this.timeout(30_000);
    const { child, said } = startChild('postgres://nobody@127.0.0.1:1/none', 'endless');
    await waitFor(() => said.length > 1, { timeoutMs: 15_000 });
    const before = readdirSync(spool.path);
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    archive.start();
    tracker.record({});
    await archive.flush();
    await archive.stop({ timeoutMs: 5000 });
    assert.deepEqual(
      readdirSync(spool.path).filter((name) => before.includes(name)),
      before,
    );
    const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.equal(report.ok, true);
    const living = report.sources.find((source) => source.sourceId === said[0]?.sourceId);
    assert.ok(living !== undefined && living.queued === living.recorded && living.queued > 0);
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
});
