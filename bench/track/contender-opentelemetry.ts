// OpenTelemetry: an active span around the call, ended into a batch processor whose exporter takes every span and keeps none, and a
// histogram of its metrics SDK, as its instrumentations record them.
import { SpanStatusCode, trace } from '@opentelemetry/api';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { serveWrapper } from './contender.ts';

let exported = 0;

/** Collects only when asked. */
class ManualReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

// Spans that find no room in the queue are lost: it holds a slice.
const spans = new BatchSpanProcessor(
  {
    export(batch: ReadableSpan[], done) {
      exported += batch.length;
      done({ code: 0 });
    },
    async shutdown() {},
  },
  { maxQueueSize: 200_000 },
);
new NodeTracerProvider({ spanProcessors: [spans] }).register();
const reader = new ManualReader();
const duration = new MeterProvider({ readers: [reader] })
  .getMeter('bench')
  .createHistogram('tool_call_duration_seconds', { unit: 's' });
const tracer = trace.getTracer('bench');

function record(startedAt: number, status: string): void {
  duration.record((performance.now() - startedAt) / 1000, { tool_name: 'work', status });
}

serveWrapper({
  sync: (work) => (input) => {
    const startedAt = performance.now();
    return tracer.startActiveSpan('work', (span) => {
      try {
        const result = work(input);
        record(startedAt, 'success');
        return result;
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR });
        record(startedAt, 'failure');
        throw error;
      } finally {
        span.end();
      }
    });
  },
  async: (work) => (input) => {
    const startedAt = performance.now();
    return tracer.startActiveSpan('work', async (span) => {
      try {
        const result = await work(input);
        record(startedAt, 'success');
        return result;
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR });
        record(startedAt, 'failure');
        throw error;
      } finally {
        span.end();
      }
    });
  },
  settle: () => spans.forceFlush(),
  async counted() {
    const { resourceMetrics } = await reader.collect();
    const counts = resourceMetrics.scopeMetrics
      .flatMap(({ metrics }) => metrics)
      .flatMap(({ dataPoints }) => dataPoints.map(({ value }) => (value as { count: number }).count));
    const recorded = counts.reduce((sum, count) => sum + count, 0);
    return Math.min(exported, recorded);
  },
});
