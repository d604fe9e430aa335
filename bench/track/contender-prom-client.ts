// prom-client by hand: a counter and a histogram around the call, with the status as a label.
import { Counter, Histogram, Registry } from 'prom-client';
import { sumOfSeries } from '../http/prometheus-text.ts';
import { serveWrapper } from './contender.ts';

const registry = new Registry();
const labelNames = ['name', 'status'] as const;
const calls = new Counter({ name: 'calls_total', help: 'Calls.', labelNames, registers: [registry] });
const duration = new Histogram({
  name: 'call_duration_seconds',
  help: 'Duration of calls.',
  labelNames,
  registers: [registry],
});

function record(startedAt: number, status: string): void {
  const labels = { name: 'work', status };
  calls.inc(labels);
  duration.observe(labels, (performance.now() - startedAt) / 1000);
}

serveWrapper({
  sync: (work) => (input) => {
    const startedAt = performance.now();
    try {
      const result = work(input);
      record(startedAt, 'success');
      return result;
    } catch (error) {
      record(startedAt, 'failure');
      throw error;
    }
  },
  async: (work) => async (input) => {
    const startedAt = performance.now();
    try {
      const result = await work(input);
      record(startedAt, 'success');
      return result;
    } catch (error) {
      record(startedAt, 'failure');
      throw error;
    }
  },
  counted: async () => {
    const text = await registry.metrics();
    return Math.min(sumOfSeries(text, 'calls_total'), sumOfSeries(text, 'call_duration_seconds_count'));
  },
});
