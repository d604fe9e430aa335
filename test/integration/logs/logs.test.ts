// Log lines of a real pino, through the spool, in a real Postgres.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createKeepwatch, type Keepwatch, type KeepwatchOptions } from '../../../src/app.ts';
import { drainLeftovers } from '../../../src/archive/drain/leftovers.ts';
import { createPartitions } from '../../../src/archive/drain/partitions.ts';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
import { silentLogger } from '../../../src/logger.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { startProgram } from '../../support/process.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { waitFor } from '../../support/wait-for.ts';

interface Row {
  readonly level: string;
  readonly message: string;
  readonly logger: string | null;
  readonly service: string;
  readonly trace_id: string | null;
  readonly span_id: string | null;
  readonly attributes: Record<string, unknown>;
}

describe('log lines', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let proxy: TcpProxy;
  let folder: string;
  let spools = 0;
  let open: Keepwatch[] = [];

  before(async () => {
    test = await createTestDatabase();
    proxy = await TcpProxy.start(test.url);
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-logs-'));
  });
  beforeEach(() => {
    spools++;
    proxy.up();
  });
  afterEach(async () => {
    await Promise.all(open.map((keepwatch) => keepwatch.stop({ timeoutMs: 5000 })));
    open = [];
  });
  after(async () => {
    await proxy.close();
    await test.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  const spoolDir = () => join(folder, String(spools));
  const create = async (options: KeepwatchOptions = {}) => {
    const keepwatch = await createKeepwatch({
      databaseUrl: proxy.urlOf(test.url),
      spoolDir: spoolDir(),
      service: `test-${spools}`,
      logger: silentLogger,
      ...options,
    });
    open.push(keepwatch);
    return keepwatch;
  };
  const read = (where = 'true') =>
    test.database.any<Row>(`select * from keepwatch.logs where service = $<service> and ${where} order by time, id`, {
      service: `test-${spools}`,
    });
  const verify = async () => {
    const report = await verifyArchive({ database: test.database, spoolDir: spoolDir(), allSeries: true });
    assert.deepEqual(
      report.sources.flatMap(({ problems }) => problems),
      [],
    );
    return report;
  };

  it('have time, level, message, logger and attributes in columns of their own', async () => {
    const keepwatch = await create();
    await keepwatch.start();
    const logger = pino({ name: 'orders', level: 'trace' }, keepwatch.logStream());
    const beforeMs = Date.now();
    logger.trace('one');
    logger.warn({ order: 7, cart: { items: [1, 2] } }, 'two');
    logger.child({ request: 'r1' }).fatal(new Error('three'));
    await keepwatch.flush();
    const rows = await read();
    assert.deepEqual(
      rows.map(({ level, message, logger: name }) => [level, message, name]),
      [
        ['trace', 'one', 'orders'],
        ['warn', 'two', 'orders'],
        ['fatal', 'three', 'orders'],
      ],
    );
    assert.deepEqual(rows[0]?.attributes, {});
    assert.deepEqual(rows[1]?.attributes, { order: 7, cart: { items: [1, 2] } });
    assert.equal(rows[2]?.attributes['request'], 'r1');
    assert.match(JSON.stringify(rows[2]?.attributes['err']), /Error: three/);
    const times = await test.database.one<{ first: Date; last: Date }>(
      'select min(time) as first, max(time) as last from keepwatch.observability_logs',
    );
    assert.ok(times.first.getTime() >= beforeMs && times.last.getTime() <= Date.now());
    const { logs } = await verify();
    assert.deepEqual([logs.recorded, logs.archived, logs.rows, logs.seriesRecorded], [3, 3, 3, 3]);
  });

  it('carry the ids of the execution that logs them, in what it awaits too', async () => {
    const keepwatch = await create();
    await keepwatch.start();
    const logger = pino({}, keepwatch.logStream());
    let ids: { traceId: string; spanId: string } | undefined;
    await keepwatch.tracker.measure({ type: 'agent', name: 'outer' }, async () => {
      await Promise.resolve();
      ids = keepwatch.tracker.currentTraceContext();
      logger.info('inside');
    });
    logger.info('outside');
    await keepwatch.flush();
    const [inside, outside] = await read();
    assert.deepEqual([inside?.trace_id, inside?.span_id], [ids?.traceId, ids?.spanId]);
    assert.deepEqual([outside?.trace_id, outside?.span_id], [null, null]);
    const event = await test.database.one<{ name: string }>('select name from keepwatch.events where trace_id = $1', [
      inside?.trace_id,
    ]);
    assert.equal(event.name, 'outer');
  });

  it('are all archived, once, though Postgres is away for a while and comes back', async () => {
    const keepwatch = await create();
    await keepwatch.start();
    const logger = pino({}, keepwatch.logStream());
    let written = 0;
    const write = (count: number) => {
      for (let index = 0; index < count; index++) logger.info({ number: ++written }, 'numbered');
    };
    write(500);
    await keepwatch.flush();
    proxy.down();
    for (let round = 0; round < 5; round++) {
      write(2000);
      await keepwatch.flush();
    }
    proxy.up();
    write(500);
    await waitFor(
      async () => {
        await keepwatch.flush();
        return (await read()).length === written;
      },
      { timeoutMs: 20_000 },
    );
    const numbers = (await read()).map(({ attributes }) => attributes['number'] as number);
    assert.deepEqual(
      numbers.toSorted((a, b) => a - b),
      Array.from({ length: written }, (_, index) => index + 1),
    );
    await verify();
  });

  it('of a killed process are archived by another one, once, up to what was on the disk', async () => {
    const child = startProgram('test/support/logging-user.ts', [proxy.urlOf(test.url), spoolDir()]);
    const flushes = () => [...child.output().matchAll(/flushed (\d+)\n/g)].map(([, lines]) => Number(lines));
    await waitFor(() => (flushes().at(-1) ?? 0) > 1000, { timeoutMs: 30_000 });
    proxy.down();
    const flushed = flushes();
    await waitFor(() => flushes().length > flushed.length + 2, { timeoutMs: 30_000 });
    const last = flushes().at(-1) ?? 0;
    await child.end('SIGKILL');
    const { database } = test;
    const context = { database, partitions: createPartitions(database), spoolDir: spoolDir(), logger: silentLogger };
    await drainLeftovers(context);
    await drainLeftovers(context);
    const rows = await test.database.any<{ number: number }>(
      `select (attributes ->> 'number')::int as number from keepwatch.logs where service = 'child' order by 1`,
    );
    assert.ok(rows.length >= last && last > (flushed.at(-1) ?? 0));
    assert.deepEqual(
      rows.map(({ number }) => number),
      rows.map((_, index) => index + 1),
    );
    await verify();
  });

  it('hold up no event: the watermark of their source moves on while lines wait for a table that is not there', async () => {
    const own = await createTestDatabase();
    try {
      await own.database.none('alter table keepwatch.observability_logs rename to hidden_logs');
      const keepwatch = await create({ databaseUrl: own.url, service: 'unmigrated' });
      await keepwatch.start();
      pino({}, keepwatch.logStream()).info('waits');
      keepwatch.tracker.measure({ type: 'custom', name: 'event' }, () => {});
      await keepwatch.flush();
      const { events } = await own.database.one<{ events: number }>(
        'select count(*)::int as events from keepwatch.observability_metrics',
      );
      assert.equal(events, 1);
      const watermark = async () =>
        (await own.database.one<{ low_watermark: Date }>('select max(low_watermark) as low_watermark from keepwatch.sources'))
          .low_watermark;
      const first = await watermark();
      await waitFor(async () => (await watermark()) > first, { timeoutMs: 10_000 });
      assert.match(keepwatch.status().reasons.join(), /log lines wait in the spool: the schema has no table/);
      await own.database.none('alter table keepwatch.hidden_logs rename to observability_logs');
      await keepwatch.flush();
      const { lines } = await own.database.one<{ lines: number }>(
        'select count(*)::int as lines from keepwatch.observability_logs',
      );
      assert.equal(lines, 1);
      assert.deepEqual(keepwatch.status().reasons, []);
      await keepwatch.stop();
    } finally {
      await own.drop();
    }
  });

  it('say of keepwatch itself, when its own logger writes to the stream, and come to an end', async () => {
    const holder: { keepwatch?: Keepwatch } = {};
    const logger = pino({ name: 'keepwatch' }, { write: (text: string) => holder.keepwatch?.logStream().write(text) });
    const keepwatch = await create({ logger });
    holder.keepwatch = keepwatch;
    await keepwatch.start();
    proxy.down();
    logger.info({}, 'first');
    await keepwatch.flush();
    proxy.up();
    await keepwatch.flush();
    await waitFor(async () => {
      await keepwatch.flush();
      return (await read()).length >= 2;
    });
    const before = (await read()).length;
    for (let round = 0; round < 5; round++) await keepwatch.flush();
    const rows = await read();
    assert.ok(rows.length <= before + 2, `${rows.length} lines after ${before}`);
    assert.ok(rows.some(({ message }) => message === 'first'));
  });
});
