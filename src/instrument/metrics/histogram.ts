// Histograms with resolved series: an observation is a search in a typed array and two writes. The exposition is prom-client's.

import {
  type DefaultLabels,
  type ExpositionFormat,
  formatHead,
  formatValue,
  frameLine,
  type LineFrame,
} from '../exposition/exposition-text.ts';
import { grown } from '../grown.ts';
import type { SpanWords } from '../recording/ring.ts';
import { Exemplars } from './exemplars.ts';
import { type ExposableMetric, type MetricSample, type MetricSnapshot, PIECE_LENGTH } from './metric.ts';
import { METRIC_KIND, type MetricKind } from './metric-kind.ts';
import { SeriesLabels } from './series-labels.ts';
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

export class Histogram implements ExposableMetric {
  readonly [METRIC_KIND]: MetricKind = 'histogram/1';
  name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly #bounds: Float64Array;
  /** Buckets of a series, the one above the last bound included. */
  readonly #stride: number;
  readonly #table: SeriesTable;
  readonly #labels: SeriesLabels;
  /** Observations per bucket, not yet added up: series by series. */
  #counts: Float64Array<ArrayBuffer>;
  #sums = new Float64Array(4);
  #overflowCount = 0;
  /** Made by the first traced observation. */
  #exemplars: Exemplars | undefined;

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
    this.#labels = new SeriesLabels(this.#table);
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

  /**
   * Notes one value. NaN and infinities are the caller's to keep away.
   * @param span of the execution that took so long: it may become the exemplar of its bucket
   * @param atMs when it ended, by the process clock; for the exemplar
   */
  observe(slot: number, value: number, span?: SpanWords, atMs = 0): void {
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
    const cell = slot * this.#stride + bucket;
    (this.#counts[cell] as number) += 1;
    (this.#sums[slot] as number) += value;
    if (this.#table.overflowing[slot] === 1) this.#overflowCount++;
    if (span !== undefined) {
      this.#exemplars ??= new Exemplars();
      this.#exemplars.note(cell, value, span, atMs);
    }
  }

  /** How many observations went to a series `__other__`. */
  get overflowCount(): number {
    return this.#overflowCount;
  }

  get seriesCount(): number {
    return this.#table.size;
  }

  *expose(format: ExpositionFormat, defaults: DefaultLabels): Generator<string> {
    const names = this.#table.labelNames;
    const frame = (suffix: string, own: Record<string, unknown>) => frameLine(this.name + suffix, own, names, defaults, 'last');
    const buckets = [...this.#bounds, '+Inf'].map((le) => frame('_bucket', { le }));
    const sum = frame('_sum', {});
    const count = frame('_count', {});
    const exemplars = format === 'openmetrics' ? this.#exemplars : undefined;
    let text = formatHead(this.name, this.help, this.type, format);
    for (let slot = 0; slot < this.#table.size; slot++) {
      text += this.#seriesText(slot, buckets, sum, count, exemplars);
      if (text.length < PIECE_LENGTH) continue;
      yield text;
      text = '';
    }
    yield text;
  }

  #seriesText(slot: number, buckets: LineFrame[], sum: LineFrame, count: LineFrame, exemplars: Exemplars | undefined): string {
    const labels = this.#labels.text(slot);
    const counts = this.#counts;
    let cell = slot * this.#stride;
    let total = 0;
    let text = '';
    for (const { open, close } of buckets) {
      total += counts[cell] as number;
      text += open + labels + close + total;
      text += exemplars === undefined ? '\n' : `${exemplars.text(cell)}\n`;
      cell++;
    }
    text += `${sum.open + labels + sum.close + formatValue(this.#sums[slot] as number)}\n`;
    text += `${count.open + labels + count.close + total}\n`;
    return text;
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
    for (let bucket = 0; bucket < this.#stride; bucket++) {
      const cell = slot * this.#stride + bucket;
      count += this.#counts[cell] as number;
      const exemplar = this.#exemplars?.get(cell);
      const sample = { labels: { le: this.#bounds[bucket] ?? '+Inf' }, sharedLabels, value: count, metricName };
      samples.push(exemplar === undefined ? sample : { ...sample, exemplar });
    }
    samples.push(
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
    this.#exemplars?.clear();
  }
}
