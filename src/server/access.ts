// Who may read /api/v1: holders of the token, or, without one, only this machine. Who may write: holders of the token. Never a secret in an answer.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import { isLoopback } from '../config.ts';
import { sendError } from './answer.ts';

/**
 * With a token: `Authorization: Bearer <token>`. Without: the connection has to end on a loopback address, come through no proxy, and
 * name a loopback host (so that no web page reaches it by a DNS name of its own).
 */
export function requireAccess(authToken: string | undefined): RequestHandler {
  return (request, response, next) => {
    if (authToken === undefined) {
      if (isLocal(request)) next();
      else sendError(response, 403, 'forbidden', 'without KEEPWATCH_AUTH_TOKEN this is served on a loopback address only');
    } else if (isEqual(bearerToken(request), authToken)) next();
    else {
      response.setHeader('WWW-Authenticate', 'Bearer realm="keepwatch"');
      sendError(response, 401, 'unauthorized', 'send the header "Authorization: Bearer <KEEPWATCH_AUTH_TOKEN>"');
    }
  };
}

/**
 * For what changes something: the token, on this machine as well, and no request that a page of another site makes.
 * It stands behind `requireAccess`, which checks the token where there is one.
 */
export function requireWriteAccess(authToken: string | undefined): RequestHandler {
  return (request, response, next) => {
    if (authToken === undefined) {
      const how = 'set it (at least 16 characters) and send the header "Authorization: Bearer <KEEPWATCH_AUTH_TOKEN>"';
      sendError(response, 403, 'forbidden', `without KEEPWATCH_AUTH_TOKEN the API only reads; to write, ${how}`);
    } else if (isFromOtherSite(request)) sendError(response, 403, 'forbidden', 'requests of pages of other sites write nothing');
    else next();
  };
}

/** By what browsers say; old ones only send Origin. */
function isFromOtherSite({ headers }: Request): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const { origin } = headers;
  return origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== headers.host);
}

/** Headers that tell of a proxy; `x-forwarded-…` beside. One that sends none of them needs a token: it looks like a local client. */
const PROXY_HEADERS = new Set(['forwarded', 'via', 'x-real-ip', 'x-client-ip', 'true-client-ip']);

function isLocal(request: Request): boolean {
  const { headers, socket } = request;
  if (Object.keys(headers).some((name) => PROXY_HEADERS.has(name) || name.startsWith('x-forwarded-'))) return false;
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  return isLoopback(socket.localAddress ?? '') && isLoopback(socket.remoteAddress ?? '') && isLoopback(host);
}

function bearerToken(request: Request): string {
  return /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
}

/** Compares digests, so that neither length nor content shows in the time it takes. */
function isEqual(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
