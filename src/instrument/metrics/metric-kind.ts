// Recognises our metrics in a registry that another copy of this package uses too (bundled and installed, or loaded anew): `instanceof`
// does not, since each copy has classes of its own.

/** Shared by all copies. */
export const METRIC_KIND = Symbol.for('keepwatch.metric');

/** What a metric is, and the version of the methods that one copy calls on the metrics of another. A change of these raises the number. */
export type MetricKind = 'counter/1' | 'histogram/1' | 'collected/1';

/** The kind of what a registry holds under a name; undefined when it is not Keepwatch's. Of a later version it may be another text. */
export function metricKind(metric: unknown): string | undefined {
  if (typeof metric !== 'object' || metric === null) return undefined;
  const kind: unknown = (metric as { readonly [METRIC_KIND]?: unknown })[METRIC_KIND];
  return typeof kind === 'string' ? kind : undefined;
}
