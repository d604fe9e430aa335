// The Express middleware (4 and 5): exactly one record per request, with the route's template, however the request ends.
import type { IncomingMessage } from 'node:http';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { InternalErrors } from '../internal-errors.ts';
import { knownTrail, trailOf } from '../routes/routing-probe.ts';
import type { Span } from '../tracing/trace-context.ts';
import type { Tracer } from '../tracing/tracer.ts';
import { EndWatch, openRequestOf } from './connections.ts';
import type { HttpSeries } from './http-series.ts';
import { watchHeaders } from './http-stream.ts';
import { OpenRequest } from './open-request.ts';

export interface ExpressMiddlewareOptions {
  readonly series: HttpSeries;
  readonly errors: InternalErrors;
  /** Undefined: tracing is off. */
  readonly tracer: Tracer | undefined;
  readonly isEnabled: () => boolean;
  /** Count what `markUncounted` would leave out; default false. */
  readonly countOwnRoutes?: boolean;
}

/** Leaves a request out of metrics and archive: self-scrapes and health checks. May be called before or after the middleware ran. */
export function markUncounted(request: IncomingMessage): void {
  const trail = trailOf(request);
  if (trail.measurement === undefined) trail.measurement = UNCOUNTED;
  else (trail.measurement as Partial<OpenRequest>).leaveOut?.();
}

/** Stands where the measurement would, so that none is made. */
const UNCOUNTED = 'uncounted';

/**
 * Says that the answer to a request is a stream: its latency is its time to headers, whatever it lives. Server-sent events need no mark, nor
 * do bodies that take more than 10 s. Of a request that is not measured nothing is marked.
 */
export function markStream(request: IncomingMessage): void {
  (knownTrail(request)?.measurement as Partial<OpenRequest> | undefined)?.markStream?.();
}

/** Mounted twice, or by two trackers, it counts once: the first one does. */
export function createExpressMiddleware(options: ExpressMiddlewareOptions): RequestHandler {
  const { series, errors, tracer, isEnabled, countOwnRoutes = false } = options;
  const ends = new EndWatch(() => series.hasOpen);
  let watched: object | undefined;
  return function keepwatch(request: Request, response: Response, next: NextFunction): void {
    if (!isEnabled()) {
      next();
      return;
    }
    let span: Span | undefined;
    let measurement: OpenRequest | undefined;
    let isTold = true;
    try {
      const trail = trailOf(request);
      if (trail.measurement === undefined || (countOwnRoutes && trail.measurement === UNCOUNTED)) {
        span = tracer?.startServerSpan(request.headers);
        measurement = new OpenRequest({ request, response, series, span, trail, countOwnRoutes });
        trail.measurement = measurement;
        isTold = ends.follow(measurement);
        const prototype = (request.app as { readonly response?: object } | undefined)?.response;
        if (prototype !== undefined && prototype !== watched) {
          watched = prototype;
          watchHeaders(prototype, openRequestOf);
        }
      }
    } catch (error) {
      if (measurement?.holder === undefined) measurement?.giveUp();
      errors.note('express', error);
    }
    try {
      if (span === undefined || tracer === undefined) next();
      else tracer.run(span, next as () => void);
    } finally {
      if (!isTold) measurement?.cut();
    }
  };
}
