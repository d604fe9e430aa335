// Keepwatch: its own counter and histogram in a registry of prom-client, served by `metricsHandler()`.
import { Registry } from 'prom-client';
import { createMetricsHandler } from '../../src/instrument/exposition/metrics-handler.ts';
import { Counter } from '../../src/instrument/metrics/counter.ts';
import { Histogram } from '../../src/instrument/metrics/histogram.ts';
import { BOUNDS, LABELS, labelsOf, serveScrapes } from './contender.ts';

serveScrapes(({ counters, histograms }) => {
  const registry = new Registry();
  const maxSeries = 3 * Math.max(counters, histograms);
  const counter = new Counter({ name: 'requests_total', help: 'Requests.', labels: LABELS, maxSeries });
  const histogram = new Histogram({ name: 'duration_seconds', help: 'Duration.', labels: LABELS, buckets: BOUNDS, maxSeries });
  for (const metric of [counter, histogram]) registry.registerMetric(metric as never);
  const counterSlots = Array.from({ length: counters }, (_, index) => counter.resolve(...labelsOf(index)));
  const histogramSlots = Array.from({ length: histograms }, (_, index) => histogram.resolve(...labelsOf(index)));
  return {
    handler: createMetricsHandler(registry),
    move(round) {
      for (const [index, slot] of counterSlots.entries()) counter.add(slot, index + round);
      for (const [index, slot] of histogramSlots.entries()) histogram.observe(slot, ((index + round) % 997) / 99);
    },
    expected: () => registry.metrics(),
  };
});
