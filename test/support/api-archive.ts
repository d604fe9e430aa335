// A database with a few hours of events of every kind, for comparing the API with brute force over the raw rows.
import { randomBytes } from 'node:crypto';
import { createArchiveQueries } from '../../src/archive/queries.ts';
import type { Database } from '../../src/db/database.ts';
import { EVENT_STATUSES, type EventSeries } from '../../src/event.ts';
import { type ApiServer, startApi } from './api-server.ts';
import { createTestDatabase } from './postgres.ts';
import { createSpoolDir, createTestArchive } from './test-archive.ts';

/** A row as brute force reads it. */
export interface RawEvent {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly status: string;
  readonly service: string;
  /** Microseconds since the epoch. */
  readonly end_us: number;
  readonly duration_ms: number;
  readonly trace_id: string | null;
  readonly error: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly weight: number;
}

export interface ApiArchive {
  readonly database: Database;
  readonly api: ApiServer;
  /** The moment at which the events end, and that the API believes to be now; a whole minute. */
  readonly nowMs: number;
  /** All rows, newest first. */
  readonly raw: readonly RawEvent[];
  stop(): Promise<void>;
}

export const SERIES: readonly EventSeries[] = [
  { type: 'api', name: 'GET /things/:id', service: 'shop', metadata: '"method":"GET"' },
  { type: 'api', name: 'POST /chat', service: 'chat', metadata: '"method":"POST"' },
  { type: 'llm', name: 'gpt', service: 'chat', metadata: '"model":"small","provider":"acme"' },
  { type: 'llm', name: 'gpt', service: 'chat', metadata: '"model":"large","provider":"acme"' },
  { type: 'tool', name: 'search', service: 'chat', metadata: '' },
  { type: 'db', name: '((a+)+)+$', service: 'shop', metadata: '' },
];

export const ERRORS = ['Error: timed out', 'Error: ((a+)+)+$', "TypeError: it's; drop table x --", 'Error: 100% \\ _'];

/** Four hours of 3000 events, many of them in one microsecond, each a little different. */
export async function createApiArchive(): Promise<ApiArchive> {
  const test = await createTestDatabase();
  const nowMs = Math.floor(Date.now() / 60_000) * 60_000;
  const spool = createSpoolDir();
  const { archive, tracker } = createTestArchive(test.database, spool.path);
  const traces = Array.from({ length: 20 }, () => randomBytes(16).toString('hex'));
  const pick = <T>(list: readonly T[], index: number) => list[index % list.length] as T;
  for (let index = 0; index < 3000; index++) {
    const status = index % 7 === 0 ? 'failure' : pick(EVENT_STATUSES, index % 41 === 0 ? 2 : 0);
    const hasTrace = index % 3 === 0;
    tracker.record({
      series: pick(SERIES, index * 7 + Math.floor(index / 11)),
      status,
      // Bunches of three end in the same microsecond.
      endMs: nowMs - 4 * 3_600_000 + Math.floor(index / 3) * 14_400 + 1.25,
      durationMs: ((index * 7919) % 100_003) / 37,
      weight: index % 50 === 0 ? 4 : 1,
      ...(status === 'failure' && { error: pick(ERRORS, index), lane: 'keep' as const }),
      ...(hasTrace && { traceId: pick(traces, index), spanId: randomBytes(8).toString('hex') }),
      metadata: `"user_id":${index % 4 === 0 ? index % 12 : `"${index % 12}"`},"deep":{"a":[1,"x"]},"none":null${index % 2 === 0 ? ',"beta":true' : ''}`,
    });
  }
  await archive.stop({ timeoutMs: 10_000 });
  spool.remove();
  const api = await startApi({
    archive: createArchiveQueries(test.database),
    alerts: undefined,
    collectReasons: () => [],
    now: () => nowMs,
  });
  return {
    database: test.database,
    api,
    nowMs,
    raw: await readRaw(test.database),
    async stop() {
      await api.stop();
      await test.drop();
    },
  };
}

export function readRaw(database: Database): Promise<RawEvent[]> {
  return database.any<RawEvent>(`
    select id, name, type, status, service, (extract(epoch from end_time) * 1000000)::float8 as end_us, duration_ms,
      replace(trace_id::text, '-', '') as trace_id, error, metadata, weight
    from keepwatch.observability_metrics
    order by end_time desc, id desc`);
}
