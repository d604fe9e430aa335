// What /api/v1 has: each path with its parameters and its answer, for the OpenAPI document.
import type { z } from 'zod';
import { ALERT_ENDPOINTS } from './alerts-endpoints.ts';
import {
  dashboardParameters,
  dimensionsParameters,
  eventsParameters,
  logsParameters,
  summaryParameters,
  timeseriesParameters,
  traceParameters,
} from './api-parameters.ts';
import { dashboardData, dimensionsData, eventsData, logsData, summaryData, timeseriesData, traceData } from './api-responses.ts';
import { DELIVERY_ENDPOINTS } from './delivery-endpoints.ts';

export interface Endpoint {
  /** Default get. */
  readonly method?: 'get' | 'post' | 'put' | 'delete';
  /** Below /api/v1, as OpenAPI writes it. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly parameters: z.ZodObject;
  /** Of the JSON that is sent. */
  readonly body?: z.ZodType;
  /** The schema of `data` in the answer. */
  readonly data: z.ZodType;
  /** 201 where it makes something; default 200. */
  readonly success?: 200 | 201;
  /** It changes a version that the header If-Match, or the parameter version, has to name. */
  readonly isVersioned?: boolean;
}

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
  ...ALERT_ENDPOINTS,
  ...DELIVERY_ENDPOINTS,
];
