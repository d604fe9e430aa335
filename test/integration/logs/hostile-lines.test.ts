// Hostile lines and hard times through the whole way, from a real pino to a real Postgres: bounded, marked or counted, and every count agrees.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createKeepwatch, type Keepwatch, type KeepwatchOptions } from '../../../src/app.ts';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
import { silentLogger } from '../../../src/logger.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

describe('hostile log lines', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let folder: string;
  let keepwatch: Keepwatch;
  let spools = 0;

  before(async () => {
    test = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-hostile-'));
  });
  after(async () => {
    await test.drop();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => start());
  afterEach(() => keepwatch.stop());

  const service = () => `hostile-${spools}`;
  const spoolDir = () => join(folder, String(spools));
  async function start(options: KeepwatchOptions = {}): Promise<void> {
    spools++;
    const given = { databaseUrl: test.url, spoolDir: spoolDir(), service: service(), logger: silentLogger };
    keepwatch = await createKeepwatch({ ...given, ...options });
    await keepwatch.start();
  }
  const read = () =>
    test.database.any<{ level: string; message: string; attributes: Record<string, unknown> }>(
      'select level, message, attributes from keepwatch.logs where service = $<service> order by time, id',
      { service: service() },
    );
  /** The law holds in ledger, tables and spool. @returns its numbers of this spool's source */
  const verify = async () => {
    const report = await verifyArchive({ database: test.database, spoolDir: spoolDir(), allSeries: true });
    assert.deepEqual(
      report.sources.flatMap(({ problems }) => problems),
      [],
    );
    const lane = report.sources.find((source) => source.service === service() && source.lane === 'logs');
    assert.ok(lane);
    return lane;
  };
  const metric = async (name: string) => {
    const found = (await keepwatch.tracker.registry.metrics()).match(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)$`, 'm'));
    return Number(found?.[1] ?? 0);
  };

  it('of every kind are stored, what cannot be stored replaced and marked', async () => {
    const logger = pino({ base: {} }, keepwatch.logStream());
    const cycle: Record<string, unknown> = { name: 'cycle' };
    cycle['self'] = cycle;
    const throwing = {
      toJSON() {
        throw new Error('no');
      },
    };
    logger.info({ nul: 'a\0b', half: '\ud800', key: { 'a\0': 1 } }, 'nul \0 half \udfff');
    logger.info({ cycle }, 'cycle');
    logger.info({ throwing, deep: JSON.parse(`${'{"a":'.repeat(50)}1${'}'.repeat(50)}`) as object }, 'throws');
    logger.info({ __proto__: 'x', constructor: 1, level: 'mine', time: 'mine' }, 'names');
    logger.error('m'.repeat(1_000_000));
    logger.warn({ big: Array.from({ length: 10_000 }, (_, index) => index) }, 'many');
    keepwatch.logStream().write('no JSON at all \0\n');
    keepwatch.logStream().write('{"level":30,"time":253402300800000,"msg":"far"}\n');
    await keepwatch.flush();
    const rows = await read();
    assert.deepEqual(
      rows.map(({ message }) => message.slice(0, 14)).sort(),
      ['cycle', 'many', 'm'.repeat(14), 'names', 'no JSON at all', 'nul \ufffd half \ufffd', 'throws'].sort(),
    );
    assert.equal(rows.find(({ level }) => level === 'error')?.message.length, 8000);
    for (const name of ['m'.repeat(14), 'many', 'throws']) {
      const row = rows.find(({ message }) => message.startsWith(name));
      assert.equal(row?.attributes['keepwatch.truncated'], true, name);
    }
    const lane = await verify();
    assert.deepEqual([lane.recorded, lane.archived, lane.quarantined], [8, 7, 1]);
  });

  it('that come 10,000 at once are all archived, once, and every count agrees', async () => {
    const logger = pino({}, keepwatch.logStream());
    for (let index = 0; index < 10_000; index++) logger.info({ index }, 'flood');
    await keepwatch.flush();
    const { lines, different } = await test.database.one<{ lines: number; different: number }>(
      `select count(*)::int as lines, count(distinct attributes -> 'index')::int as different from keepwatch.logs where service = $1`,
      [service()],
    );
    assert.deepEqual([lines, different], [10_000, 10_000]);
    const lane = await verify();
    assert.deepEqual([lane.recorded, lane.archived, lane.seriesRecorded], [10_000, 10_000, 10_000]);
    assert.equal(await metric('keepwatch_logs_recorded_total'), 10_000);
    assert.equal(await metric('keepwatch_logs_archived_total'), 10_000);
    assert.equal(await metric('keepwatch_events_archived_total'), 0);
  });

  it('that are more than memory is for are dropped, and counted by level in the ledger', async () => {
    const logger = pino({}, keepwatch.logStream());
    const padding = 'p'.repeat(900);
    for (let index = 0; index < 20_000; index++) logger.info({ index }, padding);
    for (let index = 0; index < 10; index++) logger.error('trouble');
    await keepwatch.flush();
    const lane = await verify();
    const dropped = lane.dropped['ring_full'] ?? 0;
    assert.equal(lane.recorded, 20_010);
    assert.ok(dropped > 0 && lane.archived === 20_010 - dropped, JSON.stringify(lane.dropped));
    assert.deepEqual(
      lane.series.map(({ name, recorded, dropped: lost }) => [name, recorded, lost]),
      [
        ['error', 10, 0],
        ['info', 20_000, dropped],
      ],
    );
    assert.equal(await metric('keepwatch_logs_dropped_total'), dropped);
  });

  it('are archived again, once, when the ledger went back', async () => {
    const logger = pino({}, keepwatch.logStream());
    logger.info('before');
    await keepwatch.flush();
    const back = 'select source_id from keepwatch.sources where service = $<service>';
    const saved = await test.database.one<{ segment: number }>(
      `select segment from keepwatch.ledger where lane = 'logs' and source_id in (${back})`,
      { service: service() },
    );
    logger.info('forgotten');
    await keepwatch.flush();
    await test.database.multi(
      `delete from keepwatch.observability_logs where service = $<service> and message = 'forgotten';
       update keepwatch.series_ledger set recorded = 1 where lane = 'logs' and source_id in (${back});
       update keepwatch.ledger set segment = $<segment>, batch = 2, recorded = 1, archived = 1
       where lane = 'logs' and source_id in (${back})`,
      { service: service(), segment: saved.segment },
    );
    await keepwatch.flush();
    await keepwatch.flush();
    assert.deepEqual(
      (await read()).map(({ message }) => message),
      ['before', 'forgotten'],
    );
    const lane = await verify();
    assert.deepEqual([lane.recorded, lane.archived, lane.dropped], [2, 2, {}]);
  });

  it('that Postgres refuses go to the dead letter, and back when the reason is gone', async () => {
    const logger = pino({}, keepwatch.logStream());
    logger.info('makes the day');
    await keepwatch.flush();
    await test.database.none("alter table keepwatch.observability_logs add constraint no_refused check (message <> 'refused')");
    logger.warn({ order: 7 }, 'refused');
    logger.info('taken');
    await keepwatch.flush();
    const letters = await test.database.any('select level, message, attributes, sqlstate from keepwatch.log_dead_letters');
    assert.deepEqual(letters, [{ level: 40, message: 'refused', attributes: '{"order":7}', sqlstate: '23514' }]);
    assert.deepEqual(await test.database.any('select * from keepwatch.dead_letters'), []);
    const { archived, deadLettered } = await verify();
    assert.deepEqual([archived, deadLettered], [2, 1]);
    await test.database.none('alter table keepwatch.observability_logs drop constraint no_refused');
    assert.deepEqual(await test.database.any('select * from keepwatch.replay_dead_letters()'), [{ replayed: 1, refused: 0 }]);
    const row = (await read()).find(({ message }) => message === 'refused');
    assert.deepEqual([row?.level, row?.attributes], ['warn', { order: 7 }]);
    assert.equal((await verify()).archived, 3);
  });

  it('are taken from nobody once keepwatch is disabled or stopped, and harm nobody then', async () => {
    const logger = pino({}, keepwatch.logStream());
    keepwatch.disable();
    logger.info('unseen');
    keepwatch.enable();
    logger.info('seen');
    await keepwatch.stop();
    for (let index = 0; index < 1000; index++) logger.info('late');
    assert.deepEqual(
      (await read()).map(({ message }) => message),
      ['seen'],
    );
    await verify();
  });
});
