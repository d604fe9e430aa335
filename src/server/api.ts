// /api/v1: what the archive and the alerts know, as JSON. Reads only.
import { type RequestHandler, type Response, Router } from 'express';
import { describeError } from '../errors.ts';
import { sendData, sendError } from './answer.ts';
import { BadQuery, parseEventsQuery, parseSummaryQuery } from './api-query.ts';

/** The questions that the API asks the archive. */
export interface ArchiveReader {
  summary(query: { from: Date; to: Date; type?: string | undefined; name?: string | undefined }): Promise<unknown>;
  events(query: {
    from: Date;
    to: Date;
    type?: string | undefined;
    name?: string | undefined;
    status?: string | undefined;
    limit: number;
    cursor?: string | undefined;
  }): Promise<unknown>;
}

/** The questions that the API asks the alerts. */
export interface AlertsReader {
  rulesResponse(): Promise<unknown> | unknown;
  alertsResponse(): Promise<unknown> | unknown;
}

export interface ApiOptions {
  readonly archive: ArchiveReader | undefined;
  readonly alerts: AlertsReader | undefined;
  readonly now: () => number;
}

/**
 * A router for `/api/v1`. Without a database the archive's routes answer 503; without alerts there are no rules.
 * @param guards run before every route of ours; a path that is not ours passes through, since the host may have an /api/v1 of its own
 */
export function createApi(options: ApiOptions, guards: readonly RequestHandler[]): Router {
  const router = Router();
  const archive = (ask: (archive: ArchiveReader, query: unknown) => Promise<unknown>): RequestHandler => {
    return answer(async (query, response) => {
      if (options.archive !== undefined) return ask(options.archive, query);
      sendError(response, 503, 'unavailable', 'no archive: DATABASE_URL is not set');
      return undefined;
    });
  };
  router.get(
    '/summary',
    ...guards,
    archive((reader, query) => reader.summary(parseSummaryQuery(query, options.now()))),
  );
  router.get(
    '/events',
    ...guards,
    archive((reader, query) => reader.events(parseEventsQuery(query, options.now()))),
  );
  router.get(
    '/rules',
    ...guards,
    answer(async () => (await options.alerts?.rulesResponse()) ?? { groups: [] }),
  );
  router.get(
    '/alerts',
    ...guards,
    answer(async () => (await options.alerts?.alertsResponse()) ?? { alerts: [] }),
  );
  return router;
}

/** Sends what `ask` gives as data, and what it throws as an error; sends nothing when it gives undefined. */
function answer(ask: (query: unknown, response: Response) => Promise<unknown>): RequestHandler {
  return (request, response) => {
    ask({ ...request.query }, response)
      .then((data) => {
        if (data !== undefined && !isAnswered(response)) sendData(response, data);
      })
      .catch((error: unknown) => {
        if (isAnswered(response)) return;
        if (error instanceof BadQuery || isUsageError(error)) sendError(response, 400, 'bad_data', describeError(error));
        else sendError(response, 503, 'unavailable', describeError(error));
      });
  };
}

/** The host may have answered meanwhile (a timeout of its own), and the client may have gone. */
function isAnswered(response: Response): boolean {
  return response.headersSent || response.destroyed;
}

function isUsageError(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ERR_USAGE';
}
