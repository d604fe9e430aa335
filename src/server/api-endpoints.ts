// What /api/v1 has: each path with its parameters and its answer, for the OpenAPI document.
import { z } from 'zod';
import {
  dashboardParameters,
  dimensionsParameters,
  eventsParameters,
  logsParameters,
  summaryParameters,
  timeseriesParameters,
  traceParameters,
} from './api-parameters.ts';
import {
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

export interface Endpoint {
  /** Below /api/v1, as OpenAPI writes it. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly parameters: z.ZodObject;
  /** The schema of `data` in the answer. */
  readonly data: z.ZodType;
}

const noParameters = z.strictObject({});

export const ENDPOINTS: readonly Endpoint[] = [
  {
    path: '/summary',
    operationId: 'getSummary',
    summary: 'Rate, errors and duration of each type and name.',
    parameters: summaryParameters,
    data: summaryData,
  },
  {
    path: '/timeseries',
    operationId: 'getTimeseries',
    summary: 'Rate, errors or durations over time.',
    parameters: timeseriesParameters,
    data: timeseriesData,
  },
  {
    path: '/dimensions',
    operationId: 'getDimensions',
    summary: 'Services, types, names and labels that can be asked for.',
    parameters: dimensionsParameters,
    data: dimensionsData,
  },
  {
    path: '/dashboard',
    operationId: 'getDashboard',
    summary: 'All that a first screen shows, as of one moment.',
    parameters: dashboardParameters,
    data: dashboardData,
  },
  {
    path: '/events',
    operationId: 'listEvents',
    summary: 'Single events, newest first, page by page.',
    parameters: eventsParameters,
    data: eventsData,
  },
  {
    path: '/logs',
    operationId: 'listLogs',
    summary: 'Log lines, newest first, page by page.',
    parameters: logsParameters,
    data: logsData,
  },
  {
    path: '/traces/{id}',
    operationId: 'getTrace',
    summary: 'The spans of one trace, and its log lines.',
    parameters: traceParameters,
    data: traceData,
  },
  {
    path: '/rules',
    operationId: 'listRules',
    summary: 'The alerting rules and their states, as Prometheus has them.',
    parameters: noParameters,
    data: rulesData,
  },
  {
    path: '/alerts',
    operationId: 'listAlerts',
    summary: 'The alerts that are pending or firing, as Prometheus has them.',
    parameters: noParameters,
    data: alertsData,
  },
];
