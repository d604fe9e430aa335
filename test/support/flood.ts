// What a program that floods the tracker measures of itself, and how it tells its test: one line of JSON at the end.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { EventBatch, EventSink } from '../../src/event.ts';
import type { ObservabilityTracker } from '../../src/instrument/tracker.ts';

export interface FloodReport {
  readonly executions: number;
  /** Events that reached the sink, by type. */
  readonly events: Readonly<Record<string, number>>;
  /** Those of them that are failures. */
  readonly failures: Readonly<Record<string, number>>;
  /** Names that the events had, by type. */
  readonly names: Readonly<Record<string, number>>;
  /** Series of each metric. */
  readonly series: Readonly<Record<string, number>>;
  /** Sum over all series of each metric: of histograms, of their counts. */
  readonly sums: Readonly<Record<string, number>>;
  /** What went to `__other__`, by metric. */
  readonly overflow: Readonly<Record<string, number>>;
  /** Templates of routes that were guessed. */
  readonly guessed: number;
  /** Series of the declared names that were used after the flood only. */
  readonly declared: Readonly<Record<string, number>>;
  /** Of the heap and of array buffers, after a full collection. */
  readonly grownBytes: number;
  readonly seconds: number;
}

/** Counts events and their names, and keeps nothing else. */
export class CountingSink implements EventSink {
  readonly events: Record<string, number> = {};
  readonly failures: Record<string, number> = {};
  readonly #names = new Map<string, Set<string>>();

  accept(batch: EventBatch): number {
    for (let index = 0; index < batch.size; index++) {
      const { type, name } = batch.series(index);
      const known = this.#names.get(type);
      if (known === undefined) this.#names.set(type, new Set([name]));
      else known.add(name);
      this.events[type] = (this.events[type] ?? 0) + 1;
      if (batch.status(index) === 'failure') this.failures[type] = (this.failures[type] ?? 0) + 1;
    }
    return batch.size;
  }

  names(): Record<string, number> {
    return Object.fromEntries([...this.#names].map(([type, names]) => [type, names.size]));
  }
}

/** Bytes in use, all garbage collected. */
export async function usedBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  for (let round = 0; round < 4; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Samples of an exposition, by metric as in the catalogue: of a histogram its counts. */
export async function readSamples(tracker: ObservabilityTracker): Promise<Map<string, Map<string, number>>> {
  const samples = new Map<string, Map<string, number>>();
  for (const line of (await tracker.registry.metrics()).split('\n')) {
    const [, metric = '', labels = '', value = ''] = /^(\w+)(\{.*\})? (\S+)$/.exec(line) ?? [];
    if (metric === '' || /_(bucket|sum)$/.test(metric)) continue;
    const name = metric.replace(/_count$/, '');
    const known = samples.get(name) ?? new Map<string, number>();
    samples.set(name, known.set(labels, Number(value)));
  }
  return samples;
}

/** Prints the report. */
export async function reportFlood(
  tracker: ObservabilityTracker,
  sink: CountingSink,
  measured: Pick<FloodReport, 'executions' | 'grownBytes' | 'seconds'> & {
    readonly declared: readonly (readonly [string, string])[];
  },
): Promise<void> {
  const samples = await readSamples(tracker);
  const flooded = [...samples].filter(([metric]) => /^(http_server_request|tool|agent|llm|db)_/.test(metric));
  const overflow = samples.get('keepwatch_series_overflow_total') ?? new Map<string, number>();
  const report: FloodReport = {
    ...measured,
    events: sink.events,
    failures: sink.failures,
    names: sink.names(),
    series: Object.fromEntries(flooded.map(([metric, series]) => [metric, series.size])),
    sums: Object.fromEntries(
      flooded.map(([metric, series]) => [metric, [...series.values()].reduce((sum, value) => sum + value, 0)]),
    ),
    overflow: Object.fromEntries([...overflow].map(([labels, value]) => [/"(.*)"/.exec(labels)?.[1] ?? '', value])),
    guessed: samples.get('keepwatch_guessed_routes_total')?.get('') ?? 0,
    declared: Object.fromEntries(
      measured.declared.map(([metric, labels]) => [metric + labels, samples.get(metric)?.get(labels) ?? 0]),
    ),
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
}
