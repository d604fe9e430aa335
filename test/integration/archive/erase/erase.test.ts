// What `erase` leaves of a person, in every place that keeps events: nothing, while the accounting law holds.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EraseOptions, eraseEvents } from '../../../../src/archive/erase/erase.ts';
import { verifySpool } from '../../../../src/archive/spool/spool-inspection.ts';
import { verifyArchive } from '../../../../src/archive/verify/verify.ts';
import { closeDatabase, createDatabase, type Database } from '../../../../src/db/database.ts';
import { KeepwatchError } from '../../../../src/errors.ts';
import { disown, drain, eventOf, placesOf } from '../../../support/erase-site.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres.ts';
import { createSpoolDir, createTestArchive } from '../../../support/test-archive.ts';

const DAY_MS = 86_400_000;
const USER = 'zq-person-1';
const WHERE = [{ key: 'user_id', value: USER }];

describe('eraseEvents', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let away: Database;
  let spool: ReturnType<typeof createSpoolDir>;
  beforeEach(async () => {
    test = await createTestDatabase();
    away = createDatabase({ url: 'postgres://nobody@127.0.0.1:1/none', max: 1, connectTimeoutMs: 200 });
    spool = createSpoolDir();
  });
  afterEach(async () => {
    await closeDatabase(away);
    await test.drop();
    spool.remove();
  });

  const erase = (options: Partial<EraseOptions> = {}) =>
    eraseEvents({ database: test.database, spoolDir: spool.path, where: WHERE, ...options });
  const places = (text = USER) => placesOf(text, test.database, spool.path);

  async function assertTrue(): Promise<Record<string, number>> {
    const { ok, sources, totals } = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.deepEqual(
      sources.flatMap(({ problems }) => problems),
      [],
    );
    assert.ok(ok);
    return { recorded: totals.recorded, rows: totals.rows, queued: totals.queued };
  }

  /** Archives events of all kinds, ten of them of each of two users. */
  async function archiveSome(): Promise<void> {
    const made = createTestArchive(test.database, spool.path);
    const now = Date.now();
    for (const user of [USER, 'other']) {
      made.tracker.record(...Array.from({ length: 5 }, (_, day) => eventOf(user, { endMs: now - day * DAY_MS })));
      made.tracker.record(eventOf(user, { metadata: `"users":[{"user_id":"${user}"}],"user_id":["x","${user}"]` }));
      made.tracker.record(eventOf(user, { endMs: now + 2 * DAY_MS }), eventOf(user, { endMs: now - 30 * DAY_MS }));
      made.tracker.record(eventOf(user, { metadata: `"user_id":"${user}","a":1e200000` }));
      made.tracker.record(eventOf(user, { lane: 'rest', error: undefined, status: 'success' }));
    }
    await made.archive.stop({ timeoutMs: 10_000 });
  }

  /** What a process wrote that could not reach Postgres. */
  async function spoolSome(isDead: boolean, users = [USER, 'other', USER]): Promise<void> {
    const made = createTestArchive(away, spool.path);
    made.tracker.record(...users.map((user) => eventOf(user)));
    made.tracker.collect();
    await made.archive.stop({ timeoutMs: 1000 });
    if (isDead) disown(spool.path, made);
  }

  it('erases rows, quarantine, dead letters and what is kept for a while, and nothing of anybody else', async () => {
    await archiveSome();
    const before = await assertTrue();
    assert.ok(Object.keys(await places()).some((name) => name.endsWith('.ack')));
    const dry = await erase({ isDryRun: true });
    assert.equal((await places())['observability_dead_letter'], 1);
    const report = await erase();
    assert.deepEqual(report, dry);
    const { tables, deadLetters, spoolEvents, waiting, left, isLabel, isStopped } = report;
    assert.equal(
      tables.reduce((sum, { rows }) => sum + rows, 0),
      9,
    );
    assert.equal(tables.find(({ table }) => table === 'observability_quarantine')?.rows, 2);
    assert.deepEqual([deadLetters, spoolEvents, waiting, left, isLabel, isStopped], [1, 10, 0, [], false, false]);
    assert.deepEqual(await places(), {});
    assert.ok(((await places('other'))['observability_quarantine'] ?? 0) === 2);
    assert.deepEqual(await assertTrue(), before);
    const again = await erase();
    assert.deepEqual([again.tables, again.deadLetters, again.spoolEvents], [[], 0, 0]);
  });

  it('leaves each event with its times, status, ids, and the labels that rollups have', async () => {
    const series = { type: 'agent', name: 'support', service: 'test', metadata: '"workspace":"w1"' } as const;
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const made = createTestArchive(test.database, spool.path);
    made.tracker.record(eventOf(USER, { series, traceId, spanId: 'b7ad6b7169203331' }), eventOf('other', { series }));
    await made.archive.stop({ timeoutMs: 10_000 });
    await test.database.none(
      `insert into keepwatch.observability_series (series_id, service, type, name, labels, created_at)
       values (1, 'test', 'agent', 'support', '{"workspace":"w1"}', now()), (2, 'test', 'agent', 'support', '{"workspace":"w2"}', now())
       on conflict do nothing`,
    );
    const columns = 'id, start_time, end_time, duration_ms, status, name, trace_id, weight, service';
    const read = () => test.database.any<object>(`select ${columns} from keepwatch.observability_metrics order by id`);
    const before = await read();
    await erase();
    assert.deepEqual(await read(), before);
    const rows = await test.database.any<{ metadata: object; error: string }>(
      `select metadata, error from keepwatch.observability_metrics where metadata ? 'keepwatch.erased'`,
    );
    assert.deepEqual(rows, [{ metadata: { workspace: 'w1', 'keepwatch.erased': true }, error: 'erased' }]);
  });

  it('erases in the spool of dead processes; what it rewrites is whole, and is archived as it is', async () => {
    await spoolSome(true);
    const { spoolEvents, spoolFiles, waiting } = await erase();
    assert.deepEqual([spoolEvents, spoolFiles, waiting], [2, 1, 0]);
    assert.deepEqual(await places(), {});
    assert.deepEqual(
      (await verifySpool(spool.path)).map(({ events, problems }) => [events, problems]),
      [[3, []]],
    );
    assert.deepEqual(
      readdirSync(spool.path).filter((name) => name.endsWith('.tmp')),
      [],
    );
    await drain(test.database, spool.path);
    assert.deepEqual(await assertTrue(), { recorded: 3, rows: 3, queued: 0 });
    const { erased } = await test.database.one<{ erased: number }>(
      `select count(*)::int as erased from keepwatch.observability_metrics where metadata ? 'keepwatch.erased' and trim(error) = 'erased'`,
    );
    assert.equal(erased, 2);
    assert.deepEqual(await places(), {});
  });

  it('keeps the labels of a metric in the spool, for rollups and rows that come of it', async () => {
    const made = createTestArchive(away, spool.path);
    const series = ['w1', 'w2'].map(
      (workspace) => ({ type: 'agent', name: 'a', service: 's', metadata: `"workspace":"${workspace}"` }) as const,
    );
    for (const each of series) {
      const own = (user: string, more = '') => ({ series: each, metadata: `"user_id":"${user}"${more}` });
      made.tracker.record(
        own(USER),
        own('other'),
        own(USER, `,"a":{"workspace":"${USER}"}`),
        own(USER, `,"x":"${USER.repeat(5)}"`),
      );
    }
    made.tracker.collect();
    await made.archive.stop({ timeoutMs: 1000 });
    disown(spool.path, made);
    assert.equal((await erase()).spoolEvents, 6);
    assert.deepEqual(await places(), {});
    await drain(test.database, spool.path);
    assert.deepEqual(await assertTrue(), { recorded: 8, rows: 8, queued: 0 });
    const counts = (from: string) => test.database.any<object>(`select ${from} group by 1 order by 1`);
    const rolled = await counts(
      `labels ->> 'workspace' as workspace, sum(rows)::int as rows from keepwatch.observability_rollup_1m`,
    );
    const raw = await counts(`metadata ->> 'workspace' as workspace, count(*)::int as rows from keepwatch.observability_metrics`);
    assert.deepEqual(
      [rolled, raw],
      [
        [
          { workspace: 'w1', rows: 4 },
          { workspace: 'w2', rows: 4 },
        ],
        rolled,
      ],
    );
  });

  it('says what running processes still hold, and erases it when they have archived it', async () => {
    await spoolSome(false);
    const { spoolEvents, waiting } = await erase();
    assert.deepEqual([spoolEvents, waiting], [0, 2]);
    assert.notDeepEqual(await places(), {});
    for (const name of readdirSync(spool.path)) {
      const path = join(spool.path, name, 'source.json');
      writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), pidStartTime: '1' }));
    }
    await drain(test.database, spool.path);
    const second = await erase();
    assert.deepEqual([second.tables.map(({ rows }) => rows), second.waiting], [[2], 0]);
    assert.deepEqual(await places(), {});
    await assertTrue();
  });

  it('names what no event can be read from, and leaves it', async () => {
    await spoolSome(true);
    const [file = ''] = readdirSync(spool.path, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.seg'));
    const bytes = readFileSync(join(spool.path, file));
    mkdirSync(join(spool.path, 'suspect'), { recursive: true });
    writeFileSync(join(spool.path, 'suspect', 'piece'), bytes.subarray(200));
    writeFileSync(join(spool.path, 'suspect', 'other'), 'nobody is in this one');
    const torn = Buffer.concat([bytes, bytes.subarray(bytes.indexOf('KWBK') + 10)]);
    writeFileSync(join(spool.path, file), torn);
    const { left, spoolEvents } = await erase();
    assert.deepEqual([left.length, spoolEvents], [2, 2]);
    assert.match(
      left.join('\n'),
      /\.seg: bytes that no event can be read from.*\n.*suspect\/piece: no event can be read from it/,
    );
  });

  it('keeps the time of a file that is kept for a while, so that it is removed when it would have been', async () => {
    await archiveSome();
    const acks = readdirSync(spool.path, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ack'));
    const times = () => acks.map((name) => Math.round(statSync(join(spool.path, name)).mtimeMs));
    const before = times();
    await erase();
    assert.deepEqual(times(), before);
  });

  it('erases only what ended in the time that is asked for', async () => {
    await archiveSome();
    const report = await erase({ from: new Date(Date.now() - 3.5 * DAY_MS), until: new Date(Date.now() - 0.5 * DAY_MS) });
    assert.equal(
      report.tables.reduce((sum, { rows }) => sum + rows, 0),
      3,
    );
    assert.equal(report.spoolEvents, 3);
  });

  it('erases in a partition that is detached and not dropped', async () => {
    await archiveSome();
    const day = new Date(Date.now() - 2 * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '');
    const name = `observability_metrics_p${day}`;
    await test.database.none('insert into keepwatch.retired_partitions (name, until) values ($1, now())', [name]);
    await test.database.none('alter table keepwatch.observability_metrics detach partition keepwatch.$1:name', [name]);
    const { tables } = await erase();
    assert.ok(tables.some(({ table }) => table === name));
    assert.deepEqual(await places(), {});
  });

  it('names a table that somebody keeps locked, and goes on with the others', async () => {
    await archiveSome();
    const blocker = createDatabase({ url: test.url, max: 1 });
    const stop = new AbortController();
    try {
      await blocker.tx(async (transaction) => {
        await transaction.none('lock table keepwatch.observability_quarantine in access exclusive mode');
        setTimeout(() => stop.abort(), 500);
        const { left } = await erase({ signal: stop.signal });
        assert.deepEqual(left, ['keepwatch.observability_quarantine: somebody keeps it locked']);
      });
    } finally {
      await closeDatabase(blocker);
    }
    assert.equal((await places())['observability_quarantine'], 2);
    await erase();
    assert.deepEqual(await places(), {});
  });

  it('says when the labels of a metric hold it too', async () => {
    await test.database.none(
      `insert into keepwatch.observability_series (series_id, service, type, name, labels, created_at)
       values (1, 's', 'agent', 'n', $1, now())`,
      [JSON.stringify({ user_id: USER })],
    );
    assert.equal((await erase()).isLabel, true);
  });

  it('refuses users who do not own the table', async () => {
    await test.database.none(`create role erase_stranger login password 'x'`).catch(() => {});
    await test.database.none(
      'grant usage on schema keepwatch to erase_stranger; grant select on all tables in schema keepwatch to erase_stranger',
    );
    const url = new URL(test.url);
    url.username = 'erase_stranger';
    url.password = 'x';
    const database = createDatabase({ url: url.href, max: 1 });
    try {
      await assert.rejects(
        erase({ database }),
        (error: unknown) =>
          error instanceof KeepwatchError && error.code === 'ERR_USAGE' && /only the user that owns/.test(error.message),
      );
    } finally {
      await closeDatabase(database);
    }
  });
});
