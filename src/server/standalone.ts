// An Express app of nothing but Keepwatch's own routes, for `keepwatch serve`.
import type { RequestListener } from 'node:http';
import express, { type Router } from 'express';
import { sendError } from './answer.ts';

/** @param router as `createRouter` makes it; everything else is answered with 404 */
export function createStandaloneApp(router: Router): RequestListener {
  const app = express().disable('x-powered-by').use(router);
  return app.use((request: express.Request, response: express.Response) => {
    sendError(response, 404, 'not_found', `no ${request.method} ${request.path}`);
  });
}
