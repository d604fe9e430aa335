// The series of requests: template, then method and outcome, to what the recorder needs. Looking one up makes no string.

import { ownText } from '../bounded-text.ts';
import type { Clock } from '../clock.ts';
import type { InternalErrors } from '../internal-errors.ts';
import { HTTP_METHODS, OTHER_METHOD } from '../metrics/catalogue.ts';
import type { Counter } from '../metrics/counter.ts';
import type { Histogram } from '../metrics/histogram.ts';
import { Places } from '../metrics/places.ts';
import type { Metrics } from '../metrics/registry.ts';
import { OVERFLOW_VALUE } from '../metrics/series-table.ts';
import { type Binding, MAX_BINDINGS_PER_TYPE, MAX_UNDECLARED_BINDINGS_PER_TYPE } from '../recording/bindings.ts';
import type { Recorder } from '../recording/recorder.ts';
import { STATUS_CODES, type StatusCode } from '../recording/ring.ts';
import { type RouteTrail, UNMATCHED } from '../routes/route-trail.ts';
import { lastRoutingError, tellsErrors } from '../routes/routing-probe.ts';
import type { Span } from '../tracing/trace-context.ts';
import { ENDINGS, type Ending, type Exchange, errorOf, hasStatus, statusOf } from './http-outcome.ts';
import type { StreamTimes } from './http-stream.ts';

export interface HttpSeriesOptions {
  readonly recorder: Recorder;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly errors: InternalErrors;
}

/** What is measured of a request, besides how it ended. */
export interface HttpTimes {
  /** By the monotonic clock. */
  readonly startMs: number;
  readonly span: Span | undefined;
  /** Undefined: an ordinary answer, measured until it was out. */
  readonly stream: StreamTimes | undefined;
}

export class HttpSeries {
  readonly monotonicMs: () => number;
  readonly #recorder: Recorder;
  readonly #metrics: Metrics;
  readonly #errors: InternalErrors;
  readonly #active: Counter;
  #open = 0;
  #streams: { readonly active: Counter; readonly duration: Histogram } | undefined;
  readonly #templates = new Map<string, Map<number, Binding>>();
  readonly #places = new Places(MAX_BINDINGS_PER_TYPE, { max: MAX_UNDECLARED_BINDINGS_PER_TYPE });

  constructor({ recorder, metrics, clock, errors }: HttpSeriesOptions) {
    this.#recorder = recorder;
    this.#metrics = metrics;
    this.#errors = errors;
    this.#active = metrics.counter('http_server_active_requests');
    this.monotonicMs = clock.monotonicMs;
  }

  countActive(change: 1 | -1): void {
    this.#open += change;
    this.#active.add(0, change);
  }

  /** Requests are in progress. */
  get hasOpen(): boolean {
    return this.#open > 0;
  }

  noteError(error: unknown): void {
    this.#errors.note('express', error);
  }

  countActiveStreams(change: 1 | -1): void {
    this.#streamMetrics().active.add(0, change);
  }

  #streamMetrics() {
    this.#streams ??= {
      active: this.#metrics.counter('http_server_active_streams'),
      duration: this.#metrics.histogram('http_server_stream_duration_seconds'),
    };
    return this.#streams;
  }

  /**
   * The end of a request that was routed. Never throws.
   * @param statusCode of the head that was made; undefined: that of the response
   */
  record(exchange: Exchange, ending: Ending, statusCode: number | undefined, trail: RouteTrail, times: HttpTimes): void {
    try {
      const { request, response } = exchange;
      const code = statusCode ?? response.statusCode;
      const template = trail.template(trail.hasMovedOn ? howLeft(request, code) : 'error');
      const isExact = template === UNMATCHED || trail.isExact;
      const shownCode = hasStatus(response, ending) ? code : 0;
      const binding = this.#binding(template, isExact, request.method ?? '', shownCode, ending);
      const status = statusOf(exchange, code, ending);
      this.#end(binding, status, times, status === STATUS_CODES.failure ? errorOf(exchange, code, ending) : undefined);
    } catch (error) {
      this.#errors.note('express', error);
    }
  }

  /** The end of a request that never was routed. Never throws. */
  recordUnrouted(route: string, method: string, statusCode: number, ending: Ending, times: HttpTimes): void {
    try {
      const binding = this.#binding(route, true, method, statusCode, ending);
      if (ending === 'client_disconnect') this.#end(binding, STATUS_CODES.aborted, times, undefined);
      else if (ending === 'server_disconnect')
        this.#end(binding, STATUS_CODES.failure, times, 'the server closed the connection');
      else if (statusCode >= 500) this.#end(binding, STATUS_CODES.failure, times, `HTTP ${statusCode}`);
      else this.#end(binding, STATUS_CODES.success, times, undefined);
    } catch (error) {
      this.#errors.note('express', error);
    }
  }

  #end(binding: Binding, status: StatusCode, { startMs, span, stream }: HttpTimes, error: unknown): void {
    if (stream === undefined) {
      this.#recorder.end(binding, status, startMs, span, undefined, error);
      return;
    }
    const { duration } = this.#streamMetrics();
    duration.observe(duration.resolveLabels(binding.labels, binding.undeclared), stream.durationMs / 1000);
    const members = `"stream":"${stream.kind}","stream_duration_ms":${Math.round(stream.durationMs * 1000) / 1000}`;
    this.#recorder.end(
      binding,
      status,
      startMs,
      span,
      { members, isTruncated: false },
      error,
      Math.max(0, stream.headersAfterMs),
    );
  }

  /** @param isExact the template stands in the code of the app; else a part of it was guessed */
  #binding(template: string, isExact: boolean, method: string, statusCode: number, ending: Ending): Binding {
    let byOutcome = this.#templates.get(template);
    if (byOutcome === undefined) {
      const hasPlace = template === OVERFLOW_VALUE || this.#places.take(isExact ? 'declared' : 'undeclared');
      if (!hasPlace) return this.#binding(OVERFLOW_VALUE, false, method, statusCode, ending);
      byOutcome = new Map();
      this.#templates.set(ownText(template), byOutcome);
      if (!isExact && template !== OVERFLOW_VALUE) this.#metrics.counter('keepwatch_guessed_routes_total').add(0, 1);
    }
    const outcome = ((HTTP_METHODS.indexOf(method) + 1) * ENDINGS.length + ENDINGS.indexOf(ending)) * 1024 + (statusCode & 1023);
    const known = byOutcome.get(outcome);
    if (known !== undefined) return known;
    const methodLabel = HTTP_METHODS.includes(method) ? method : OTHER_METHOD;
    const code = statusCode === 0 ? '' : String(statusCode);
    const codeError = statusCode >= 500 ? code : '';
    const name = `${methodLabel} ${template}`;
    if (isExact) this.#recorder.declare({ type: 'api', names: [name], labels: { http_route: [template] } });
    const binding = this.#recorder.createBinding('api', name, {
      http_request_method: methodLabel,
      http_route: template,
      http_response_status_code: code,
      error_type: ending === 'complete' ? codeError : ending,
    });
    byOutcome.set(outcome, binding);
    return binding;
  }
}

/** How a route that was left was left. Where the router does not tell of errors, the answer does: any error but "not found". */
function howLeft(request: object, statusCode: number): 'error' | 'next' {
  if (lastRoutingError(request) !== undefined) return 'error';
  return statusCode >= 400 && statusCode !== 404 && !tellsErrors(request) ? 'error' : 'next';
}
