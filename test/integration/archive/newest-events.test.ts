// The newest events of a question are found without reading what is between them, and whatever rollups know or do not know yet.
import assert from 'node:assert/strict';
import { readEventPage } from '../../../src/archive/queries/events.ts';
import { type Ask, readSnapshot } from '../../../src/archive/queries/read-snapshot.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { archiveEvents, createSpoolDir } from '../../support/test-archive.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

describe('the newest events', function () {
  this.timeout(30_000);
  const nowMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS + 30_000;
  const rareAt = nowMs - 5 * DAY_MS;
  let test: TestDatabase;

  before(async () => {
    test = await createTestDatabase();
    const spool = createSpoolDir();
    const rare = { type: 'tool', name: 'rare', service: 'test', metadata: '' } as const;
    // Three hours of an event each 10 s, the last of them an hour ago, the tenth of each slow; and a few of another series days ago.
    const busy = Array.from({ length: 1080 }, (_, index) => ({
      endMs: nowMs - HOUR_MS - index * 10 * SECOND_MS,
      durationMs: index % 10 === 9 ? 900 + index : 5,
    }));
    const seldom = [0, 1, 2 * HOUR_MS, DAY_MS].map((ago) => ({ series: rare, endMs: rareAt - ago, durationMs: 5 }));
    await archiveEvents(test.database, spool.path, [...busy, ...seldom]);
    spool.remove();
  });
  after(() => test.drop());

  /** The events, and how much time was read to find them. */
  async function find(query: Partial<Parameters<typeof readEventPage>[1]>) {
    let readMs = 0;
    let questions = 0;
    const given = { from: new Date(0), to: new Date(nowMs + HOUR_MS), limit: 50, ...query };
    const page = await readSnapshot(
      test.database,
      (ask) => {
        const counting: Ask = (file, values) => {
          questions++;
          const { sinces, untils } = { sinces: [], untils: [], ...values } as { sinces: number[]; untils: number[] };
          for (const [index, since] of sinces.entries()) readMs += Math.min(nowMs, untils[index] ?? Number.NaN) - since;
          return ask(file, values);
        };
        return readEventPage(counting, given, nowMs);
      },
      10_000,
    );
    return { events: page.events, cursor: page.cursor, readMs, questions };
  }

  it('of a rare name are found in their minutes alone', async () => {
    const { events, readMs, questions } = await find({ names: ['rare'] });
    assert.deepEqual(
      events.map(({ end_time }) => Date.parse(end_time)),
      [0, 1, 2 * HOUR_MS, DAY_MS].map((ago) => rareAt - ago),
    );
    assert.ok(readMs <= 5 * MINUTE_MS, `${readMs} ms were read`);
    assert.ok(questions <= 5, `${questions} questions`);
  });

  it('of a name that never ran are looked for in the last seconds alone', async () => {
    const { events, readMs } = await find({ names: ['never'] });
    assert.equal(events.length, 0);
    assert.ok(readMs <= 10 * SECOND_MS, `${readMs} ms were read`);
  });

  it('behind an hour without any are found without reading what is behind them', async () => {
    for (const names of [undefined, ['GET /things/:id']]) {
      const { events, readMs } = await find({ names, limit: 50 });
      assert.equal(events.length, 50);
      assert.equal(Date.parse(events[0]?.end_time ?? ''), nowMs - HOUR_MS);
      assert.ok(readMs <= 12 * MINUTE_MS, `${readMs} ms were read`);
    }
  });

  it('that took long are looked for where one did', async () => {
    const { events, readMs } = await find({ names: ['GET /things/:id'], minDurationMs: 900, limit: 1000 });
    assert.equal(events.length, 108);
    assert.ok(readMs <= 120 * MINUTE_MS, `${readMs} ms were read`);
  });

  it('page by page read each part once or twice', async () => {
    let cursor: string | undefined;
    let total = 0;
    let totalMs = 0;
    do {
      const page = await find({ names: ['GET /things/:id'], limit: 100, cursor });
      total += page.events.length;
      totalMs += page.readMs;
      cursor = page.cursor;
    } while (cursor !== undefined);
    assert.equal(total, 1080);
    assert.ok(totalMs <= 2 * 3 * HOUR_MS, `${totalMs} ms were read`);
  });

  it('are found where rollups do not know of them yet', async () => {
    const at = new Date(nowMs - 3 * DAY_MS);
    await test.database.none(
      `insert into keepwatch.observability_metrics (id, start_time, end_time, duration_ms, source_id, name, type, status, service)
      values (gen_random_uuid(), $<at>, $<at>, 5, 1, 'before rollups', 'tool', 'success', 'test')`,
      { at },
    );
    await test.database.none(`insert into keepwatch.rollup_history values (($<at>::timestamptz at time zone 'UTC')::date)`, {
      at,
    });
    assert.equal((await find({ names: ['before rollups'] })).events.length, 1);
    await test.database.none('truncate keepwatch.rollup_history');
    await test.database.none(`insert into keepwatch.rollup_backlog values (1, 'rest', $<at>)`, { at });
    assert.equal((await find({ names: ['before rollups'] })).events.length, 1);
    await test.database.none('truncate keepwatch.rollup_backlog');
  });
});
