// OpenTelemetry's instrumentations of http and Express: the metric http.server.request.duration, and the server spans for their status.
import { createRequire } from 'node:module';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { Instrumentation, InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { RequestHandler } from 'express';
import { type HttpRecord, UNMATCHED } from '../http-record.ts';
import type { Measurer, MeasurerFactory, Observation } from '../measurer.ts';
import type { Framework } from '../stage.ts';

const DURATION = 'http.server.request.duration';
const NEVER_MS = 2 ** 31 - 1;

const spans = new InMemorySpanExporter();
const metrics = new InMemoryMetricExporter(AggregationTemporality.DELTA);
const reader = new PeriodicExportingMetricReader({
  exporter: metrics,
  exportIntervalMillis: NEVER_MS,
  exportTimeoutMillis: 10_000,
});

export const openTelemetry: MeasurerFactory = {
  name: 'opentelemetry',
  prepare(framework) {
    const tracerProvider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
    tracerProvider.register();
    const meterProvider = new MeterProvider({ readers: [reader] });
    const http = new HttpInstrumentation({ disableOutgoingRequestInstrumentation: true });
    const express = new ExpressInstrumentation();
    for (const instrumentation of [http, express]) {
      instrumentation.setTracerProvider(tracerProvider);
      instrumentation.setMeterProvider(meterProvider);
    }
    createRequire(import.meta.url)('node:http');
    createRequire(import.meta.url)('node:https');
    applyTo(express, framework);
  },
  async open() {
    await reader.forceFlush();
    metrics.reset();
    spans.reset();
    return new OpenTelemetryMeasurer();
  },
};

/** Its hook knows Express by the name of its folder; here three versions stand under names of their own, so its patch is applied by hand. */
function applyTo(instrumentation: Instrumentation, framework: Framework): void {
  const modules = (instrumentation as unknown as { _modules: InstrumentationModuleDefinition[] })._modules;
  for (const { patch } of modules) patch?.(framework);
}

class OpenTelemetryMeasurer implements Measurer {
  readonly metricsPath = '/metrics';

  middleware(): RequestHandler {
    return (_request, _response, next) => next();
  }

  selfRoutes(): RequestHandler {
    return (_request, _response, next) => next();
  }

  async observations(): Promise<Observation[]> {
    await reader.forceFlush();
    const points = metrics
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap((scope) => scope.metrics)
      .filter(({ descriptor }) => descriptor.name === DURATION)
      .flatMap((metric) => (metric.dataPointType === DataPointType.HISTOGRAM ? metric.dataPoints : []));
    const marked = spans
      .getFinishedSpans()
      .filter((span) => span.kind === SpanKind.SERVER && span.status.code === SpanStatusCode.ERROR);
    return points.flatMap(({ attributes, value }) => {
      const text = (name: string) => (attributes[name] === undefined ? undefined : String(attributes[name]));
      const latencyMs = ((value.sum ?? 0) / value.count) * 1000;
      return Array.from({ length: value.count }, () => ({
        method: text('http.request.method'),
        route: text('http.route'),
        status: text('http.response.status_code'),
        mark: text('error.type') ?? markOf(marked, text('http.route')),
        latencyMs,
      }));
    });
  }

  /** Its route is absent where none matched. */
  routeOf({ route }: HttpRecord): string | undefined {
    return route === UNMATCHED ? undefined : route;
  }

  async faults(): Promise<string[]> {
    return [];
  }
}

/** The error status of a span of the same route. */
function markOf(marked: readonly ReadableSpan[], route: string | undefined): string | undefined {
  return marked.some(({ attributes }) => attributes['http.route'] === route) ? 'span status ERROR' : undefined;
}
