// Histograms with resolved series: an observation is a search in a typed array and two writes. The exposition is prom-client's.
import { grown, type MetricSample, type MetricSnapshot, type RegisteredMetric } from './metric.ts';
import { METRIC_KIND, type MetricKind } from './metric-kind.ts';
import { DEFAULT_MAX_SERIES, SeriesTable } from './series-table.ts';

export interface HistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds, rising, without infinity. */
  readonly buckets: readonly number[];
  /** Default 2000. */
  readonly maxSeries?: number;
}

export class Histogram implements RegisteredMetric {
  readonly [METRIC_KIND]: MetricKind = 'histogram/1';
  name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly #bounds: Float64Array;
  /** Buckets of a series, the one above the last bound included. */
  readonly #stride: number;
  readonly #table: SeriesTable;
  /** Observations per bucket, not yet added up: series by series. */
  #counts: Float64Array<ArrayBuffer>;
  #sums = new Float64Array(4);
  #overflowCount = 0;

  constructor({ name, help, labels, buckets, maxSeries = DEFAULT_MAX_SERIES }: HistogramOptions) {
    this.name = name;
    this.help = help;
    this.#bounds = Float64Array.from(buckets);
    this.#stride = buckets.length + 1;
    this.#counts = new Float64Array(4 * this.#stride);
    this.#table = new SeriesTable(labels, maxSeries, (slot) => {
      this.#counts = grown(this.#counts, (slot + 1) * this.#stride);
      this.#sums = grown(this.#sums, slot + 1);
    });
    if (labels.length === 0) this.resolve();
  }

  /** The slot of a series; the values stand in the order of the labels. */
  resolve(...values: readonly unknown[]): number {
    return this.#table.resolve(values);
  }

  /**
   * The slot of a series, by its labels; those that the metric does not have are passed over.
   * @param undeclared the labels whose values came at run time: they find room only in the share that is theirs
   */
  resolveLabels(labels: Readonly<Record<string, string>>, undeclared: ReadonlySet<string>): number {
    return this.#table.resolve(
      this.#table.labelNames.map((name) => labels[name]),
      undeclared,
    );
  }

  /** Notes one value. NaN and infinities are the caller's to keep away. */
  observe(slot: number, value: number): void {
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
    (this.#counts[slot * this.#stride + bucket] as number) += 1;
    (this.#sums[slot] as number) += value;
    if (this.#table.overflowing[slot] === 1) this.#overflowCount++;
  }

  /** How many observations went to a series `__other__`. */
  get overflowCount(): number {
    return this.#overflowCount;
  }

  get seriesCount(): number {
    return this.#table.size;
  }

  /** For the text exposition: the labels of a series are shared by its lines, and formatted once. */
  async getForPromString(): Promise<MetricSnapshot> {
    const values: MetricSample[] = [];
    for (const [slot, sharedLabels] of this.#table.labelSets.entries()) this.#writeSeries(slot, sharedLabels, values);
    return { name: this.name, help: this.help, type: this.type, aggregator: this.aggregator, values };
  }

  #writeSeries(slot: number, sharedLabels: Readonly<Record<string, string>>, samples: MetricSample[]): void {
    const metricName = `${this.name}_bucket`;
    let count = 0;
    for (const [bucket, le] of this.#bounds.entries()) {
      count += this.#counts[slot * this.#stride + bucket] as number;
      samples.push({ labels: { le }, sharedLabels, value: count, metricName });
    }
    count += this.#counts[slot * this.#stride + this.#stride - 1] as number;
    samples.push(
      { labels: { le: '+Inf' }, sharedLabels, value: count, metricName },
      { labels: {}, sharedLabels, value: this.#sums[slot] as number, metricName: `${this.name}_sum` },
      { labels: {}, sharedLabels, value: count, metricName: `${this.name}_count` },
    );
  }

  /** As JSON, for aggregation over a cluster: every line with all of its labels. */
  async get(): Promise<MetricSnapshot> {
    const snapshot = await this.getForPromString();
    const values = snapshot.values.map(({ sharedLabels, ...sample }) => ({
      ...sample,
      labels: { ...sample.labels, ...sharedLabels },
    }));
    return { ...snapshot, values };
  }

  reset(): void {
    this.#counts.fill(0);
    this.#sums.fill(0);
  }
}
