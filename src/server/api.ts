// /api/v1: what the archive and the alerts know, as JSON. What can be changed stands in alerts-api.ts.
import { type Request, Router } from 'express';
import type { z } from 'zod';
import type { Guards } from './alert-routes.ts';
import { type AlertsApiOptions, addAlertRoutes } from './alerts-api.ts';
import { answer, NotFound } from './api-answer.ts';
import {
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
  dashboardData,
  dimensionsData,
  eventsData,
  logsData,
  summaryData,
  timeseriesData,
  traceData,
} from './api-responses.ts';
import type { CollectReasons } from './health.ts';
import { openApiDocument } from './openapi.ts';
import { QueryGate } from './query-gate.ts';

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

export interface ApiOptions extends AlertsApiOptions {
  readonly archive: ArchiveReader | undefined;
  readonly collectReasons: CollectReasons;
  /** Where there is no archive: why, and what to do about it. Default: that DATABASE_URL is not set. */
  readonly whyNoArchive?: string;
}

const NO_DATABASE = 'DATABASE_URL is not set; allowed: that of a Postgres, postgres://user:password@host:5432/database';
/** As many as the pool of the readers has connections (`src/storage.ts`). */
const ARCHIVE_GATE = { atOnce: 4, waiting: 200, waitMs: 20_000 };

/**
 * A router for `/api/v1`. Without a database the archive's routes answer 503; without alerts there are no rules.
 * @param guards a path that is not ours passes through, since the host may have an /api/v1 of its own
 */
export function createApi(options: ApiOptions, guards: Guards): Router {
  const router = Router();
  const { archive, whyNoArchive = NO_DATABASE, now, collectReasons } = options;
  const archiveGate = new QueryGate(ARCHIVE_GATE);

  /** @param understand checks the request before it waits for its turn */
  const ask = (path: string, understand: (request: Request) => (reader: ArchiveReader) => Promise<unknown>) => {
    const handler = answer(async (request, isWanted) => {
      const question = understand(request);
      if (archive === undefined) throw new Error(`no archive: ${whyNoArchive}`);
      return archiveGate.run(async () => (isWanted() ? question(archive) : undefined));
    });
    router.get(path, ...guards.read, handler);
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
  addAlertRoutes(router, options, guards);
  router.get('/openapi.json', ...guards.read, (_request, response) => {
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
