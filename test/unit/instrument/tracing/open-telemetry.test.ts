// With the real SDK of OpenTelemetry, in this process.
import assert from 'node:assert/strict';
import { context, createContextKey, propagation, ROOT_CONTEXT, type Span, SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import { AlwaysOffSampler, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import fc from 'fast-check';
import { ObservabilityTracker } from '../../../../src/instrument/tracker.ts';
import { RecordingSink } from '../../../support/recording-sink.ts';

const API = Symbol.for('opentelemetry.js.api.1');
const WORK = { type: 'tool', name: 'work' } as const;

describe('in an app that uses OpenTelemetry', () => {
  let tracker: ObservabilityTracker;
  let sink: RecordingSink;
  const otel = () => trace.getTracer('test');
  const active = <T>(name: string, work: (span: Span) => T): T =>
    otel().startActiveSpan(name, (span) => {
      try {
        return work(span);
      } finally {
        span.end();
      }
    });
  const ids = (span: Span) => ({ traceId: span.spanContext().traceId, spanId: span.spanContext().spanId });

  beforeEach(() => {
    new NodeTracerProvider().register();
    sink = new RecordingSink();
    tracker = new ObservabilityTracker({ service: 'test' });
    tracker.connect(sink);
  });
  afterEach(() => {
    for (const api of [trace, context, propagation]) api.disable();
  });

  function events() {
    tracker.flush();
    return sink.events;
  }

  it('makes an execution the child of the active span', async () => {
    const span = await active('outer', async (outer) => {
      await tracker.track(WORK, async () => {})();
      tracker.measure(WORK, () => {});
      tracker.start(WORK).end();
      tracker.record(WORK, { durationMs: 1 });
      return ids(outer);
    });
    assert.deepEqual(
      events().map(({ traceId, parentSpanId }) => ({ traceId, spanId: parentSpanId })),
      [span, span, span, span],
    );
  });

  it('keeps the execution as the parent while the same span is active, and over await', async () => {
    await active('outer', (outer) =>
      tracker.measure(WORK, async (execution) => {
        await Promise.resolve();
        assert.deepEqual(tracker.currentTraceContext(), execution.traceIds);
        const inner = tracker.start(WORK);
        inner.end();
        assert.equal(inner.traceIds?.traceId, outer.spanContext().traceId);
      }),
    );
    const [inner, outer] = events();
    assert.equal(inner?.parentSpanId, outer?.spanId);
  });

  it('takes a span that began inside of the execution, and the execution again when that is left', () => {
    tracker.measure(WORK, (execution) => {
      active('inside', (span) => {
        assert.deepEqual(tracker.currentTraceContext(), ids(span));
        assert.equal(tracker.traceparent(), `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`);
        const inner = tracker.start(WORK);
        inner.end();
        assert.equal(inner.traceIds?.traceId, span.spanContext().traceId);
        assert.equal(events().at(-1)?.parentSpanId, span.spanContext().spanId);
      });
      assert.deepEqual(tracker.currentTraceContext(), execution.traceIds);
    });
  });

  it('gives the ids of the innermost to log lines, and none outside of executions', () => {
    const mixin = tracker.logMixin();
    active('outer', () => {
      assert.deepEqual(mixin(), {});
      assert.deepEqual(tracker.traceHeaders(), {});
      tracker.measure(WORK, (execution) => {
        assert.equal(mixin().span_id, execution.traceIds?.spanId);
        active('inside', (span) => {
          const { traceId, spanId } = ids(span);
          assert.deepEqual(mixin(), { trace_id: traceId, span_id: spanId, trace_flags: '01' });
        });
      });
    });
  });

  it('takes sampled flag and tracestate from the span, and records all the same', () => {
    trace.disable();
    new NodeTracerProvider({ sampler: new AlwaysOffSampler() }).register();
    const carrier = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'foo=1' };
    context.with(propagation.extract(ROOT_CONTEXT, carrier), () =>
      active('unsampled', (span) => {
        assert.equal(span.spanContext().traceFlags, TraceFlags.NONE);
        const headers = tracker.measure(WORK, () => tracker.traceHeaders());
        assert.match(headers.traceparent ?? '', new RegExp(`^00-${'a'.repeat(32)}-[0-9a-f]{16}-00$`));
        assert.equal(headers.tracestate, 'foo=1');
      }),
    );
    assert.equal(events().length, 1);
  });

  describe('a request', () => {
    /** What one request is recorded as, with `wrap` around the middleware. */
    function record(wrap: (handle: () => void) => void, headers: Record<string, string> = {}) {
      const listeners = new Map<string, () => void>();
      const response = Object.assign(Object.create(null) as Record<string, unknown>, {
        statusCode: 200,
        writableFinished: true,
        headersSent: true,
        socket: {},
        on: (event: string, listener: () => void) => listeners.set(event, listener),
      });
      const request = { method: 'GET', headers, socket: {} };
      response['req'] = request;
      wrap(() => tracker.express()(request as never, response as never, () => {}));
      listeners.get('finish')?.call(response);
      return events().at(-1);
    }
    const caller = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };

    it('is the active span of kind SERVER', () => {
      const remote = propagation.extract(ROOT_CONTEXT, caller);
      otel().startActiveSpan('GET /', { kind: SpanKind.SERVER }, remote, (span) => {
        const event = record((handle) => handle(), caller);
        assert.deepEqual(
          [event?.traceId, event?.spanId, event?.parentSpanId],
          ['a'.repeat(32), ids(span).spanId, 'b'.repeat(16)],
        );
        span.end();
      });
      otel().startActiveSpan('GET /', { kind: SpanKind.SERVER }, (span) => {
        const event = record((handle) => handle());
        assert.deepEqual([event?.traceId, event?.spanId, event?.parentSpanId], [ids(span).traceId, ids(span).spanId, undefined]);
        span.end();
      });
    });

    it('is the span that the HTTP instrumentation noted, whichever is active inside of it', () => {
      const server = otel().startSpan('GET /', { kind: SpanKind.SERVER });
      const noted = context.active().setValue(createContextKey('OpenTelemetry SDK Context Key RPC_METADATA'), {
        type: 'http',
        span: server,
      });
      const event = record((handle) => context.with(trace.setSpan(noted, server), () => active('middleware', handle)));
      assert.deepEqual([event?.traceId, event?.spanId], [ids(server).traceId, ids(server).spanId]);
      server.end();
    });

    it('begins at its caller when another span is active: one that the server was started in', () => {
      active('start', () => {
        assert.equal(record((handle) => handle())?.parentSpanId, undefined);
        const event = record((handle) => handle(), caller);
        assert.deepEqual([event?.traceId, event?.parentSpanId], ['a'.repeat(32), 'b'.repeat(16)]);
      });
      const over = otel().startSpan('GET /', { kind: SpanKind.SERVER });
      over.end();
      const event = record((handle) => context.with(trace.setSpan(context.active(), over), handle));
      assert.notEqual(event?.spanId, ids(over).spanId);
    });
  });

  it('finds the parent in whatever nesting of executions and spans', () => {
    type Node = { kind: 'execution' | 'span'; children: readonly Node[] };
    const { node } = fc.letrec<{ node: Node }>((tie) => ({
      node: fc.record({
        kind: fc.constantFrom('execution', 'span'),
        children: fc.oneof({ maxDepth: 5 }, fc.constant<Node[]>([]), fc.array(tie('node'), { maxLength: 3 })),
      }),
    }));
    const run = ({ kind, children }: Node, parentId: string | undefined, expected: Map<string, string | undefined>): void => {
      const runAll = (id: string) => {
        for (const child of children) run(child, id, expected);
      };
      if (kind === 'span') active('span', (span) => runAll(ids(span).spanId));
      else {
        tracker.measure(WORK, (execution) => {
          const id = execution.traceIds?.spanId ?? '';
          expected.set(id, parentId);
          runAll(id);
        });
      }
    };
    fc.assert(
      fc.property(node, (root) => {
        const expected = new Map<string, string | undefined>();
        run(root, undefined, expected);
        for (const { spanId, parentSpanId } of events()) assert.equal(parentSpanId, expected.get(spanId ?? ''));
        assert.equal(sink.events.splice(0).length, expected.size);
      }),
    );
  });

  it('works on when OpenTelemetry does not', () => {
    const real = (globalThis as Record<symbol, unknown>)[API];
    const broken = [
      { context: { active: () => assert.fail('broken') } },
      { context: { active: () => ({ getValue: () => ({ spanContext: () => assert.fail('broken') }) }) } },
      { context: { active: () => undefined } },
      { context: { active: () => ({ getValue: () => ({ spanContext: () => ({ traceId: 7 }) }) }) } },
      { context: 7 },
      {},
      7,
    ];
    try {
      for (const api of broken) {
        (globalThis as Record<symbol, unknown>)[API] = api;
        assert.equal(
          tracker.measure(WORK, () => tracker.measure(WORK, () => 7)),
          7,
        );
        assert.match(JSON.stringify(tracker.measure(WORK, tracker.logMixin())), /trace_id/);
      }
    } finally {
      (globalThis as Record<symbol, unknown>)[API] = real;
    }
    assert.equal(events().length, broken.length * 3);
    assert.ok(tracker.numbers().internalErrors > 0);
  });
});
