// The routes that Keepwatch adds to a host's Express app: /metrics, /healthz, /readyz, /api/v1. None of them is counted as traffic.
import type { IncomingMessage } from 'node:http';
import { type RequestHandler, Router } from 'express';
import { requireAccess, requireWriteAccess } from './access.ts';
import { type ApiOptions, createApi } from './api.ts';
import { healthz, readyz } from './health.ts';

export type { RequestHandler, Router };

export interface RouterOptions extends ApiOptions {
  readonly metrics: RequestHandler;
  readonly readiness: 'degraded' | 'strict';
  readonly authToken: string | undefined;
  /** Keeps a request out of the metrics and the archive. */
  readonly markUncounted: (request: IncomingMessage) => void;
}

/** Mount it with `app.use(router)`; other paths pass through untouched. */
export function createRouter(options: RouterOptions): Router {
  const router = Router();
  const uncounted: RequestHandler = (request, _response, next) => {
    options.markUncounted(request);
    next();
  };
  router.get('/metrics', uncounted, options.metrics);
  router.get('/healthz', uncounted, healthz);
  router.get('/readyz', uncounted, readyz(options.collectReasons, options.readiness));
  const read = [uncounted, requireAccess(options.authToken)];
  router.use('/api/v1', createApi(options, { read, write: [...read, requireWriteAccess(options.authToken)] }));
  return router;
}
