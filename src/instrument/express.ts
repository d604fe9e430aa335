// The Express middleware (4 and 5): exactly one record per request, with the route's template, however the request ends.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { type Binding, MAX_BINDINGS_PER_TYPE, MAX_UNDECLARED_BINDINGS_PER_TYPE } from './bindings.ts';
import { ownText } from './bounded-text.ts';
import { HTTP_METHODS, OTHER_METHOD } from './catalogue.ts';
import type { Clock } from './clock.ts';
import type { Counter } from './counter.ts';
import type { InternalErrors } from './internal-errors.ts';
import { Places } from './places.ts';
import type { Recorder } from './recorder.ts';
import type { Metrics } from './registry.ts';
import { STATUS_CODES, type StatusCode } from './ring.ts';
import { type RouteTrail, UNMATCHED } from './route-trail.ts';
import { knownTrail, lastRoutingError, tellsErrors, trailOf } from './routing-probe.ts';
import { OVERFLOW_VALUE } from './series-table.ts';
import type { Span } from './trace-context.ts';
import type { Tracer } from './tracer.ts';

export interface ExpressMiddlewareOptions {
  readonly recorder: Recorder;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly errors: InternalErrors;
  /** Undefined: tracing is off. */
  readonly tracer: Tracer | undefined;
  readonly isEnabled: () => boolean;
}

/** How an answer ended: it went out, its client went away, or the server cut the connection before all was out. */
const ENDINGS = ['complete', 'client_disconnect', 'server_disconnect'] as const;
type Ending = (typeof ENDINGS)[number];

/** Leaves a request out of metrics and archive: self-scrapes and health checks. May be called before or after the middleware ran. */
export function markUncounted(request: IncomingMessage): void {
  const trail = trailOf(request);
  (trail.measurement as MeasuredRequest | undefined)?.giveUp();
  trail.measurement ??= UNCOUNTED;
}

/** Mounted twice, or by two trackers, it counts once: the first one does. */
export function createExpressMiddleware(options: ExpressMiddlewareOptions): RequestHandler {
  const series = new HttpSeries(options);
  const queued = new QueuedResponses();
  return function keepwatch(request: Request, response: Response, next: NextFunction): void {
    if (!options.isEnabled()) {
      next();
      return;
    }
    let span: Span | undefined;
    try {
      const trail = trailOf(request);
      if (trail.measurement === undefined) {
        span = options.tracer?.startServerSpan(request.headers);
        trail.measurement = new MeasuredRequest(series, options.clock.monotonicMs(), span, trail);
        response.on('finish', onFinish);
        response.on('close', onClose);
        if (response.socket === null) queued.add(request.socket, response);
      }
    } catch (error) {
      options.errors.note('express', error);
    }
    if (span === undefined || options.tracer === undefined) next();
    else options.tracer.run(span, () => next());
  };
}

function onFinish(this: ServerResponse): void {
  // `finish` also comes when the connection was cut while the response was under way.
  if (this.req.socket?.destroyed !== true) endRequest(this, 'complete');
}

function onClose(this: ServerResponse): void {
  endRequest(this, whoCut(this));
}

function endRequest(response: ServerResponse, ending: Ending): void {
  (knownTrail(response.req)?.measurement as MeasuredRequest | undefined)?.end(response, ending);
}

/** A client says goodbye or resets the connection; a server that gives an answer up destroys it without either. */
function whoCut({ req, errored }: ServerResponse): Ending {
  const socket = req.socket as Socket | undefined;
  const isServer = errored != null || (socket?.errored == null && socket?.readableEnded === false);
  return isServer ? 'server_disconnect' : 'client_disconnect';
}

/** Responses to pipelined requests that wait for those before them. Node does not tell them when their connection closes. */
class QueuedResponses {
  readonly #bySocket = new WeakMap<Socket, Set<ServerResponse>>();

  add(socket: Socket, response: ServerResponse): void {
    const waiting = this.#bySocket.get(socket) ?? this.#follow(socket);
    waiting.add(response);
    response.once('finish', () => waiting.delete(response));
  }

  #follow(socket: Socket): Set<ServerResponse> {
    const waiting = new Set<ServerResponse>();
    this.#bySocket.set(socket, waiting);
    socket.once('close', () => {
      for (const response of waiting) endRequest(response, whoCut(response));
    });
    return waiting;
  }
}

/** A request in progress. */
class MeasuredRequest {
  readonly #startMs: number;
  readonly #span: Span | undefined;
  readonly #trail: RouteTrail;
  /** Undefined once it has ended. */
  #series: HttpSeries | undefined;

  constructor(series: HttpSeries, startMs: number, span: Span | undefined, trail: RouteTrail) {
    this.#series = series;
    this.#startMs = startMs;
    this.#span = span;
    this.#trail = trail;
    series.countActive(1);
  }

  end(response: ServerResponse, ending: Ending): void {
    const series = this.#series;
    if (series === undefined) return;
    this.#series = undefined;
    series.countActive(-1);
    series.record(response, ending, this.#startMs, this.#span, this.#trail);
  }

  giveUp(): void {
    this.#series?.countActive(-1);
    this.#series = undefined;
  }
}

/** Stands where the measurement would, so that none is made. */
const UNCOUNTED = { end() {}, giveUp() {} };

/** The series of requests: template, then method and outcome, to what the recorder needs. Looking one up makes no string. */
class HttpSeries {
  readonly #recorder: Recorder;
  readonly #errors: InternalErrors;
  readonly #active: Counter;
  readonly #templates = new Map<string, Map<number, Binding>>();
  readonly #places = new Places(MAX_BINDINGS_PER_TYPE, MAX_UNDECLARED_BINDINGS_PER_TYPE);

  constructor({ recorder, metrics, errors }: ExpressMiddlewareOptions) {
    this.#recorder = recorder;
    this.#errors = errors;
    this.#active = metrics.counter('http_server_active_requests');
  }

  countActive(change: 1 | -1): void {
    this.#active.add(0, change);
  }

  record(response: ServerResponse, ending: Ending, startMs: number, span: Span | undefined, trail: RouteTrail): void {
    try {
      const { statusCode, req: request } = response;
      // A response that has no socket yet waits behind another one: nobody has seen its headers.
      const isQueued = response.socket === null && !response.writableFinished;
      const hasStatus = ending === 'complete' || (response.headersSent && !isQueued);
      const template = trail.template(trail.hasMovedOn ? howLeft(response) : 'error');
      const isExact = template === UNMATCHED || trail.isExact;
      const binding = this.#binding(template, isExact, request.method ?? '', hasStatus ? statusCode : 0, ending);
      const status = statusOf(response, ending);
      this.#recorder.end(
        binding,
        status,
        startMs,
        span,
        undefined,
        status === STATUS_CODES.failure ? errorOf(response, ending) : undefined,
      );
    } catch (error) {
      this.#errors.note('express', error);
    }
  }

  /** @param isExact the template stands in the code of the app; else it holds matched text, which clients choose */
  #binding(template: string, isExact: boolean, method: string, statusCode: number, ending: Ending): Binding {
    let byOutcome = this.#templates.get(template);
    if (byOutcome === undefined) {
      const hasPlace = template === OVERFLOW_VALUE || this.#places.take(isExact ? 'declared' : 'undeclared');
      if (!hasPlace) return this.#binding(OVERFLOW_VALUE, false, method, statusCode, ending);
      byOutcome = new Map();
      this.#templates.set(ownText(template), byOutcome);
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

/**
 * Server errors are failures, and so are answers that the server broke off: before anything was out, or because of an error. A stream that
 * it closed without one (at its own end, say) is aborted, as is whatever the client did not wait for.
 */
function statusOf(response: ServerResponse, ending: Ending): StatusCode {
  if (ending === 'complete') return response.statusCode >= 500 ? STATUS_CODES.failure : STATUS_CODES.success;
  const isFailure = ending === 'server_disconnect' && (!response.headersSent || brokenBy(response) !== undefined);
  return isFailure ? STATUS_CODES.failure : STATUS_CODES.aborted;
}

/** The error that left the routes, or that the response was destroyed with. */
function brokenBy(response: ServerResponse): unknown {
  return lastRoutingError(response.req) ?? response.errored ?? undefined;
}

function errorOf(response: ServerResponse, ending: Ending): unknown {
  return brokenBy(response) ?? (ending === 'complete' ? `HTTP ${response.statusCode}` : 'the server closed the connection');
}

/** How a route that was left was left. Where the router does not tell of errors, the answer does: any error but "not found". */
function howLeft({ req: request, statusCode }: ServerResponse): 'error' | 'next' {
  if (lastRoutingError(request) !== undefined) return 'error';
  return statusCode >= 400 && statusCode !== 404 && !tellsErrors(request) ? 'error' : 'next';
}
