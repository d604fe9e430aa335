// Runs what a route does, and sends what it gives, or why it does not.
import type { Request, RequestHandler, Response } from 'express';
import { describeError } from '../errors.ts';
import { sendData, sendError } from './answer.ts';
import { BadQuery } from './api-query.ts';
import { BodyRefused } from './json-body.ts';
import { GateClosed } from './query-gate.ts';

/** What is asked for is not there. */
export class NotFound extends Error {
  override readonly name = 'NotFound';
}

/** It has another version by now, or its name is taken. */
export class Conflict extends Error {
  override readonly name = 'Conflict';
  /** How it stands. */
  readonly current: { readonly version: number };

  constructor(message: string, current: { readonly version: number }) {
    super(message);
    this.current = current;
  }
}

/** Sends what `ask` gives as data, and what it throws as an error; sends nothing when it gives undefined, or nobody waits for it. */
export function answer(ask: (request: Request, isWanted: () => boolean, response: Response) => Promise<unknown>): RequestHandler {
  return (request, response) => {
    ask(request, () => !isAnswered(response), response)
      .then((data) => {
        if (data !== undefined && !isAnswered(response)) sendData(response, data);
      })
      .catch((error: unknown) => {
        if (!isAnswered(response)) sendFailure(response, error);
      });
  };
}

/** The host may have answered meanwhile (a timeout of its own), and the client may have gone. */
function isAnswered(response: Response): boolean {
  return response.headersSent || response.destroyed;
}

function sendFailure(response: Response, error: unknown): void {
  const { code } = Object(error) as { code?: unknown };
  const message = isBadData(code) ? (error as Error).message : describeError(error);
  if (error instanceof BadQuery || isBadData(code)) sendError(response, 400, 'bad_data', message);
  else if (error instanceof BodyRefused) sendError(response, error.statusCode, BODY_ERRORS[error.statusCode], message);
  else if (error instanceof Conflict) sendConflict(response, error);
  else if (error instanceof NotFound) sendError(response, 404, 'not_found', message);
  else if (code === 'ERR_QUERY_TIMEOUT') sendError(response, 504, 'timeout', message);
  else {
    if (error instanceof GateClosed) response.setHeader('Retry-After', String(error.retryAfterSeconds));
    sendError(response, 503, 'unavailable', message);
  }
}

function isBadData(code: unknown): boolean {
  return code === 'ERR_USAGE' || code === 'ERR_RULES_INVALID';
}

const BODY_ERRORS = { 400: 'bad_data', 413: 'too_large', 415: 'unsupported_media_type' } as const;

function sendConflict(response: Response, { message, current }: Conflict): void {
  response.setHeader('ETag', `"${current.version}"`);
  response.setHeader('Cache-Control', 'no-store');
  response.status(409).json({ status: 'error', errorType: 'conflict', error: message, keepwatch_current: current });
}
