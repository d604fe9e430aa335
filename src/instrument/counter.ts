// Counters and gauges with resolved series: `add(slot, 1)` is one write into a typed array, where prom-client hashes the labels each time.
import { grown, type MetricSnapshot, type RegisteredMetric } from './metric.ts';
import { METRIC_KIND, type MetricKind } from './metric-kind.ts';
import { DEFAULT_MAX_SERIES, SeriesTable } from './series-table.ts';

export interface CounterOptions {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** Default `counter`. */
  readonly type?: 'counter' | 'gauge';
  /** Default 2000. */
  readonly maxSeries?: number;
}

/** A counter, or a gauge when `type` says so. */
export class Counter implements RegisteredMetric {
  readonly [METRIC_KIND]: MetricKind = 'counter/1';
  name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator = 'sum';
  readonly #table: SeriesTable;
  #values = new Float64Array(16);
  #overflowCount = 0;

  constructor({ name, help, labels, type = 'counter', maxSeries = DEFAULT_MAX_SERIES }: CounterOptions) {
    this.name = name;
    this.help = help;
    this.type = type;
    this.#table = new SeriesTable(labels, maxSeries, (slot) => {
      this.#values = grown(this.#values, slot + 1);
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

  /** Adds to a series. Negative amounts are for gauges only; NaN and infinities are the caller's to keep away. */
  add(slot: number, amount: number): void {
    (this.#values[slot] as number) += amount;
    if (this.#table.overflowing[slot] === 1) this.#overflowCount++;
  }

  /** How often `add` was called for a series `__other__`. */
  get overflowCount(): number {
    return this.#overflowCount;
  }

  get seriesCount(): number {
    return this.#table.size;
  }

  async get(): Promise<MetricSnapshot> {
    const values = this.#table.labelSets.map((labels, slot) => ({ value: this.#values[slot] as number, labels }));
    return { name: this.name, help: this.help, type: this.type, aggregator: this.aggregator, values };
  }

  reset(): void {
    this.#values.fill(0);
  }
}
