// GET /traces/{id} over HTTP: order, depth, parents that are missing, and bounds.
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

describe('GET /api/v1/traces/{id}', () => {
  const nowMs = Math.floor(Date.now() / 1000) * 1000;
  let test: TestDatabase;
  let api: ApiServer;
  before(async function () {
    this.timeout(30_000);
    test = await createTestDatabase();
    api = await startApi({
      archive: createArchiveQueries(test.database),
      alerts: undefined,
      collectReasons: () => [],
      now: () => nowMs,
    });
  });
  after(async () => {
    await api?.stop();
    await test?.drop();
  });

  const record = async (...events: ArrayEvent[]) => {
    const spool = createSpoolDir();
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    tracker.record(...events);
    await archive.stop({ timeoutMs: 10_000 });
    spool.remove();
  };
  const newTraceId = () => randomBytes(16).toString('hex');
  const newSpanId = () => randomBytes(8).toString('hex');
  const get = async (path: string) => {
    const { status, data, error } = await api.get<Trace>(`/traces/${path}`);
    assert.equal(status, 200, error);
    return data;
  };

  it('lists the spans in the order in which they began, each with its depth, and how long all took', async () => {
    const traceId = newTraceId();
    const [root, agent, tool, llm] = [newSpanId(), newSpanId(), newSpanId(), newSpanId()];
    const span = (spanId: string, parentSpanId: string | undefined, startMs: number, durationMs: number, service = 'chat') => ({
      traceId,
      spanId,
      parentSpanId,
      durationMs,
      endMs: nowMs - 60_000 + startMs + durationMs,
      series: { type: 'api', name: spanId, service, metadata: '' } as const,
    });
    await record(
      { ...span(tool, agent, 20, 30.125), status: 'failure', error: 'Error: no' },
      span(llm, agent, 60, 900),
      span(agent, root, 0, 500),
      span(root, undefined, 0, 400.5, 'gateway'),
    );
    const trace = await get(traceId);
    assert.deepEqual(
      trace.spans.map(({ name, depth, offset_ms, parent_span_id, is_parent_missing }) => [
        name,
        depth,
        offset_ms,
        parent_span_id,
        is_parent_missing,
      ]),
      [
        [root, 0, 0, null, false],
        [agent, 1, 0, root, false],
        [tool, 2, 20, agent, false],
        [llm, 2, 60, agent, false],
      ],
    );
    const { duration_ms, failures, services, missing_span_ids, is_truncated, searched } = trace;
    assert.deepEqual(
      { duration_ms, failures, services, missing_span_ids, is_truncated, searched },
      {
        duration_ms: 960,
        failures: 1,
        services: ['chat', 'gateway'],
        missing_span_ids: [],
        is_truncated: false,
        searched: { from: null, to: null },
      },
    );
    assert.equal(Date.parse(trace.end_time) - Date.parse(trace.start_time), 960);
    const asUuid = traceId.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-').toUpperCase();
    assert.deepEqual(await get(asUuid), trace);
  });

  it('names parents that are not there, and survives ids that go in a circle', async () => {
    const traceId = newTraceId();
    const [orphan, child, a, b, self, missing] = Array.from({ length: 6 }, newSpanId) as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    const at = (spanId: string, parentSpanId: string, agoMs: number) => ({
      traceId,
      spanId,
      parentSpanId,
      durationMs: 1,
      endMs: nowMs - agoMs,
    });
    await record(at(orphan, missing, 600), at(child, orphan, 500), at(a, b, 400), at(b, a, 300), at(self, self, 200));
    const { spans, missing_span_ids } = await get(traceId);
    assert.deepEqual(missing_span_ids, [missing]);
    const depths = new Map(spans.map(({ span_id, depth, is_parent_missing }) => [span_id, [depth, is_parent_missing]]));
    assert.deepEqual(depths.get(orphan), [0, true]);
    assert.deepEqual(depths.get(child), [1, false]);
    assert.deepEqual(depths.get(self), [0, false]);
    assert.deepEqual(new Set([depths.get(a)?.[0], depths.get(b)?.[0]]), new Set([0, 1]));
  });

  it('gives every span of any tree the depth that it has in it', async function () {
    this.timeout(60_000);
    const trees = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 50 })), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(trees, async (nodes) => {
        const traceId = newTraceId();
        const spanIds = nodes.map(newSpanId);
        const parents = nodes.map(([seed], index) => (index === 0 ? -1 : seed % index));
        const depths: number[] = [];
        for (const parent of parents) depths.push(parent < 0 ? 0 : (depths[parent] ?? 0) + 1);
        await record(
          ...nodes.map(([, offset], index) => ({
            traceId,
            spanId: spanIds[index],
            parentSpanId: spanIds[parents[index] ?? -1],
            durationMs: 1,
            endMs: nowMs - 1000 + offset,
          })),
        );
        const { spans } = await get(traceId);
        assert.deepEqual(
          spans.map(({ span_id, depth }) => `${span_id} ${depth}`).sort(),
          spanIds.map((spanId, index) => `${spanId} ${depths[index]}`).sort(),
        );
        const starts = spans.map(({ start_time }) => start_time);
        assert.deepEqual(starts, starts.toSorted());
        assert.equal(spans[0]?.offset_ms, 0);
      }),
      { numRuns: 8 },
    );
  });

  it('stops at its limit, and says so', async () => {
    const traceId = newTraceId();
    await record(
      ...Array.from({ length: 12 }, (_, index) => ({ traceId, spanId: newSpanId(), durationMs: 0, endMs: nowMs - 5000 + index })),
    );
    const cut = await get(`${traceId}?limit=5`);
    assert.deepEqual([cut.spans.length, cut.is_truncated, cut.duration_ms], [5, true, 4]);
    const whole = await get(`${traceId}?limit=12`);
    assert.deepEqual([whole.spans.length, whole.is_truncated], [12, false]);
  });

  it('reads only the days near a hint, and says what it has searched', async () => {
    const traceId = newTraceId();
    const endMs = nowMs - 5 * DAY_MS;
    await record({ traceId, spanId: newSpanId(), endMs });
    const dayMs = Math.floor(endMs / DAY_MS) * DAY_MS;
    for (const [nearMs, fromMs, toMs] of [
      [dayMs + 43_200_000, dayMs, dayMs + DAY_MS],
      [dayMs + 3_599_999, dayMs - DAY_MS, dayMs + DAY_MS],
      [dayMs + DAY_MS - 3_600_000, dayMs, dayMs + 2 * DAY_MS],
    ] as const) {
      const { spans, searched } = await get(`${traceId}?near=${new Date(nearMs).toISOString()}`);
      assert.deepEqual(
        [spans.length, searched.from, searched.to],
        [1, new Date(fromMs).toISOString(), new Date(toMs).toISOString()],
      );
    }
    assert.equal((await get(traceId)).spans.length, 1);
    const missed = await api.get(`/traces/${traceId}?near=${nowMs / 1000}`);
    assert.deepEqual([missed.status, missed.errorType], [404, 'not_found']);
    const unknown = await api.get(`/traces/${newTraceId()}`);
    assert.equal(unknown.status, 404);
  });
});
