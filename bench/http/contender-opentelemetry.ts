// OpenTelemetry: its instrumentations of http and Express with the SDKs of traces and metrics, hooks loaded first. What is exported goes nowhere.
import { createRequire } from 'node:module';
import { SpanKind } from '@opentelemetry/api';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

let exported = 0;

/** Takes what it is given, and keeps the number of server spans. */
const nowhere: SpanExporter = {
  export(spans: ReadableSpan[], done) {
    for (const { kind } of spans) if (kind === SpanKind.SERVER) exported++;
    done({ code: 0 });
  },
  async shutdown() {},
};

/** Collects when it is asked to. */
class NoReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

// Spans that find no room in the queue are lost: it holds a slice.
const spans = new BatchSpanProcessor(nowhere, { maxQueueSize: 65_536 });
const reader = new NoReader();
const tracerProvider = new NodeTracerProvider({ spanProcessors: [spans] });
tracerProvider.register();
const meterProvider = new MeterProvider({ readers: [reader] });
registerInstrumentations({
  tracerProvider,
  meterProvider,
  instrumentations: [new HttpInstrumentation(), new ExpressInstrumentation()],
});
// The hooks see what is required, not what is imported: the modules are patched here, before anybody imports them.
const require = createRequire(import.meta.url);
require('node:http');
require('express');
const { serveContender } = await import('./contender.ts');

serveContender({
  install() {},
  settle: () => spans.forceFlush(),
  async counted() {
    const { resourceMetrics } = await reader.collect();
    const points = resourceMetrics.scopeMetrics
      .flatMap(({ metrics }) => metrics)
      .filter(
        ({ descriptor }) => descriptor.name === 'http.server.request.duration' || descriptor.name === 'http.server.duration',
      )
      .flatMap(({ dataPoints }) => dataPoints.map(({ value }) => (value as { count: number }).count));
    return Math.min(
      exported,
      points.reduce((sum, count) => sum + count, 0),
    );
  },
});
