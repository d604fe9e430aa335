// PromQL made of the metrics that there are: a name that the catalogue does not have is an error of the compiler.
import type { CATALOGUE, MetricName } from '../../src/instrument/metrics/catalogue.ts';

type OfType<T extends string> = { [N in MetricName]: (typeof CATALOGUE)[N]['type'] extends T ? N : never }[MetricName];
export type HistogramName = OfType<'histogram'>;
/** What prom-client says of the process, as far as dashboards show it. */
type ProcessSample =
  | 'process_cpu_seconds_total'
  | 'process_resident_memory_bytes'
  | 'process_open_fds'
  | 'process_max_fds'
  | 'process_start_time_seconds'
  | 'nodejs_heap_size_used_bytes'
  | 'nodejs_eventloop_lag_p99_seconds'
  | 'nodejs_gc_duration_seconds_sum'
  | 'up';
/** What stands at the begin of a line of /metrics. */
export type SampleName = OfType<'counter' | 'gauge'> | `${HistogramName}_${'bucket' | 'sum' | 'count'}` | ProcessSample;

type BurnWindow = '5m' | '30m' | '1h' | '2h' | '6h' | '1d' | '3d';
export type RecordedName =
  | 'job:http_request_duration_seconds:p95_5m'
  | 'job_route:http_request_duration_seconds:p95_5m'
  | 'slo:requests:rate5m'
  | 'slo:errors:rate5m'
  | `slo:burn_rate:${BurnWindow}`;

/** Of the targets that are chosen at the top of the dashboard. */
export function of(name: SampleName, ...matchers: readonly string[]): string {
  return `${name}{${['job=~"$job"', 'instance=~"$instance"', ...matchers].join(', ')}}`;
}

/** Per second. */
export function rate(name: SampleName, ...matchers: readonly string[]): string {
  return `rate(${of(name, ...matchers)}[$__rate_interval])`;
}

/** Within the range that is shown. */
export function increase(name: SampleName, ...matchers: readonly string[]): string {
  return `increase(${of(name, ...matchers)}[$__range])`;
}

/** `sum by (labels)`; without labels one number. */
export function sum(expr: string, ...labels: readonly string[]): string {
  return labels.length === 0 ? `sum(${expr})` : `sum by (${labels.join(', ')}) (${expr})`;
}

/** A share that is 0 where nothing of it ever happened, and nothing where there is no whole. */
export function share(part: string, whole: string): string {
  return `${orZero(part, whole)} / ${whole}`;
}

/** What is 0 where it never happened, as long as there is what it would happen to. */
export function orZero(expr: string, whole: string): string {
  return `(${expr} or ${whole} * 0)`;
}

/** The sum of two, of which either may never have happened. */
export function added(one: string, other: string): string {
  return `(${orZero(one, other)} + ${orZero(other, one)})`;
}

/** What the rules of grafana/prometheus/rules record: known by job, not by instance. */
export function recorded(name: RecordedName, ...matchers: readonly string[]): string {
  return `${name}{${['job=~"$job"', ...matchers].join(', ')}}`;
}

/** What rules of Prometheus say of the jobs that are chosen; not all of their alerts know an instance. */
export function alertsOf(...matchers: readonly string[]): string {
  return `ALERTS{${['job=~"$job"', ...matchers].join(', ')}}`;
}

/** A quantile of a histogram, in seconds, by labels. */
export function quantile(q: number, name: HistogramName, matchers: readonly string[] = [], ...labels: readonly string[]): string {
  return `histogram_quantile(${q}, ${sum(rate(`${name}_bucket`, ...matchers), ...labels, 'le')})`;
}
