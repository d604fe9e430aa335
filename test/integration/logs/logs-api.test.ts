// GET /logs over HTTP against brute force on the rows.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createArchiveQueries } from '../../../src/archive/queries.ts';
import { LOG_LEVELS, type LogLevel } from '../../../src/log.ts';
import type { LogRow } from '../../../src/log-row.ts';
import { type ApiServer, startApi } from '../../support/api-server.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const MINUTES = 120;
const LEVELS = Object.keys(LOG_LEVELS) as LogLevel[];
const TRACES = ['1', '2', '3'].map((digit) => digit.repeat(32));
const MESSAGES = ['card refused', 'card taken', '100% _ \\ done', "it's; drop table x --", '((a+)+)+$'];
const PARTS = [...MESSAGES, 'card', 'CARD', '%', '_', '.*', 'nothing'];
const maybe = <T>(values: readonly T[]) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant<T | undefined>(undefined) }, { weight: 1, arbitrary: fc.constantFrom(...values) });
const queries = fc.record({
  fromMinute: fc.integer({ min: 0, max: MINUTES - 1 }),
  toMinute: fc.integer({ min: 1, max: MINUTES + 1 }),
  level: maybe(LEVELS),
  service: maybe(['chat', 'shop', 'none']),
  logger: maybe(['orders', 'mail']),
  trace: maybe(TRACES),
  message: maybe(PARTS),
});

interface RawLine extends Pick<LogRow, 'id' | 'level_number' | 'message' | 'logger' | 'service' | 'trace_id'> {
  /** Microseconds since the epoch. */
  readonly us: number;
}

interface Page {
  readonly logs: readonly LogRow[];
  readonly cursor?: string;
}

describe('GET /logs', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let api: ApiServer;
  let raw: RawLine[];
  const nowMs = Math.floor(Date.now() / 60_000) * 60_000;
  const startMs = nowMs - MINUTES * 60_000;

  before(async () => {
    test = await createTestDatabase();
    await test.database.one('select keepwatch.ensure_log_partitions($1, $2) as made', [new Date(startMs), new Date(nowMs)]);
    // Many in one microsecond.
    await test.database.none(
      `insert into keepwatch.observability_logs (id, time, source_id, trace_id, level, service, logger, message, span_id, attributes)
       select gen_random_uuid(), $<start>::timestamptz + n / 7 * interval '7.7 seconds', 9223372036854775807,
         ($<traces>::uuid[])[n % 5 + 1], case when n % 2 = 0 then 10 + n / 2 % 6 * 10 else 1 + n * 7 % 70 end, case when n % 3 = 0 then 'shop' else 'chat' end,
         ($<loggers>::text[])[n % 3 + 1], ($<messages>::text[])[n * 11 % 5 + 1], decode('b7ad6b7169203331', 'hex'), jsonb_build_object('n', n)
       from generate_series(0, 2999) as n
       where $<start>::timestamptz + n / 7 * interval '7.7 seconds' < $<end>::timestamptz`,
      { start: new Date(startMs), end: new Date(nowMs), traces: TRACES, loggers: ['orders', 'mail'], messages: MESSAGES },
    );
    raw = await test.database.any<RawLine>(
      `select id, level as level_number, message, logger, service, replace(trace_id::text, '-', '') as trace_id,
         (extract(epoch from time) * 1000000)::float8 as us
       from keepwatch.observability_logs order by time desc, id desc`,
    );
    const archive = createArchiveQueries(test.database, { now: () => nowMs });
    api = await startApi({ archive, alerts: undefined, now: () => nowMs, collectReasons: () => [] });
  });
  after(async () => {
    await api.stop();
    await test.drop();
  });

  const pathOf = (parameters: Readonly<Record<string, string | undefined>>) => {
    const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return `/logs?${String(new URLSearchParams(given))}`;
  };

  it('equals brute force for any filter, page by page', async () => {
    await fc.assert(
      fc.asyncProperty(queries, async ({ fromMinute, toMinute, level, service, logger, trace, message }) => {
        const from = startMs + Math.min(fromMinute, toMinute - 1) * 60_000;
        const to = startMs + toMinute * 60_000;
        const expected = raw.filter(
          (line) =>
            line.us >= from * 1000 &&
            line.us < to * 1000 &&
            (level === undefined || line.level_number >= LOG_LEVELS[level]) &&
            (service === undefined || line.service === service) &&
            (logger === undefined || line.logger === logger) &&
            (trace === undefined || line.trace_id === trace) &&
            (message === undefined || line.message.includes(message)),
        );
        const filter = { from: String(from / 1000), to: String(to / 1000), level, service, logger, trace_id: trace, message };
        const found: string[] = [];
        let cursor: string | undefined;
        do {
          const { status, data, error } = await api.get<Page>(pathOf({ ...filter, limit: '700', cursor }));
          assert.equal(status, 200, error);
          found.push(...data.logs.map(({ id }) => id));
          cursor = data.cursor;
        } while (cursor !== undefined);
        assert.deepEqual(
          found,
          expected.map(({ id }) => id),
        );
      }),
      { numRuns: 40 },
    );
  });

  it('gives every column of a line, its level by name', async () => {
    const { data } = await api.get<Page>(pathOf({ limit: '1', from: String(startMs / 1000), to: String(nowMs / 1000) }));
    const [line] = data.logs;
    const expected = raw[0];
    assert.deepEqual([line?.id, line?.message, line?.level_number], [expected?.id, expected?.message, expected?.level_number]);
    assert.equal(line?.level, LEVELS.toReversed().find((level) => LOG_LEVELS[level] <= (expected?.level_number ?? 0)) ?? 'trace');
    assert.deepEqual([line?.source_id, line?.span_id], ['9223372036854775807', 'b7ad6b7169203331']);
  });

  it('refuses what is no filter, and a cursor of another question, and says what is allowed', async () => {
    const bad = await api.get(pathOf({ level: 'loud', limit: '0', colour: 'red' }));
    assert.equal(bad.status, 400);
    assert.match(bad.error ?? '', /level: got "loud"; allowed: trace, debug/);
    assert.match(bad.error ?? '', /limit: got "0"; allowed: a whole number, 1 to 1000/);
    assert.match(bad.error ?? '', /colour: unknown; allowed: from, to, level, service, logger, trace_id, message/);
    const { data } = await api.get<Page>(pathOf({ limit: '1', from: String(startMs / 1000) }));
    const other = await api.get(pathOf({ cursor: data.cursor, level: 'warn' }));
    assert.deepEqual([other.status, other.errorType], [400, 'bad_data']);
    const ofEvents = await api.get(`/events?cursor=${data.cursor}`);
    assert.equal(ofEvents.status, 400);
  });
});
