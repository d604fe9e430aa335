import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '../../../src/logger.ts';
import { createJsonlFolder, createTestStore, readFolder } from '../../support/jsonl-folder.ts';
import { waitFor } from '../../support/wait-for.ts';

const DAY_MS = 86_400_000;
const NOON_MS = Date.UTC(2026, 10, 21, 12);

describe('JsonlStore', () => {
  let folder: ReturnType<typeof createJsonlFolder>;
  beforeEach(() => {
    folder = createJsonlFolder();
  });
  afterEach(() => folder.remove());

  it('writes each event as a line with the columns of keepwatch.events, in the file of the UTC day of its end', async () => {
    const { store, tracker } = createTestStore(folder.path);
    const ids = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', parentSpanId: '00f067aa0ba902b7' };
    tracker.record({ endMs: NOON_MS + 0.25, durationMs: 1500.5, metadata: '"user":"ü"', ...ids });
    await store.flush();
    assert.deepEqual(readdirSync(folder.path), ['2026-11-21.jsonl']);
    const [line] = readFileSync(join(folder.path, '2026-11-21.jsonl'), 'utf8').split('\n');
    const { id, source_id, ...event } = JSON.parse(line ?? '');
    assert.match(id, /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    assert.match(source_id, /^\d{1,19}$/);
    assert.deepEqual(event, {
      name: 'GET /things/:id',
      type: 'api',
      status: 'success',
      start_time: '2026-11-21T11:59:58.499750Z',
      end_time: '2026-11-21T12:00:00.000250Z',
      duration_ms: 1500.5,
      service: 'test',
      trace_id: ids.traceId,
      span_id: ids.spanId,
      parent_span_id: ids.parentSpanId,
      error: null,
      metadata: { method: 'GET', user: 'ü' },
      weight: 1,
    });
    await store.stop({ timeoutMs: 1000 });
  });

  it('makes folder and files that only their owner can read, when the first event comes', async () => {
    const { store, tracker } = createTestStore(folder.path);
    await store.flush();
    assert.equal(existsSync(folder.path), false);
    tracker.record({ endMs: NOON_MS });
    await store.flush();
    assert.equal(statSync(folder.path).mode & 0o777, 0o700);
    assert.equal(statSync(join(folder.path, '2026-11-21.jsonl')).mode & 0o777, 0o600);
  });

  it('goes on in the file of the next day at midnight UTC, and back where a late event belongs', async () => {
    const { store, tracker } = createTestStore(folder.path);
    const midnightMs = Date.UTC(2026, 10, 22);
    for (const endMs of [midnightMs - 1, midnightMs - 0.001, midnightMs, midnightMs + 1, midnightMs - 2])
      tracker.record({ endMs });
    await store.flush();
    const daysOf = (name: string) => readFileSync(join(folder.path, name), 'utf8').trim().split('\n').length;
    assert.deepEqual(
      readdirSync(folder.path).map((name) => [name, daysOf(name)]),
      [
        ['2026-11-21.jsonl', 3],
        ['2026-11-22.jsonl', 2],
      ],
    );
    assert.equal(new Set(readFolder(folder.path).events.map(({ id }) => id)).size, 5);
  });

  it('keeps what a clock says that jumps by years, each event in its day', async () => {
    const { store, tracker } = createTestStore(folder.path);
    for (const endMs of [0, NOON_MS, Date.UTC(2099, 0, 1), NOON_MS, Number.NaN, -5, Infinity])
      tracker.record({ endMs, durationMs: 0 });
    await store.flush();
    const { events, broken } = readFolder(folder.path);
    assert.equal(events.length, 7);
    assert.deepEqual(broken, []);
    assert.ok(existsSync(join(folder.path, '1970-01-01.jsonl')) && existsSync(join(folder.path, '2099-01-01.jsonl')));
    assert.equal(events.filter(({ metadata }) => metadata['keepwatch.invalid_time'] === true).length, 3);
  });

  it('ends a line that somebody left torn before it writes its own', async () => {
    mkdirSync(folder.path, { recursive: true });
    const path = join(folder.path, '2026-11-21.jsonl');
    writeFileSync(path, '{"id":"torn');
    const { store, tracker } = createTestStore(folder.path);
    tracker.record({ endMs: NOON_MS });
    await store.flush();
    appendFileSync(path, '{"id":"torn again');
    tracker.record({ endMs: NOON_MS });
    store.appendSync();
    const { events, broken } = readFolder(folder.path);
    assert.equal(events.length, 2);
    assert.deepEqual(broken, ['{"id":"torn', '{"id":"torn again']);
  });

  it('makes the file again when somebody has moved or removed it', async () => {
    const { store, tracker } = createTestStore(folder.path);
    tracker.record({ endMs: NOON_MS });
    await store.flush();
    rmSync(folder.path, { recursive: true });
    tracker.record({ endMs: NOON_MS });
    await store.flush();
    assert.equal(readFolder(folder.path).events.length, 1);
  });

  it('keeps events in memory while the folder cannot be written, says why once, and writes them when it can', async () => {
    mkdirSync(join(folder.path, '2026-11-21.jsonl'), { recursive: true });
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (_fields: object, message: string) => void warnings.push(message) };
    const { store, tracker } = createTestStore(folder.path, { logger });
    for (let index = 0; index < 3; index++) {
      tracker.record({ endMs: NOON_MS });
      await store.flush();
    }
    const { state, reasons, spoolEvents, archived, failures } = store.stats();
    assert.deepEqual({ state, spoolEvents, archived }, { state: 'degraded', spoolEvents: 3, archived: 0 });
    assert.ok(failures >= 3);
    assert.match(reasons.join(), /the JSONL folder cannot be written: .*EISDIR/);
    assert.equal(warnings.length, 1);
    rmSync(join(folder.path, '2026-11-21.jsonl'), { recursive: true });
    await waitFor(() => store.stats().state === 'ok');
    assert.equal(readFolder(folder.path).events.length, 3);
    assert.equal(store.stats().archived, 3);
  });

  it('drops what does not fit in memory, the ordinary first, and counts every event', async () => {
    mkdirSync(join(folder.path, '2026-11-21.jsonl'), { recursive: true });
    const { store, tracker } = createTestStore(folder.path, { maxQueueBytes: 200_000 });
    tracker.record({ endMs: NOON_MS });
    await store.flush();
    for (let index = 0; index < 2000; index++) tracker.record({ endMs: NOON_MS, lane: 'rest' });
    tracker.collect();
    const before = store.stats();
    for (let index = 0; index < 10; index++) tracker.record({ endMs: NOON_MS, lane: 'keep', status: 'failure' });
    tracker.collect();
    const { archived, dropped, spoolEvents, spoolBytes, spoolLimitBytes, spoolFreeBytes, reasons } = store.stats();
    assert.deepEqual([spoolLimitBytes, spoolFreeBytes], [200_000, 200_000 - spoolBytes]);
    assert.equal(tracker.recorded, archived + (dropped.spool_error ?? 0) + spoolEvents, 'the accounting law');
    assert.ok((dropped.spool_error ?? 0) > 0 && spoolBytes < 300_000, `${JSON.stringify(dropped)}, ${spoolBytes} bytes`);
    assert.equal(spoolEvents, before.spoolEvents + 10, 'failures still fit');
    assert.match(reasons.join(), /events are dropped/);
    rmSync(join(folder.path, '2026-11-21.jsonl'), { recursive: true });
    await store.flush();
    assert.equal(readFolder(folder.path).events.length, store.stats().archived);
    assert.equal(tracker.recorded, store.stats().archived + (store.stats().dropped.spool_error ?? 0));
  });

  it('counts an event that cannot be encoded, and writes those around it', async () => {
    const { store, tracker } = createTestStore(folder.path);
    tracker.record(
      { endMs: NOON_MS },
      { endMs: NOON_MS, metadata: '"a":' },
      { endMs: NOON_MS, metadata: '"a":1},"b":{"c":2' },
      { endMs: NOON_MS },
    );
    await store.flush();
    assert.equal(store.stats().dropped.encode_error, 2);
    assert.equal(readFolder(folder.path).events.length, 2);
  });

  it('resolves a flush when what was recorded before it is written, however fast more comes', async () => {
    const { store, tracker } = createTestStore(folder.path);
    let isOver = false;
    const record = () => {
      for (let index = 0; index < 200; index++) tracker.record({ endMs: NOON_MS });
      tracker.collect();
      if (!isOver) setImmediate(record);
    };
    record();
    for (let round = 0; round < 5; round++) {
      const { recorded } = tracker;
      await store.flush();
      assert.ok(store.stats().archived >= recorded, `${store.stats().archived} of ${recorded}`);
    }
    isOver = true;
    await new Promise((done) => setImmediate(done));
    await store.flush();
    assert.equal(store.stats().archived, tracker.recorded);
  });

  it('writes what still waits when the process ends', () => {
    const { store, tracker } = createTestStore(folder.path);
    tracker.record({ endMs: NOON_MS }, { endMs: NOON_MS + DAY_MS });
    store.appendSync();
    assert.equal(readFolder(folder.path).events.length, 2);
    assert.equal(store.stats().archived, 2);
  });

  it('waits, when the process ends, for the write that has begun: no event is lost or doubled', async () => {
    for (let round = 0; round < 30; round++) {
      const { store, tracker } = createTestStore(folder.path);
      for (let index = 0; index < 500; index++) tracker.record({ endMs: NOON_MS });
      tracker.collect();
      await new Promise((done) => setImmediate(done));
      if (round % 2 === 0) await new Promise((done) => setImmediate(done));
      tracker.record({ endMs: NOON_MS });
      store.appendSync();
    }
    const { events } = readFolder(folder.path);
    assert.equal(new Set(events.map(({ id }) => id)).size, 30 * 501);
    assert.equal(events.length, 30 * 501);
  });

  it('takes nothing after it was stopped, and may be stopped twice', async () => {
    const { store, tracker } = createTestStore(folder.path, { keepMs: DAY_MS });
    store.start();
    tracker.record({ endMs: NOON_MS });
    await Promise.all([store.stop({ timeoutMs: 1000 }), store.stop({ timeoutMs: 1000 })]);
    tracker.record({ endMs: NOON_MS });
    await store.flush();
    assert.equal(readFolder(folder.path).events.length, 1);
  });

  it('removes days that are no longer kept, except those that were written lately', async () => {
    mkdirSync(folder.path, { recursive: true });
    const old = new Date(NOON_MS - 10 * DAY_MS);
    for (const day of ['2026-11-18', '2026-11-19', '2026-11-20', '2026-11-21', '1970-01-01']) {
      const path = join(folder.path, `${day}.jsonl`);
      writeFileSync(path, '');
      const writtenAt = day === '1970-01-01' ? new Date(NOON_MS) : old;
      utimesSync(path, writtenAt, writtenAt);
    }
    writeFileSync(join(folder.path, 'notes.txt'), 'not ours');
    writeFileSync(join(folder.path, '2000-01-01.jsonl.bak'), 'not ours');
    const { store } = createTestStore(folder.path, { keepMs: 2 * DAY_MS, now: () => NOON_MS });
    store.start();
    await waitFor(() => !existsSync(join(folder.path, '2026-11-18.jsonl')));
    assert.deepEqual(readdirSync(folder.path).sort(), [
      '1970-01-01.jsonl',
      '2000-01-01.jsonl.bak',
      '2026-11-19.jsonl',
      '2026-11-20.jsonl',
      '2026-11-21.jsonl',
      'notes.txt',
    ]);
    await store.stop({ timeoutMs: 1000 });
  });
});
