// The handlers that most cases need.
import type { ErrorRequestHandler, RequestHandler } from 'express';

export const ok: RequestHandler = (_request, response) => void response.send('ok');

/** Lets the request pass. */
export const pass: RequestHandler = (_request, _response, next) => next();

/** Throws an error with a status; without one Express answers 500. */
export function throws(status?: number): RequestHandler {
  return () => {
    throw failure(status);
  };
}

export function failure(status?: number): Error {
  return Object.assign(new Error('it failed'), status === undefined ? {} : { status });
}

/** Answers every error: with `status`, or with the error's own, or 500. */
export function answersErrors(status?: number): ErrorRequestHandler {
  return (error: { status?: number }, _request, response, _next) => {
    response.status(status ?? error.status ?? 500).send('failed');
  };
}
