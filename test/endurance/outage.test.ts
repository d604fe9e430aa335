// A day without Postgres: memory stays flat, nothing is lost, and behind it what happens now is archived now, beside the backlog. Beyond the
// cap of the spool every event that is dropped is counted.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '../../bench/statistics.ts';
import { type VerifyReport, verifyArchive } from '../../src/archive/verify/verify.ts';
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import { migrate } from '../../src/db/migrate.ts';
import { createPostgresServer, type PostgresServer } from '../support/postgres-server.ts';
import { type RunningProcess, startProgram } from '../support/process.ts';
import { needTool } from '../support/tools.ts';
import { waitFor } from '../support/wait-for.ts';
import type { OutageReport, Phase } from './outage-report.ts';

/** `npm run test:outage` asks for the whole day: 6,480,000 events, 75 a second. */
const LONG_FORM = process.env['OUTAGE_EVENTS'];
const DAY_EVENTS = Number(LONG_FORM ?? 300_000);
const CAP_BYTES = 2e9;
/** Of live events, before and behind. */
const RATE = 75;
const MAX_GROWN_BYTES = 64e6;
const MAX_LAG_SECONDS = 5;
const SEGMENT_BYTES = 8e6;
/** The cap is looked at before a block is taken: two lanes, a block each, and the ends of their segments. */
const SLACK_BYTES = 4 * 65_536;
/** A day is caught up within ten minutes at the slowest, on a busy machine. */
const MIN_CATCH_UP = 10_800;
const SECOND_MS = 1000;
/** Opened behind the day: that of the day began with it. */
const IS_OF_NOW = "started_at > now() - interval '12 hours'";

const inMegabytes = (bytes: number) => Math.round(bytes / 1e6);

describe('a day without Postgres', function () {
  this.timeout(120_000 + DAY_EVENTS / 5);
  let postgres: PostgresServer;
  let database: Database;
  let folder: string;
  let app: RunningProcess | undefined;

  beforeEach(async function () {
    postgres = await createPostgresServer(needTool(this, 'postgres'));
    database = createDatabase({ url: postgres.url, max: 2, queryTimeoutMs: 600_000 });
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-day-'));
    await migrate(database);
  });
  afterEach(async () => {
    await app?.end('SIGKILL');
    app = undefined;
    if (database !== undefined) await closeDatabase(database, { timeoutMs: 5000 });
    await postgres?.remove();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  async function startApp(capBytes: number, events: number): Promise<RunningProcess> {
    const args = [postgres.url, join(folder, 'spool'), capBytes, events, RATE].map(String);
    app = startProgram('test/endurance/programs/outage-app.ts', args);
    await app.printed(/"phase":"ready"/, 60_000);
    await waitFor(() => last().phase === 'ready' && last().spoolEvents < 5 * RATE, { timeoutMs: 30_000, what: 'a quiet app' });
    return app;
  }

  function reports(phase?: Phase): OutageReport[] {
    const lines = (app?.output() ?? '').split('\n').slice(0, -1);
    const all = lines.filter((line) => line.startsWith('{"phase"')).map((line) => JSON.parse(line) as OutageReport);
    return phase === undefined ? all : all.filter((report) => report.phase === phase);
  }

  function medianRss(phase: Phase): number {
    return median(reports(phase).map(({ rss }) => rss));
  }

  function peakRss(phase: Phase): number {
    return Math.max(...reports(phase).map(({ phaseMaxRss }) => phaseMaxRss));
  }

  function last(): OutageReport {
    const report = reports().at(-1);
    assert.ok(report, app?.output());
    return report;
  }

  /** The day passes, without Postgres. @returns once it has */
  async function passDay(running: RunningProcess): Promise<void> {
    await postgres.stop('fast');
    process.kill(running.pid, 'SIGUSR2');
    await running.printed(/"phase":"back"/, 60_000 + DAY_EVENTS / 10);
  }

  /** Behind the day: until nothing waits but what happens now. @returns seconds, and how far the watermark of now was behind at the worst */
  async function catchUp(): Promise<{ seconds: number; rows: number; worstLagSeconds: number }> {
    const before = last();
    await postgres.start();
    const startedMs = performance.now();
    let firstCommitMs: number | undefined;
    let worstLagSeconds = 0;
    const isCaughtUp = async () => {
      worstLagSeconds = Math.max(worstLagSeconds, (await readLag()) ?? 0);
      if (last().archived > before.archived) firstCommitMs ??= performance.now();
      return last().phase === 'back' && last().archived > before.archived && last().spoolEvents < 5 * RATE;
    };
    await waitFor(isCaughtUp, { timeoutMs: 60_000 + DAY_EVENTS / 8, what: 'the backlog to be archived' });
    const seconds = (performance.now() - (firstCommitMs ?? startedMs)) / SECOND_MS;
    return { seconds, rows: last().archived - before.archived, worstLagSeconds };
  }

  /** How far the source of now is behind, by what it says itself; null while there is none. */
  async function readLag(): Promise<number | null> {
    const row = await database.oneOrNone<{ lag_seconds: number }>(
      `select extract(epoch from clock_timestamp() - low_watermark)::float8 as lag_seconds from keepwatch.sources
       where ${IS_OF_NOW} order by started_at desc limit 1`,
    );
    return row?.lag_seconds ?? null;
  }

  async function stopApp(running: RunningProcess): Promise<OutageReport> {
    assert.equal(await running.end('SIGTERM', 90_000), 0, running.output());
    const [report] = reports('ended');
    assert.ok(report);
    return report;
  }

  async function verify(): Promise<VerifyReport> {
    const report = await verifyArchive({ database, spoolDir: join(folder, 'spool') });
    assert.deepEqual(
      report.sources.flatMap(({ problems }) => problems),
      [],
    );
    return report;
  }

  function spoolFiles(): { files: number; bytes: number } {
    const paths = readdirSync(join(folder, 'spool'), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(seg|open)$/.test(name))
      .map((name) => join(folder, 'spool', name));
    return { files: paths.length, bytes: paths.reduce((sum, path) => sum + statSync(path).size, 0) };
  }

  it('is kept in few large files and flat memory, and caught up beside what happens now, without loss', async () => {
    const running = await startApp(CAP_BYTES, DAY_EVENTS);
    const before = medianRss('ready');
    await passDay(running);
    const { files, bytes } = spoolFiles();
    const caughtUp = await catchUp();
    const ended = await stopApp(running);
    const { totals } = await verify();
    // What each event of now waited for: its batch's transaction began at created_at.
    const { live, worst_seconds: worstSeconds } = await database.one<{ live: number; worst_seconds: number }>(
      `select count(*)::float8 as live, max(extract(epoch from created_at - end_time))::float8 as worst_seconds from keepwatch.observability_metrics
       where source_id in (select source_id from keepwatch.sources where ${IS_OF_NOW})`,
    );
    const peaks = { outage: peakRss('outage'), back: peakRss('back') };
    const most = Math.max(peaks.outage, peaks.back);
    const figures = {
      dayEvents: DAY_EVENTS,
      files,
      megabytes: inMegabytes(bytes),
      rssMegabytes: { before: inMegabytes(before), outage: inMegabytes(peaks.outage), back: inMegabytes(peaks.back) },
      catchUp: { seconds: Math.round(caughtUp.seconds), rowsPerSecond: Math.round(caughtUp.rows / caughtUp.seconds) },
      lagSeconds: { watermark: caughtUp.worstLagSeconds, event: worstSeconds, liveEvents: live },
    };
    process.stdout.write(`      ${JSON.stringify(figures)}\n`);
    if (LONG_FORM !== undefined) process.stdout.write(`${curve()}\n`);

    assert.deepEqual(
      {
        recorded: totals.recorded,
        archived: totals.archived,
        rows: totals.rows,
        duplicates: totals.duplicates,
        dropped: totals.dropped,
      },
      { recorded: ended.recorded, archived: ended.recorded, rows: ended.recorded, duplicates: 0, dropped: 0 },
    );
    assert.ok(files <= 2 * (bytes / SEGMENT_BYTES) + 4, `${files} files for ${bytes} bytes`);
    assert.ok(most - before <= MAX_GROWN_BYTES, `${before} bytes before, ${most} at the most`);
    assert.ok(caughtUp.rows / caughtUp.seconds >= MIN_CATCH_UP, `${caughtUp.rows} rows in ${caughtUp.seconds} s`);
    assert.ok(live > 0, 'live events have a source of their own');
    assert.ok(Math.max(worstSeconds, caughtUp.worstLagSeconds) < MAX_LAG_SECONDS, JSON.stringify(figures.lagSeconds));
  });

  /** RSS through the phases, a line every tenth of them. */
  function curve(): string {
    const all = reports();
    const step = Math.max(1, Math.floor(all.length / 40));
    return all
      .filter((_, index) => index % step === 0)
      .map(({ phase, seconds, rss, spoolBytes, archived }) =>
        [seconds.toFixed(0), phase, `${inMegabytes(rss)} MB`, `${inMegabytes(spoolBytes)} MB spool`, archived].join('\t'),
      )
      .join('\n');
  }

  it('drops what the spool cannot hold, and counts it to the event; no failure gives way to other events', async () => {
    const capBytes = Math.min(CAP_BYTES, DAY_EVENTS * 130);
    const running = await startApp(capBytes, DAY_EVENTS);
    await passDay(running);
    const { bytes } = spoolFiles();
    assert.ok(bytes <= capBytes + SLACK_BYTES, `${bytes} bytes of ${capBytes}`);
    const { rows } = await catchUp();
    const ended = await stopApp(running);
    // Room comes back as the backlog goes, not at its end.
    const halfway = reports('back').find(({ archived }) => archived > ended.archived - rows / 2);
    assert.equal(halfway?.dropped['spool_full'], ended.dropped['spool_full']);
    const { totals, sources } = await verify();
    const full = sources.reduce((sum, { dropped }) => sum + (dropped['spool_full'] ?? 0), 0);
    assert.ok(full > DAY_EVENTS / 10, `${full} events did not fit`);
    assert.deepEqual(
      { recorded: totals.recorded, full: ended.dropped['spool_full'], archived: totals.archived, rows: totals.rows },
      { recorded: ended.recorded, full, archived: ended.recorded - full, rows: ended.recorded - full },
    );
    const { failures } = await database.one<{ failures: number }>(
      `select count(*)::float8 as failures from keepwatch.observability_metrics where status = 'failure'`,
    );
    assert.equal(failures, ended.failures);
  });
});
