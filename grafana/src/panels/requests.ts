// Requests over HTTP: rate, errors, durations, routes.
import type { Panel } from '../panel.ts';
import { of, quantile, sum } from '../promql.ts';
import { type By, failures, failuresBy, type Measured, mostTime, p95, perSecond, perSecondBy, slowest } from '../red-panels.ts';
import { OF_SERVICE, steps } from '../sql.ts';

const DURATION = 'http_server_request_duration_seconds';
/** A client that gave up says nothing of the server. */
const ANSWERED = 'error_type!="client_disconnect"';
export const REQUESTS: Measured = {
  type: 'api',
  count: `${DURATION}_count`,
  duration: DURATION,
  ended: ANSWERED,
  failed: ['error_type!=""', ANSWERED],
};
const ROUTE: By = { label: 'http_route' };
const STATUS_CODE: By = { label: 'http_response_status_code', isOptional: true };

export const REQUEST_PANELS: readonly Panel[] = [
  perSecond(REQUESTS, {
    title: 'Requests',
    description: 'HTTP requests that ended, per second, those that their clients gave up among them.',
    as: 'requests',
    width: 6,
  }),
  failures(REQUESTS, {
    title: 'Errors',
    description:
      'Share of requests that failed: answered with 5xx, or broken off by the server. Those that clients gave up are left out.',
    as: 'errors',
    width: 6,
    thresholds: [
      { from: 0.01, color: 'yellow' },
      { from: 0.05, color: 'red' },
    ],
  }),
  p95(REQUESTS, {
    title: 'Slowest 5 %',
    description: '95 of 100 requests took no longer. In Prometheus within a bucket of the histogram, in Postgres within 1.1 %.',
    width: 6,
  }),
  {
    title: 'Processes',
    description: 'Processes that answer Prometheus; in Postgres those that were heard of in the last minute.',
    kind: 'stat',
    unit: 'none',
    width: 6,
    thresholds: [{ from: 1, color: 'green' }],
    prometheus: [{ expr: sum(of('up')) }],
    postgres: [
      `select now() as time, count(distinct instance) as processes
from keepwatch.sources
where not closed and last_seen_at > now() - interval '1 minute' and ${OF_SERVICE}`,
    ],
  },
  perSecondBy(REQUESTS, ROUTE, {
    title: 'Requests by route',
    description: 'Requests that ended, per second, by the template of their route.',
  }),
  {
    title: 'Duration of requests',
    description: 'Half, 95 and 99 of 100 requests took no longer. Those that clients gave up are left out.',
    kind: 'lines',
    unit: 's',
    min: 0,
    prometheus: [0.5, 0.95, 0.99].map((q) => ({
      expr: quantile(q, DURATION, [ANSWERED]),
      legend: `p${q * 100}`,
      hasExemplars: q === 0.99,
    })),
    postgres: [steps('api', 'p50_ms / 1000 as p50, p95_ms / 1000 as p95, p99_ms / 1000 as p99')],
  },
  perSecondBy(REQUESTS, STATUS_CODE, {
    title: 'Answers by status code',
    description: 'Requests per second by the status code of their answer; empty: they were broken off before there was one.',
  }),
  failuresBy(REQUESTS, ROUTE, { title: 'Errors by route', description: 'Share of the requests of a route that failed.' }),
  mostTime(REQUESTS, 'name', 10, {
    title: 'Routes that cost the most time',
    description: 'Routes by all the time that their requests took within the range.',
    failures: 'errors',
  }),
  slowest(REQUESTS, 'name', {
    title: 'Slowest requests',
    description: 'Single requests that took the longest on the last day of the range, each with its trace.',
  }),
];
