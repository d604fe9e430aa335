// Upgraded connections (WebSocket): Express never sees them, so the server's listener is measured. The answer's head is one request, from
// which the connection lives on as a stream.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { InternalErrors } from '../internal-errors.ts';
import type { RouteTrail } from '../routes/route-trail.ts';
import { trailOf } from '../routes/routing-probe.ts';
import type { Span } from '../tracing/trace-context.ts';
import type { Tracer } from '../tracing/tracer.ts';
import type { Ending } from './http-outcome.ts';
import type { HttpSeries } from './http-series.ts';
import { onceCalled } from './once-called.ts';

/** A listener of the event `upgrade` of a server. */
export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export interface UpgradeOptions {
  readonly series: HttpSeries;
  readonly errors: InternalErrors;
  readonly tracer: Tracer | undefined;
  readonly isEnabled: () => boolean;
  /** The label `http_route`; default: the template of the route that answered, else `__unmatched__`. */
  readonly route?: string;
}

const SWITCHED = 101;
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3}) /;

/** Calls `listener` with the connections that it measures. */
export function createUpgradeListener(listener: UpgradeListener, options: UpgradeOptions): UpgradeListener {
  const { series, errors, tracer, isEnabled, route } = options;
  return function keepwatchUpgrade(this: unknown, request, socket, head): void {
    let span: Span | undefined;
    try {
      const trail = isEnabled() ? trailOf(request) : undefined;
      if (trail !== undefined && trail.measurement === undefined) {
        span = tracer?.startServerSpan(request.headers);
        const upgrade = new OpenUpgrade({ series, span, trail, route, method: request.method ?? '' });
        trail.measurement = upgrade;
        upgrade.follow(socket);
      }
    } catch (error) {
      errors.note('upgrade', error);
    }
    const call = () => Reflect.apply(listener, this, [request, socket, head]);
    if (span === undefined || tracer === undefined) call();
    else tracer.run(span, call);
  };
}

interface OpenUpgradeOptions {
  readonly series: HttpSeries;
  readonly span: Span | undefined;
  readonly trail: RouteTrail;
  readonly route: string | undefined;
  readonly method: string;
}

/** Kept as `measurement` of its trail, so that an app through which the request runs does not count it again. */
class OpenUpgrade {
  readonly #options: OpenUpgradeOptions;
  readonly #startMs: number;
  #statusCode = 0;
  #headersMs = 0;

  constructor(options: OpenUpgradeOptions) {
    this.#options = options;
    this.#startMs = options.series.monotonicMs();
  }

  follow(socket: Duplex): void {
    const { series } = this.#options;
    onceCalled(socket as unknown as Record<'write' | 'end', unknown>, ['write', 'end'], ([chunk]) => {
      this.#headersMs = series.monotonicMs();
      this.#statusCode = Number(STATUS_LINE.exec(firstBytes(chunk))?.[1] ?? 0);
      if (this.#statusCode === SWITCHED) {
        series.countActive(-1);
        series.countActiveStreams(1);
      }
    });
    if (!socket.closed) socket.once('close', () => this.#end(socket));
    series.countActive(1);
    // Nobody will tell: it was closed while the app made up its mind.
    if (socket.closed) this.#end(socket);
  }

  #end(socket: Duplex): void {
    const { series, span, trail, route, method } = this.#options;
    const isOpen = this.#statusCode === SWITCHED;
    if (isOpen) series.countActiveStreams(-1);
    else series.countActive(-1);
    const stream = {
      kind: 'upgrade',
      headersAfterMs: this.#headersMs - this.#startMs,
      durationMs: series.monotonicMs() - this.#headersMs,
    } as const;
    const template = route ?? trail.template('error');
    const times = { startMs: this.#startMs, span, stream: isOpen ? stream : undefined };
    series.recordUnrouted(template, method, this.#statusCode, this.#endingOf(socket), times);
  }

  /** A connection that was switched ends when one of both closes it; only a reset cuts it. */
  #endingOf(socket: Duplex): Ending {
    const wasReset = socket.errored != null;
    if (this.#statusCode === 0) return wasReset || socket.readableEnded ? 'client_disconnect' : 'server_disconnect';
    return wasReset ? 'client_disconnect' : 'complete';
  }
}

function firstBytes(chunk: unknown): string {
  if (typeof chunk === 'string') return chunk.slice(0, 16);
  return chunk instanceof Uint8Array ? Buffer.from(chunk.subarray(0, 16)).toString('latin1') : '';
}
