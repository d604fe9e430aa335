// /healthz: the process lives. /readyz: how it is with what stands behind it.
import type { RequestHandler } from 'express';

/** What is unwell now, a sentence each; empty when all is well. */
export type CollectReasons = () => readonly string[];

export const healthz: RequestHandler = (_request, response) => {
  response.json({ status: 'ok' });
};

/**
 * 200 with `"status":"degraded"` and reasons while the archive or the alerts are unwell: an observability database that is down must not
 * take an app out of service. With `readiness: 'strict'` 503 instead.
 */
export function readyz(collectReasons: CollectReasons, readiness: 'degraded' | 'strict'): RequestHandler {
  return (_request, response) => {
    const reasons = collectReasons();
    const isUnready = reasons.length > 0 && readiness === 'strict';
    response.status(isUnready ? 503 : 200).json(reasons.length === 0 ? { status: 'ok' } : { status: 'degraded', reasons });
  };
}
