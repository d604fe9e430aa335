// /api/v1: what the archive and the alerts know, as JSON. Reads only.
import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { z } from 'zod';
import { describeError } from '../errors.ts';
import { sendData, sendError } from './answer.ts';
import {
  BadQuery,
  parseDashboardQuery,
  parseDimensionsQuery,
  parseEventsQuery,
  parseLogsQuery,
  parseSummaryQuery,
  parseTimeseriesQuery,
  parseTraceQuery,
} from './api-query.ts';
import type {
  Answer,
  alertsData,
  dashboardData,
  dimensionsData,
  eventsData,
  logsData,
  rulesData,
  summaryData,
  timeseriesData,
  traceData,
} from './api-responses.ts';
import type { CollectReasons } from './health.ts';
import { openApiDocument } from './openapi.ts';
import { GateClosed, QueryGate } from './query-gate.ts';

/** The questions that the API asks the archive. */
export interface ArchiveReader {
  summary(query: ReturnType<typeof parseSummaryQuery>): Promise<Answer<z.output<typeof summaryData>>>;
  events(query: ReturnType<typeof parseEventsQuery>): Promise<Answer<z.output<typeof eventsData>>>;
  logs(query: ReturnType<typeof parseLogsQuery>): Promise<Answer<z.output<typeof logsData>>>;
  timeseries(query: ReturnType<typeof parseTimeseriesQuery>): Promise<Answer<z.output<typeof timeseriesData>>>;
  dimensions(query: ReturnType<typeof parseDimensionsQuery>): Promise<Answer<z.output<typeof dimensionsData>>>;
  dashboard(query: ReturnType<typeof parseDashboardQuery>): Promise<Answer<Omit<z.output<typeof dashboardData>, 'health'>>>;
  /** Undefined: nothing is known of it. */
  trace(query: ReturnType<typeof parseTraceQuery>): Promise<Answer<z.output<typeof traceData>> | undefined>;
}

/** The questions that the API asks the alerts. */
export interface AlertsReader {
  rulesResponse(): Promise<Answer<z.output<typeof rulesData>>>;
  alertsResponse(): Promise<Answer<z.output<typeof alertsData>>>;
}

export interface ApiOptions {
  readonly archive: ArchiveReader | undefined;
  /** Where there is no archive: why, and what to do about it. Default: that DATABASE_URL is not set. */
  readonly whyNoArchive?: string;
  readonly alerts: AlertsReader | undefined;
  readonly now: () => number;
  readonly collectReasons: CollectReasons;
}

/** What is asked for is not there. */
class NotFound extends Error {
  override readonly name = 'NotFound';
}

const NO_DATABASE = 'DATABASE_URL is not set; allowed: that of a Postgres, postgres://user:password@host:5432/database';
/** As many as the pool of the readers has connections (`src/storage.ts`). */
const ARCHIVE_GATE = { atOnce: 4, waiting: 200, waitMs: 20_000 };
/** The alerts are read with the connections that also evaluate them. */
const ALERTS_GATE = { atOnce: 1, waiting: 50, waitMs: 5000 };

/**
 * A router for `/api/v1`. Without a database the archive's routes answer 503; without alerts there are no rules.
 * @param guards run before every route of ours; a path that is not ours passes through, since the host may have an /api/v1 of its own
 */
export function createApi(options: ApiOptions, guards: readonly RequestHandler[]): Router {
  const router = Router();
  const { archive, whyNoArchive = NO_DATABASE, alerts, now, collectReasons } = options;
  const archiveGate = new QueryGate(ARCHIVE_GATE);
  const alertsGate = new QueryGate(ALERTS_GATE);

  /** @param understand checks the request before it waits for its turn */
  const ask = (path: string, understand: (request: Request) => (reader: ArchiveReader) => Promise<unknown>) => {
    const handler = answer(async (request, isWanted) => {
      const question = understand(request);
      if (archive === undefined) throw new Error(`no archive: ${whyNoArchive}`);
      return archiveGate.run(async () => (isWanted() ? question(archive) : undefined));
    });
    router.get(path, ...guards, handler);
  };
  const askAlerts = (path: string, question: () => Promise<unknown>) => {
    router.get(
      path,
      ...guards,
      answer((_request, isWanted) => alertsGate.run(async () => (isWanted() ? question() : undefined))),
    );
  };

  ask('/summary', ({ url }) => {
    const query = parseSummaryQuery(url, now());
    return (reader) => reader.summary(query);
  });
  ask('/timeseries', ({ url }) => {
    const query = parseTimeseriesQuery(url, now());
    return (reader) => reader.timeseries(query);
  });
  ask('/dimensions', ({ url }) => {
    const query = parseDimensionsQuery(url, now());
    return (reader) => reader.dimensions(query);
  });
  ask('/dashboard', ({ url }) => {
    const query = parseDashboardQuery(url, now());
    return async (reader) => {
      const dashboard = await reader.dashboard(query);
      const reasons = collectReasons();
      return { ...dashboard, health: { state: reasons.length === 0 ? 'ok' : 'degraded', reasons } };
    };
  });
  ask('/events', ({ url }) => {
    const query = parseEventsQuery(url, now());
    return (reader) => reader.events(query);
  });
  ask('/logs', ({ url }) => {
    const query = parseLogsQuery(url, now());
    return (reader) => reader.logs(query);
  });
  ask('/traces/:id', ({ url, params }) => {
    const query = parseTraceQuery(url, String(params['id']));
    return async (reader) => {
      const trace = await reader.trace(query);
      if (trace === undefined) throw new NotFound(describeMissingTrace(query));
      return trace;
    };
  });
  askAlerts('/rules', async () => (await alerts?.rulesResponse()) ?? { groups: [] });
  askAlerts('/alerts', async () => (await alerts?.alertsResponse()) ?? { alerts: [] });
  router.get('/openapi.json', ...guards, (_request, response) => {
    response.json(openApiDocument());
  });
  return router;
}

function describeMissingTrace({ traceId, near, logLimit }: ReturnType<typeof parseTraceQuery>): string {
  const where =
    near === undefined
      ? 'in the archive'
      : `on the UTC day of ${near.toISOString()}; without near all of the archive is searched`;
  return `no event${logLimit > 0 ? ' and no log line' : ''} of trace ${traceId} ${where}`;
}

/** Sends what `ask` gives as data, and what it throws as an error; sends nothing when it gives undefined, or nobody waits for it. */
function answer(ask: (request: Request, isWanted: () => boolean) => Promise<unknown>): RequestHandler {
  return (request, response) => {
    ask(request, () => !isAnswered(response))
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
  const message = describeError(error);
  if (error instanceof BadQuery || code === 'ERR_USAGE') sendError(response, 400, 'bad_data', message);
  else if (error instanceof NotFound) sendError(response, 404, 'not_found', message);
  else if (code === 'ERR_QUERY_TIMEOUT') sendError(response, 504, 'timeout', message);
  else {
    if (error instanceof GateClosed) response.setHeader('Retry-After', String(error.retryAfterSeconds));
    sendError(response, 503, 'unavailable', message);
  }
}
