import assert from 'node:assert/strict';
import pino from 'pino';
import { createKeepwatch } from '../../../../src/app.ts';
import { ObservabilityTracker } from '../../../../src/instrument/tracker.ts';
import { silentLogger } from '../../../../src/logger.ts';

describe('logMixin', () => {
  const WORK = { type: 'tool', name: 'work' } as const;
  /** A pino logger with the mixin of a tracker, and its lines. */
  function logWith(mixin: () => object) {
    const lines: Record<string, unknown>[] = [];
    const log = pino({ base: null, mixin }, { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
    return { log, lines };
  }
  const idsOf = ({ trace_id, span_id, trace_flags }: Record<string, unknown>) => ({ trace_id, span_id, trace_flags });

  it('puts the ids of the execution into the lines of the app, and nothing outside', async () => {
    const tracker = new ObservabilityTracker({ service: 'test' });
    const { log, lines } = logWith(tracker.logMixin());
    log.info('before');
    const expected = await tracker.measure(WORK, async (outer) => {
      log.info('outer');
      const inner = tracker.measure(WORK, (execution) => {
        log.info({ user: 7 }, 'inner');
        return execution.traceIds;
      });
      await Promise.resolve();
      log.info('outer again');
      return { outer: outer.traceIds, inner };
    });
    log.info('after');
    const outer = { trace_id: expected.outer?.traceId, span_id: expected.outer?.spanId, trace_flags: '01' };
    const none = { trace_id: undefined, span_id: undefined, trace_flags: undefined };
    assert.deepEqual(lines.map(idsOf), [none, outer, { ...outer, span_id: expected.inner?.spanId }, outer, none]);
    assert.deepEqual(Object.keys(lines[2] ?? {}), ['level', 'time', 'trace_id', 'span_id', 'trace_flags', 'user', 'msg']);
    assert.match(String(outer.trace_id), /^[0-9a-f]{32}$/);
    assert.match(String(outer.span_id), /^[0-9a-f]{16}$/);
  });

  it('gives a new object at each call, so that what pino merges into it stays with one line', () => {
    const tracker = new ObservabilityTracker({ service: 'test' });
    const mixin = tracker.logMixin();
    tracker.measure(WORK, () => {
      const first = mixin();
      assert.deepEqual(mixin(), first);
      assert.notEqual(mixin(), first);
      Object.assign(first, { trace_id: 'changed' });
      assert.notEqual(mixin().trace_id, 'changed');
    });
    assert.notEqual(mixin(), mixin());
  });

  it('adds nothing when tracing is off, or Keepwatch disabled', async () => {
    const keepwatch = await createKeepwatch({ tracing: false, logger: silentLogger });
    assert.deepEqual(keepwatch.tracker.measure(WORK, keepwatch.logMixin()), {});
    const tracker = new ObservabilityTracker({ service: 'test', enabled: false });
    assert.deepEqual(tracker.measure(WORK, tracker.logMixin()), {});
  });

  it('says that a caller did not sample', () => {
    const tracker = new ObservabilityTracker({ service: 'test' });
    const mixin = tracker.logMixin();
    const request = { method: 'GET', headers: { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00` }, socket: {} };
    const response = { req: request, on: () => {}, socket: {} };
    let fields = {};
    tracker.express()(request as never, response as never, () => {
      fields = mixin();
    });
    assert.deepEqual({ ...fields, span_id: '' }, { trace_id: 'a'.repeat(32), span_id: '', trace_flags: '00' });
  });
});
