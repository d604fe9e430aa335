// A request in progress, from the middleware to its end, however that comes.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RouteTrail } from '../routes/route-trail.ts';
import type { Span } from '../tracing/trace-context.ts';
import { type Ending, type Exchange, resetCodeOf, whoCut } from './http-outcome.ts';
import type { HttpSeries } from './http-series.ts';
import {
  type HeadersListener,
  isEventStream,
  LONG_BODY_MS,
  onceHeadersSent,
  type StreamKind,
  type StreamTimes,
} from './http-stream.ts';

/** Where open requests are kept until they end. */
export interface Holder {
  remove(request: OpenRequest): void;
}

export interface OpenRequestOptions {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly series: HttpSeries;
  readonly span: Span | undefined;
  readonly trail: RouteTrail;
  /** `leaveOut` changes nothing. */
  readonly countOwnRoutes: boolean;
}

/** Kept as `measurement` of its trail. It ends once; later calls change nothing. */
export class OpenRequest implements HeadersListener, Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Who keeps it; told when it ends. */
  holder: Holder | undefined = undefined;
  readonly #trail: RouteTrail;
  readonly #span: Span | undefined;
  readonly #startMs: number;
  readonly #isAlwaysCounted: boolean;
  /** By the monotonic clock; 0 until the headers are made. */
  #headersMs = 0;
  /** Of the head that was made: `response.statusCode` may be changed after it. */
  #statusCode: number | undefined = undefined;
  #streamKind: StreamKind | undefined = undefined;
  #isOpenStream = false;
  /** Undefined once it has ended. */
  #series: HttpSeries | undefined;

  constructor({ request, response, series, span, trail, countOwnRoutes }: OpenRequestOptions) {
    this.request = request;
    this.response = response;
    this.#isAlwaysCounted = countOwnRoutes;
    this.#series = series;
    this.#span = span;
    this.#trail = trail;
    this.#startMs = series.monotonicMs();
    series.countActive(1);
  }

  onHeaders(args: readonly unknown[]): void {
    const series = this.#series;
    if (series === undefined || this.#headersMs !== 0) return;
    try {
      this.#headersMs = series.monotonicMs();
      this.#statusCode = this.response.statusCode;
      const kind = isEventStream(this, args) ? 'sse' : this.#streamKind;
      if (kind !== undefined) this.#beginStream(series, kind);
    } catch (error) {
      series.noteError(error);
    }
  }

  /** The app says that the answer is a stream. */
  markStream(): void {
    if (this.#series === undefined || this.#streamKind !== undefined) return;
    if (this.#headersMs === 0) this.#streamKind = 'marked';
    else this.#beginStream(this.#series, 'marked');
  }

  #beginStream(series: HttpSeries, kind: StreamKind): void {
    series.countActiveStreams(1);
    this.#isOpenStream = true;
    this.#streamKind = kind;
    onceHeadersSent(this.response, () => {
      this.#headersMs = series.monotonicMs();
    });
  }

  /** All was handed to the operating system. `finish` also comes when the connection was cut while the response was under way. */
  finish(): void {
    try {
      if (this.request.socket?.destroyed !== true || resetCodeOf(this.response) === 0) this.#end('complete');
    } catch (error) {
      this.#series?.noteError(error);
    }
  }

  /** The connection is gone. */
  cut(): void {
    try {
      this.#end(whoCut(this));
    } catch (error) {
      this.#series?.noteError(error);
    }
  }

  #end(ending: Ending): void {
    const series = this.#series;
    if (series === undefined) return;
    const stream = this.#headersMs === 0 ? undefined : this.#streamTimes(series.monotonicMs());
    this.#leave(series);
    series.record(this, ending, this.#statusCode, this.#trail, { startMs: this.#startMs, span: this.#span, stream });
  }

  #streamTimes(nowMs: number): StreamTimes | undefined {
    const durationMs = nowMs - this.#headersMs;
    const kind = this.#streamKind ?? (durationMs >= LONG_BODY_MS ? 'download' : undefined);
    return kind && { kind, headersAfterMs: this.#headersMs - this.#startMs, durationMs };
  }

  /** Nothing would tell of its end: nothing is recorded. */
  giveUp(): void {
    if (this.#series !== undefined) this.#leave(this.#series);
  }

  /** Nothing is recorded of it, unless it was asked for. */
  leaveOut(): void {
    if (this.#series !== undefined && !this.#isAlwaysCounted) this.#leave(this.#series);
  }

  #leave(series: HttpSeries): void {
    this.#series = undefined;
    this.holder?.remove(this);
    series.countActive(-1);
    if (this.#isOpenStream) series.countActiveStreams(-1);
  }
}
