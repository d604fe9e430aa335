// The log lines of GET /traces/{id} over HTTP, against brute force on the rows.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import type { Trace } from '../../../src/archive/queries/trace.ts';
import { createArchiveQueries } from '../../../src/archive/queries.ts';
import { type ApiServer, startApi } from '../../support/api-server.ts';
import type { ArrayEvent } from '../../support/array-batch.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir, createTestArchive } from '../../support/test-archive.ts';

const DAY_MS = 86_400_000;
const DAYS = 4;
const TRACES = Array.from({ length: 5 }, () => randomBytes(16).toString('hex'));
const [SPANLESS = ''] = TRACES;

interface RawLine {
  readonly id: string;
  readonly service: string;
  readonly trace_id: string;
  /** Microseconds since the epoch. */
  readonly us: number;
}

describe('log lines of GET /api/v1/traces/{id}', function () {
  this.timeout(60_000);
  const nowMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const startMs = nowMs - DAYS * DAY_MS;
  let test: TestDatabase;
  let api: ApiServer;
  let raw: RawLine[];

  before(async () => {
    test = await createTestDatabase();
    await test.database.one('select keepwatch.ensure_log_partitions($1, $2) as made', [new Date(startMs), new Date(nowMs)]);
    // Many in one microsecond, some at midnight; every sixth line is of no trace.
    await test.database.none(
      `insert into keepwatch.observability_logs (id, time, source_id, trace_id, level, service, logger, message, span_id, attributes)
       select gen_random_uuid(), $<start>::timestamptz + n / 9 * interval '960 seconds', 9223372036854775807, ($<traces>::uuid[])[n % 6 + 1],
         10 + n % 6 * 10, case when n % 4 = 0 then 'shop' else 'chat' end, 'mail', 'line ' || n, decode('b7ad6b7169203331', 'hex'),
         jsonb_build_object('n', n)
       from generate_series(0, 2999) as n`,
      { start: new Date(startMs), traces: TRACES },
    );
    raw = await test.database.any<RawLine>(
      `select id, service, replace(trace_id::text, '-', '') as trace_id, (extract(epoch from time) * 1000000)::float8 as us
       from keepwatch.observability_logs where trace_id is not null order by time, id`,
    );
    await recordSpans();
    const archive = createArchiveQueries(test.database, { now: () => nowMs });
    api = await startApi({ archive, alerts: undefined, now: () => nowMs, collectReasons: () => [] });
  });
  after(async () => {
    await api?.stop();
    await test?.drop();
  });

  /** A span at noon of each day, of all traces but the first one. */
  async function recordSpans(): Promise<void> {
    const spool = createSpoolDir();
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    const events = TRACES.slice(1).flatMap((traceId) =>
      Array.from({ length: DAYS }, (_, day): ArrayEvent => {
        const endMs = startMs + day * DAY_MS + DAY_MS / 2;
        return { traceId, spanId: randomBytes(8).toString('hex'), endMs, durationMs: 1000 };
      }),
    );
    tracker.record(...events);
    await archive.stop({ timeoutMs: 10_000 });
    spool.remove();
  }

  const get = async (path: string) => {
    const { status, data, error } = await api.get<Trace>(`/traces/${path}`);
    assert.equal(status, 200, error);
    return data;
  };

  it('are all that the trace has, in the order of time, up to the limit', async () => {
    const queries = fc.record({
      traceId: fc.constantFrom(...TRACES),
      nearMs: fc.option(fc.integer({ min: startMs, max: nowMs - 1 }), { nil: undefined }),
      logLimit: fc.oneof(fc.constant(5000), fc.integer({ min: 1, max: 600 })),
    });
    await fc.assert(
      fc.asyncProperty(queries, async ({ traceId, nearMs, logLimit }) => {
        const near = nearMs === undefined ? '' : `&near=${new Date(nearMs).toISOString()}`;
        const trace = await get(`${traceId}?log_limit=${logLimit}${near}`);
        const fromUs = Date.parse(trace.searched.from ?? '1970-01-01') * 1000;
        const toUs = Date.parse(trace.searched.to ?? '9999-01-01') * 1000;
        const all = raw.filter((line) => line.trace_id === traceId && line.us >= fromUs && line.us < toUs);
        const expected = all.slice(0, logLimit);
        const startUs = microseconds(trace.start_time);
        assert.deepEqual(
          trace.logs.map(({ id, service, offset_ms }) => [id, service, offset_ms]),
          expected.map(({ id, service, us }) => [id, service, (us - startUs) / 1000]),
        );
        assert.equal(trace.are_logs_truncated, all.length > logLimit);
        assert.ok(!trace.is_truncated);
        const services = new Set([...trace.spans, ...expected].map(({ service }) => service));
        assert.deepEqual(trace.services, [...services].sort());
      }),
      { numRuns: 60 },
    );
  });

  it('stand alone where no span has ended yet', async () => {
    const trace = await get(`${SPANLESS}?log_limit=5000`);
    const lines = raw.filter(({ trace_id }) => trace_id === SPANLESS);
    assert.deepEqual([trace.spans, trace.failures, trace.missing_span_ids], [[], 0, []]);
    assert.equal(microseconds(trace.start_time), lines[0]?.us);
    assert.equal(microseconds(trace.end_time), lines.at(-1)?.us);
    assert.equal(trace.duration_ms, ((lines.at(-1)?.us ?? 0) - (lines[0]?.us ?? 0)) / 1000);
    assert.equal((await api.get(`/traces/${SPANLESS}?log_limit=0`)).status, 404);
  });

  it('may lie before the first span, and have every column of a line', async () => {
    const trace = await get(`${TRACES[1]}?log_limit=1`);
    const [line] = trace.logs;
    const n = Number(line?.attributes['n']);
    assert.ok(line !== undefined && line.offset_ms < 0, `${line?.offset_ms}`);
    assert.equal(trace.spans[0]?.offset_ms, 0);
    assert.deepEqual(
      [line.message, line.logger, line.level, line.level_number, line.span_id],
      [`line ${n}`, 'mail', 'debug', 20, 'b7ad6b7169203331'],
    );
  });

  it('are not read where none are wanted', async () => {
    const { logs, are_logs_truncated, services, spans } = await get(`${TRACES[1]}?log_limit=0`);
    assert.deepEqual([logs, are_logs_truncated, services, spans.length], [[], false, ['test'], DAYS]);
  });
});

/** Microseconds since the epoch of a time as the API gives it. */
function microseconds(time: string): number {
  return Date.parse(`${time.slice(0, 19)}Z`) * 1000 + Number(time.slice(20, 26));
}
