// What a tracker has of HTTP: the middleware for Express, listeners for upgrades, and the series that both count in, made when one of them is
// first asked for.
import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import type { Tracer } from '../tracing/tracer.ts';
import { createExpressMiddleware, markStream } from './express.ts';
import { HttpSeries, type HttpSeriesOptions } from './http-series.ts';
import { createUpgradeListener, type UpgradeListener } from './upgrade.ts';

export interface HttpMeasuringOptions extends HttpSeriesOptions {
  /** Undefined: tracing is off. */
  readonly tracer: Tracer | undefined;
  readonly isEnabled: () => boolean;
}

export class HttpMeasuring {
  readonly #options: HttpMeasuringOptions;
  readonly #middleware = new Map<boolean, RequestHandler>();
  #series: HttpSeries | undefined;

  constructor(options: HttpMeasuringOptions) {
    this.#options = options;
  }

  /** The same one for the same option. */
  express(countOwnRoutes: boolean): RequestHandler {
    const known = this.#middleware.get(countOwnRoutes);
    if (known !== undefined) return known;
    const middleware = createExpressMiddleware({ ...this.#parts(), countOwnRoutes });
    this.#middleware.set(countOwnRoutes, middleware);
    return middleware;
  }

  upgrade(listener: UpgradeListener, options: { readonly route?: string }): UpgradeListener {
    return createUpgradeListener(listener, { ...this.#parts(), ...options });
  }

  /** Says that the answer to it is a stream. */
  markStream(request: IncomingMessage): void {
    try {
      markStream(request);
    } catch (error) {
      this.#options.errors.note('markStream', error);
    }
  }

  #parts() {
    const { errors, tracer, isEnabled } = this.#options;
    this.#series ??= new HttpSeries(this.#options);
    return { series: this.#series, errors, tracer, isEnabled };
  }
}
