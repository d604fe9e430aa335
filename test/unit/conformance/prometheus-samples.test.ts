import assert from 'node:assert/strict';
import { Histogram, Registry } from 'prom-client';
import { parseHistogram, parseSamples } from '../../conformance/prometheus-samples.ts';

describe('parseHistogram', () => {
  it('reads back labels with everything that is escaped', async () => {
    const registry = new Registry();
    const histogram = new Histogram({
      name: 'h_seconds',
      help: 'h',
      labelNames: ['route', 'code'],
      registers: [registry],
      buckets: [1],
    });
    const route = '/^\\/a"b,{c}=\n/';
    histogram.observe({ route, code: '200' }, 2);
    histogram.observe({ route, code: '200' }, 4);
    assert.deepEqual(parseHistogram(await registry.metrics(), 'h_seconds'), [
      { labels: { route, code: '200' }, count: 2, mean: 3 },
    ]);
  });

  it('leaves out names that only begin alike', () => {
    assert.deepEqual(parseSamples('a_total 1\na_total_more 2\na 3\n', 'a_total'), [{ name: 'a_total', labels: {}, value: 1 }]);
  });
});
