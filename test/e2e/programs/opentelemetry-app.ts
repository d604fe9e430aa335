// An Express app under OpenTelemetry's own HTTP and Express instrumentation, measured by Keepwatch too. It answers one request, which calls
// another server by node:http and by fetch, and prints what all three saw of the trace.
import { createRequire } from 'node:module';
import { trace } from '@opentelemetry/api';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { AlwaysOffSampler, AlwaysOnSampler, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import { listen } from '../../../src/server/listen.ts';
import { RecordingSink } from '../../support/recording-sink.ts';

const exporter = new InMemorySpanExporter();
const sampler = process.argv[2] === 'unsampled' ? new AlwaysOffSampler() : new AlwaysOnSampler();
new NodeTracerProvider({ sampler, spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
registerInstrumentations({ instrumentations: [new HttpInstrumentation(), new ExpressInstrumentation()] });

const require = createRequire(import.meta.url);
const http = require('node:http') as typeof import('node:http');
const express = require('express') as typeof import('express');

const downstream: (readonly string[])[] = [];
const other = await listen(
  http.createServer((request, response) => {
    downstream.push(request.rawHeaders);
    response.end('ok');
  }),
  '127.0.0.1',
  0,
);

const sink = new RecordingSink();
const tracker = new ObservabilityTracker({ service: 'test' });
tracker.connect(sink);
tracker.start();
const app = express();
app.use(tracker.express());
app.get('/orders/:id', async (_request, response) => {
  await tracker.measure({ type: 'agent', name: 'by_http' }, () => call('/by-http'));
  await tracker.measure(
    { type: 'agent', name: 'by_fetch' },
    async () => void (await (await fetch(`${other.url}/by-fetch`)).text()),
  );
  await trace.getTracer('app').startActiveSpan('inside', async (span) => {
    await tracker.measure({ type: 'tool', name: 'in_span' }, async () => {});
    span.end();
  });
  response.end('ok');
});
const server = await listen(http.createServer(app), '127.0.0.1', 0);

function call(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    http.get(`${other.url}${path}`, (response) => response.resume().on('end', resolve)).on('error', reject);
  });
}

await (await fetch(`${server.url}/orders/7`, { headers: JSON.parse(process.argv[3] ?? '{}') as Record<string, string> })).text();
await server.stop();
await other.stop();
tracker.stop();
tracker.flush();
const spans = exporter.getFinishedSpans().map((span) => ({
  name: span.name,
  kind: span.kind,
  traceId: span.spanContext().traceId,
  spanId: span.spanContext().spanId,
  parentSpanId: span.parentSpanContext?.spanId,
}));
process.stdout.write(`${JSON.stringify({ spans, events: sink.events, downstream })}\n`);
