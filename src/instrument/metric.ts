// What a metric has to be to stand in a prom-client registry: the registry calls nothing but these, and never asks for a class.

export interface MetricSample {
  readonly value: number;
  readonly labels: Record<string, string | number>;
  /** Written before `labels` are; prom-client formats the same object only once. */
  readonly sharedLabels?: Readonly<Record<string, string>>;
  /** For histograms and summaries: the name with its suffix. */
  readonly metricName?: string;
}

export interface MetricSnapshot {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: 'sum';
  readonly values: MetricSample[];
}

/** A metric of ours. `name` is mutable because prom-client takes `_total` off it when it writes OpenMetrics. */
export interface RegisteredMetric {
  name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: 'sum';
  get(): Promise<MetricSnapshot>;
  /** Sets all values to zero; series stay known. */
  reset(): void;
}

/** Grows a table of numbers to at least `length` entries, keeping what it holds. */
export function grown(values: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  if (length <= values.length) return values;
  const larger = new Float64Array(Math.max(length, 2 * values.length));
  larger.set(values);
  return larger;
}
