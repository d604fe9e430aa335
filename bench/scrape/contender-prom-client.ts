// prom-client as its documentation shows it.
import { Counter, Histogram, Registry } from 'prom-client';
import { BOUNDS, LABELS, labelsOf, serveScrapes } from './contender.ts';

serveScrapes(({ counters, histograms }) => {
  const registry = new Registry();
  const registers = [registry];
  const counter = new Counter({ name: 'requests_total', help: 'Requests.', labelNames: LABELS, registers });
  const histogram = new Histogram({
    name: 'duration_seconds',
    help: 'Duration.',
    labelNames: LABELS,
    buckets: BOUNDS,
    registers,
  });
  const labels = Array.from({ length: Math.max(counters, histograms) }, (_, index) => {
    const [method, route, status] = labelsOf(index);
    return { method, route, status };
  });
  return {
    handler: (_request, response) => {
      void registry.metrics().then((text) => {
        response.setHeader('Content-Type', registry.contentType);
        response.end(text);
      });
    },
    move(round) {
      for (let index = 0; index < counters; index++) counter.inc(labels[index] ?? {}, index + round);
      for (let index = 0; index < histograms; index++) histogram.observe(labels[index] ?? {}, ((index + round) % 997) / 99);
    },
    expected: () => registry.metrics(),
  };
});
