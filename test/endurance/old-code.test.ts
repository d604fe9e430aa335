// Two releases at once, as during a rolling deployment and when it is taken back: the archive of now, and as it was at an older commit
// (test/fixtures, made by scripts/bundle-old-archive.ts), in one schema and one spool.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FORMAT_VERSION, headerCrc, SEGMENT_PREFIX_BYTES } from '../../src/archive/segments/segment-format.ts';
import { verifyArchive } from '../../src/archive/verify/verify.ts';
import { loadMigrations, migrate } from '../../src/db/migrate.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { type RunningProcess, startProgram } from '../support/process.ts';
import { createSpoolDir } from '../support/test-archive.ts';
import { waitFor } from '../support/wait-for.ts';
import type { WriterReport } from './writer-report.ts';

const CODE = {
  old: new URL('../fixtures/archive-7b50b4e/archive.mjs', import.meta.url),
  now: new URL('./programs/now.ts', import.meta.url),
} as const;
const NOBODY = 'postgres://nobody@127.0.0.1:1/none';
const SOME = 3000;

interface Writer {
  readonly running: RunningProcess;
  last(): WriterReport | undefined;
  /** Resolves when it has archived `more` than now. */
  progress(more?: number): Promise<void>;
  /** In order, with everything archived. */
  stop(): Promise<WriterReport>;
}

describe('old code and new code side by side', function () {
  this.timeout(240_000);
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  const writers: Writer[] = [];
  beforeEach(async () => {
    test = await createTestDatabase();
    spool = createSpoolDir();
    await test.database.none('drop schema keepwatch cascade');
  });
  afterEach(async () => {
    await Promise.all(writers.splice(0).map(({ running }) => running.end('SIGKILL')));
    spool.remove();
    await test.drop();
  });

  function start(code: keyof typeof CODE, { url = test.url, more = '' } = {}): Writer {
    const running = startProgram('test/endurance/programs/writer.ts', [url, spool.path, CODE[code].href, more]);
    const last = () => {
      const line = running.output().split('\n').at(-2);
      return line?.startsWith('{') === true ? (JSON.parse(line) as WriterReport) : undefined;
    };
    const writer: Writer = {
      running,
      last,
      async progress(more = SOME) {
        const from = last()?.archived ?? 0;
        await waitFor(() => (last()?.archived ?? 0) >= from + more, { timeoutMs: 60_000 }).catch((cause: unknown) => {
          throw new Error(`${code} code does not archive on: ${running.output().slice(-2000)}`, { cause });
        });
      },
      async stop() {
        assert.equal(await running.end('SIGTERM', 40_000), 0, running.output());
        const report = last();
        assert.ok(report, running.output());
        return report;
      },
    };
    writers.push(writer);
    return writer;
  }

  const start2 = (code: keyof typeof CODE, more = '') => [start(code, { more }), start(code, { more })] as const;
  const progressOf = (all: readonly Writer[]) => Promise.all(all.map((writer) => writer.progress()));
  /** Of processes that live, or that nobody has taken over. */
  const openSources = () => test.database.any('select source_id from keepwatch.sources where not closed');
  const sourceFolders = () => readdirSync(spool.path).filter((name) => /^[0-9a-f]{16}$/.test(name));

  async function verify() {
    const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.deepEqual(
      report.sources.flatMap(({ problems }) => problems),
      [],
    );
    return report;
  }

  it('write into one schema while it is migrated under load, and after the new code has gone again', async () => {
    const old = start2('old');
    await progressOf(old);
    const knownToOld = 3;
    assert.equal(
      (await test.database.one<{ version: number }>('select max(version) as version from keepwatch.migration')).version,
      knownToOld,
    );

    const now = start2('now', 'migration');
    await progressOf([...old, ...now]);
    const expected = loadMigrations()
      .slice(knownToOld)
      .map(({ name }) => name);
    const applied = now.flatMap((writer) => writer.last()?.applied ?? []).sort();
    assert.deepEqual(applied.slice(0, -1), expected);
    assert.match(applied.at(-1) ?? '', /_add_column$/);

    // Taken back: the new code stops, one of it at once; old code goes on, starts on the newer schema, and takes over what was left.
    const [stopped, killed] = now;
    const reports = [await stopped.stop()];
    await killed.running.end('SIGKILL');
    const back = start('old');
    await progressOf([...old, back]);
    // And forward again: what old code leaves is taken over by new code.
    const [first, second] = old;
    await second.running.end('SIGKILL');
    const forth = start('now', { more: 'migration' });
    await progressOf([first, back, forth]);
    const living = 3;
    await waitFor(async () => (await openSources()).length <= living, {
      timeoutMs: 45_000,
      what: 'what was left behind to be archived',
    });
    reports.push(...(await Promise.all([first, back, forth].map((writer) => writer.stop()))));

    for (const report of [...reports, killed.last(), second.last()]) {
      assert.deepEqual({ failures: report?.failures, problems: report?.problems }, { failures: 0, problems: [] });
    }
    for (const { recorded, archived } of reports) assert.equal(archived, recorded);
    const { totals, sources } = await verify();
    const { recorded, archived, rows, duplicates, queued } = totals;
    assert.deepEqual({ archived, rows, duplicates, queued }, { archived: recorded, rows: recorded, duplicates: 0, queued: 0 });
    const known = reports.reduce((sum, report) => sum + report.recorded, 0);
    const atLeast = known + (killed.last()?.archived ?? 0) + (second.last()?.archived ?? 0);
    assert.ok(recorded >= atLeast, `${recorded} recorded, at least ${atLeast} known`);
    assert.equal(new Set(sources.map(({ sourceId }) => sourceId)).size, 6);
  });

  it('old code leaves segments of a newer format to newer code, and archives on', async () => {
    const away = start('now', { url: NOBODY });
    await waitFor(() => (away.last()?.recorded ?? 0) > SOME, { timeoutMs: 20_000 });
    await away.running.end('SIGKILL');
    const [folder = ''] = sourceFolders();
    const path = join(spool.path, folder);
    const segments = readdirSync(path)
      .filter((name) => /\.(seg|open)$/.test(name))
      .map((name) => join(path, name));
    assert.ok(segments.length > 0);
    for (const segment of segments) setVersion(segment, FORMAT_VERSION + 1);
    const bytes = segments.map((segment) => readFileSync(segment));

    const old = start('old');
    await old.progress();
    const { recorded, archived, problems } = await old.stop();
    assert.deepEqual({ archived, problems }, { archived: recorded, problems: [] });
    assert.deepEqual(sourceFolders(), [folder]);
    assert.deepEqual(
      segments.map((segment) => readFileSync(segment)),
      bytes,
    );

    for (const segment of segments) setVersion(segment, FORMAT_VERSION);
    const now = start('now');
    const leftId = BigInt(`0x${folder}`);
    const isClosed = () =>
      test.database.oneOrNone('select true from keepwatch.sources where source_id = $1 and closed', [leftId]);
    await waitFor(isClosed, { timeoutMs: 30_000, what: 'newer code to archive them' });
    await now.stop();
    const { totals } = await verify();
    assert.equal(totals.archived, totals.recorded);
    assert.ok(totals.archived > recorded + SOME);
  });

  it('old code stops at a migration that is marked as breaking, and keeps its events for newer code', async () => {
    const old = start('old');
    await old.progress();
    const version = loadMigrations().length + 1;
    const name = `${String(version).padStart(6, '0')}_break_all`;
    await migrate(test.database, [...loadMigrations(), { version, name, text: 'select 1', sha256: name, isBreaking: true }]);
    await waitFor(() => old.last()?.problems.some((problem) => problem.includes('upgrade Keepwatch')), { timeoutMs: 20_000 });
    const { archived } = await old.stop();
    const kept = await verify();
    assert.ok(kept.totals.queued > 0);
    assert.equal(kept.totals.archived, archived);

    // To newer code, which knows it, it is no obstacle.
    await test.database.none('delete from keepwatch.migration where version = $1', [version]);
    const now = start('now');
    await now.progress();
    await waitFor(async () => (await openSources()).length <= 1, { timeoutMs: 30_000, what: 'newer code to archive them' });
    await now.stop();
    const { totals } = await verify();
    assert.deepEqual([totals.archived, totals.queued], [totals.recorded, 0]);
  });

  /** In the header of a segment, whose checksum is set right. Blocks of another version have another seed: only the true one reads them. */
  function setVersion(segment: string, version: number): void {
    const bytes = readFileSync(segment);
    bytes.writeUInt16BE(version, 4);
    const end = SEGMENT_PREFIX_BYTES + bytes.readUInt32BE(8);
    bytes.writeUInt32BE(headerCrc(bytes.subarray(0, end)), 12);
    writeFileSync(segment, bytes);
  }
});
