// Keepwatch: what /metrics says and the raw events have to be the same, and the record of every request exact.

import type { RequestHandler } from 'express';
import { Registry } from 'prom-client';
import { createMetricsHandler } from '../../../src/instrument/exposition/metrics-handler.ts';
import { markUncounted } from '../../../src/instrument/http/express.ts';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import { createRouter } from '../../../src/server/router.ts';
import { RecordingSink } from '../../support/recording-sink.ts';
import { type Ending, formatRecord, type HttpRecord } from '../http-record.ts';
import type { CheckContext, Measurer, MeasurerFactory, Observation } from '../measurer.ts';
import { parseHistogram, parseSamples, type Sample } from '../prometheus-samples.ts';

const LATENCY = 'http_server_request_duration_seconds';
const STREAMS = 'http_server_stream_duration_seconds';
/** Streams of the cases are open for 40 ms at least. */
const SHORTEST_STREAM_MS = 35;
/** The route in texts, where the exact one is not promised. */
const ANY_ROUTE = '*';

export const keepwatch: MeasurerFactory = { name: 'keepwatch', prepare() {}, open: () => new KeepwatchMeasurer() };

class KeepwatchMeasurer implements Measurer {
  readonly metricsPath = '/metrics';
  readonly #sink = new RecordingSink();
  readonly tracker = new ObservabilityTracker({ service: 'conformance', registry: new Registry() });

  constructor() {
    this.tracker.connect(this.#sink);
  }

  middleware(): RequestHandler {
    return this.tracker.express();
  }

  selfRoutes(): RequestHandler {
    return createRouter({
      metrics: createMetricsHandler(this.tracker.registry),
      collectReasons: () => [],
      markUncounted,
      readiness: 'degraded',
      authToken: undefined,
      archive: undefined,
      alerts: undefined,
      now: () => this.tracker.now(),
    });
  }

  async observations(): Promise<Observation[]> {
    return parseHistogram(await this.#expose(), LATENCY).flatMap(({ labels, count, mean }) => {
      const observation = {
        method: labels['http_request_method'],
        route: labels['http_route'],
        status: labels['http_response_status_code'] || undefined,
        mark: labels['error_type'] || undefined,
        latencyMs: mean * 1000,
      };
      return Array.from({ length: count }, () => observation);
    });
  }

  routeOf({ route }: HttpRecord): string {
    return route;
  }

  async faults(expected: readonly HttpRecord[], { isRouteExact, headersMs }: CheckContext): Promise<string[]> {
    const text = await this.#expose();
    const inexact = (record: HttpRecord) => (isRouteExact ? record : { ...record, route: ANY_ROUTE });
    const wanted = expected.map(inexact);
    const events = this.#events().map(inexact);
    const streams = parseHistogram(text, STREAMS);
    const withoutKind = (records: readonly HttpRecord[]) =>
      records.map((record) => formatRecord({ ...record, kind: 'success', isStream: false }));
    return [
      ...differences('raw events', wanted.map(formatRecord), events.map(formatRecord)),
      ...differences(LATENCY, withoutKind(wanted), withoutKind(repeated(parseHistogram(text, LATENCY)).map(inexact))),
      ...differences(
        STREAMS,
        wanted.filter(({ isStream }) => isStream).map(({ method, route }) => `${method} ${route}`),
        repeated(streams)
          .map(inexact)
          .map(({ method, route }) => `${method} ${route}`),
      ),
      ...this.#bounds(text, expected, headersMs),
    ];
  }

  /** What has to hold of every case: nothing in progress, nothing uncounted, no fault of ours, streams measured to their headers. */
  #bounds(text: string, expected: readonly HttpRecord[], headersMs: number): string[] {
    const numberOf = (name: string) => parseSamples(text, name)[0]?.value ?? 0;
    const faults: string[] = [];
    const demand = (name: string, value: number) => {
      if (numberOf(name) !== value) faults.push(`${name}: expected ${value}, got ${numberOf(name)}`);
    };
    demand('http_server_active_requests', 0);
    demand('keepwatch_internal_errors_total', 0);
    demand('keepwatch_events_recorded_total', expected.length);
    const latest = Math.max(0, ...parseHistogram(text, LATENCY).map(({ mean }) => mean * 1000));
    if (expected.length > 0 && expected.every(({ isStream }) => isStream) && latest > headersMs + 1) {
      faults.push(`${LATENCY}: a stream was measured with ${latest} ms; its client saw headers after ${headersMs} ms`);
    }
    const shortest = Math.min(...parseHistogram(text, STREAMS).map(({ mean }) => mean * 1000));
    if (shortest < SHORTEST_STREAM_MS)
      faults.push(`${STREAMS}: a lifetime of ${shortest} ms; it was open for more than ${SHORTEST_STREAM_MS} ms`);
    return faults;
  }

  #events(): HttpRecord[] {
    return this.#sink.events
      .filter(({ type }) => type === 'api')
      .map(({ name, status, metadata }) => {
        const record = { ...recordOf(metadata), kind: status, isStream: metadata['stream'] !== undefined };
        const isNamed = name === `${record.method} ${record.route}`;
        return isNamed ? record : { ...record, route: `${record.route}(named:${name})` };
      });
  }

  async #expose(): Promise<string> {
    this.tracker.flush();
    return this.tracker.registry.metrics();
  }
}

function repeated(series: readonly { labels: Sample['labels']; count: number }[]): HttpRecord[] {
  return series.flatMap(({ labels, count }) => Array.from({ length: count }, () => recordOf(labels)));
}

function recordOf(labels: Readonly<Record<string, unknown>>): HttpRecord {
  const textOf = (name: string) => {
    const value = labels[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  };
  const code = textOf('http_response_status_code');
  const errorType = textOf('error_type');
  const isCut = errorType !== '' && !/^\d+$/.test(errorType);
  return {
    method: textOf('http_request_method'),
    route: textOf('http_route'),
    status: code === '' ? undefined : Number(code),
    kind: 'success',
    ending: isCut ? (errorType as Ending) : 'complete',
    isStream: false,
  };
}

function differences(where: string, wanted: readonly string[], got: readonly string[]): string[] {
  const left = [...wanted].sort();
  const right = [...got].sort();
  return left.join('\n') === right.join('\n') ? [] : [`${where}: expected [${left.join('; ')}], got [${right.join('; ')}]`];
}
