// What PromQL names: every metric and label of an expression, compared with those that there are.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parser } from '@prometheus-io/lezer-promql';
import { parse } from 'yaml';
import { PACKAGE_FOLDER } from '../../src/db/sql.ts';
import { CATALOGUE } from '../../src/instrument/metrics/catalogue.ts';
import type { MetricEntry } from '../../src/instrument/metrics/metric-entry.ts';
import { createRegistry } from '../../src/instrument/metrics/registry.ts';
import { wrongValues } from './label-values.ts';

export const PROMETHEUS_FOLDER = join(PACKAGE_FOLDER, 'grafana/prometheus');

/** Labels by name of each metric, as Prometheus stores them. */
export type KnownMetrics = ReadonlyMap<string, ReadonlySet<string>>;

export interface PrometheusRule {
  readonly file: string;
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string | number;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What Prometheus adds to every sample. */
const TARGET_LABELS = ['job', 'instance'];

/** All rules of grafana/prometheus/rules. */
export function readPrometheusRules(): PrometheusRule[] {
  const folder = join(PROMETHEUS_FOLDER, 'rules');
  return readdirSync(folder).flatMap((file) => {
    const { groups } = parse(readFileSync(join(folder, file), 'utf8')) as { groups: { rules: PrometheusRule[] }[] };
    return groups.flatMap(({ rules }) => rules.map((rule) => ({ ...rule, file })));
  });
}

/** What the product exports, what Prometheus itself knows of a target, and what rules record. */
export async function knownMetrics(rules: readonly PrometheusRule[]): Promise<KnownMetrics> {
  const known = new Map<string, ReadonlySet<string>>();
  for (const [name, entry] of Object.entries(CATALOGUE) as [string, MetricEntry][]) {
    const labels = [...entry.labels, ...TARGET_LABELS];
    const parts = { counter: [''], gauge: [''], histogram: ['_bucket', '_sum', '_count'], summary: ['_sum', '_count'] }[
      entry.type
    ];
    for (const part of parts) known.set(`${name}${part}`, new Set(part === '_bucket' ? [...labels, 'le'] : labels));
  }
  const defaults = await createRegistry().metrics();
  // A histogram has no samples before it has observed something.
  for (const [, name] of defaults.matchAll(/^# TYPE (\w+) histogram$/gm)) {
    for (const part of ['_bucket', '_sum', '_count']) known.set(`${name}${part}`, new Set([...TARGET_LABELS, 'kind', 'le']));
  }
  for (const line of defaults.split('\n')) {
    const [, name, labels = ''] = /^(\w+)(?:\{(.*)\})? /.exec(line) ?? [];
    if (name === undefined) continue;
    const own = [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label);
    known.set(name, new Set([...(known.get(name) ?? []), ...own, ...TARGET_LABELS]));
  }
  for (const name of ['up', 'scrape_duration_seconds', 'scrape_samples_scraped']) known.set(name, new Set(TARGET_LABELS));
  const ofAlerts = rules.flatMap(({ alert, labels = {} }) => (alert === undefined ? [] : Object.keys(labels)));
  known.set('ALERTS', new Set(['alertname', 'alertstate', ...TARGET_LABELS, ...ofAlerts]));
  for (const { record = '', labels = {} } of rules) {
    const level = record.split(':')[0] ?? '';
    const own = level === 'job_route' ? ['job', 'http_route'] : level === 'slo' ? ['job', 'slo'] : ['job'];
    if (record !== '') known.set(record, new Set([...own, ...Object.keys(labels)]));
  }
  return known;
}

/**
 * @returns what is wrong: syntax, metrics that there are not, labels and values that their metrics do not have, bounds in the spelling of one
 * Prometheus alone, rates of gauges, quantiles without bounds
 */
export function wrongInPromql(text: string, known: KnownMetrics): string[] {
  const problems: string[] = [];
  const tree = parser.parse(text);
  const read = (node: { from: number; to: number }) => text.slice(node.from, node.to);
  /** The metrics that are named within a part of the text. */
  const metricsIn = (part: { from: number; to: number }) => {
    const names: string[] = [];
    tree.iterate({
      from: part.from,
      to: part.to,
      enter: (node) =>
        void (node.name === 'Identifier' && node.from >= part.from && node.to <= part.to && names.push(read(node))),
    });
    return names;
  };
  // Prometheus 2 stores a bound of a second as "1", Prometheus 3 as "1.0".
  for (const [matcher] of text.matchAll(/\ble\s*(?:=~?|!=|!~)\s*"\d+"/g))
    problems.push(`${matcher} is not found by Prometheus 3`);
  const check = (label: string, metrics: readonly string[]) => {
    if (!metrics.some((name) => known.get(name)?.has(label))) problems.push(`${label} is no label of ${metrics.join(', ')}`);
  };
  for (const [, by = '', name = ''] of text.matchAll(/\b(rate|irate|increase|resets)\(\s*([a-zA-Z_][\w:]*)/g))
    if (!/(_total|_bucket|_sum|_count)$/.test(name)) problems.push(`${by} of ${name}, which is no counter`);
  tree.iterate({
    enter(node) {
      if (node.type.isError) problems.push(`is not PromQL at character ${node.from + 1}`);
      if (node.name === 'Identifier' && !known.has(read(node))) problems.push(`there is no metric ${read(node)}`);
      if (node.name === 'FunctionCall' && read(node).startsWith('histogram_quantile')) {
        // A quantile of what is not told apart by bound is none.
        for (const [, by] of read(node).matchAll(/\b(?:sum|avg|max|min|count)\b(?:\s*by\s*\(([^)]*)\))?\s*\(/g))
          if (by?.split(/,\s*/).includes('le') !== true) problems.push('histogram_quantile without le');
      }
      if (node.name !== 'LabelName' || node.node.parent === null) return;
      const holder = node.node.parent;
      const isMatcher = holder.name.endsWith('LabelMatcher');
      const [, operator = '', value = ''] = /^\w+\s*(=~|!~|!=|=)\s*"(.*)"$/.exec(read(holder)) ?? [];
      if (isMatcher)
        for (const metric of metricsIn(holder.parent?.parent ?? holder))
          problems.push(...wrongValues(metric, read(node), operator, value));
      const scope = isMatcher ? holder.parent?.parent : holder.parent?.parent;
      check(read(node), metricsIn(scope ?? { from: 0, to: text.length }));
    },
  });
  return problems;
}
