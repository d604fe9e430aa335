// Several processes behind one scrape: prom-client's way of merging them works for our metrics.
import assert from 'node:assert/strict';
import { AggregatorRegistry, Registry } from 'prom-client';
import { createMetricsHandler } from '../../../src/instrument/exposition/metrics-handler.ts';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import { startProgram } from '../../support/process.ts';
import { serveMetrics } from '../../support/scrape.ts';

describe("prom-client's AggregatorRegistry", () => {
  it('adds up the metrics of two trackers, exemplars left out, default labels kept', async () => {
    const registries = [1, 2].map((count) => {
      const registry = new Registry();
      registry.setDefaultLabels({ app: 'shop' });
      const tracker = new ObservabilityTracker({ service: 'test', registry });
      for (let call = 0; call < count; call++) tracker.measure({ type: 'tool', name: 'search' }, () => 1);
      tracker.start({ type: 'tool', name: `only ${count}` }).fail(new Error('x'));
      return registry;
    });
    const given = await Promise.all(registries.map((registry) => registry.getMetricsAsJSON()));
    const merged = AggregatorRegistry.aggregate(given);
    const { scrape, stop } = await serveMetrics(createMetricsHandler(merged));
    // As OpenMetrics prom-client would write it `tool_calls_total_total`; our handler is right there too.
    const openMetrics = await scrape({ Accept: 'application/openmetrics-text' });
    const plain = await scrape();
    await stop();
    assert.equal(plain.text, await merged.metrics());
    for (const { text } of [plain, openMetrics]) {
      assert.match(text, /^tool_calls_total\{tool_name="search",status="success",app="shop"\} 3$/m);
      assert.match(text, /^tool_calls_total\{tool_name="only 1",status="failure",app="shop"\} 1$/m);
      assert.match(text, /^tool_call_duration_seconds_bucket\{le="\+Inf",tool_name="search",status="success",app="shop"\} 3$/m);
      assert.match(text, /^tool_call_duration_seconds_count\{tool_name="search",status="success",app="shop"\} 3$/m);
      assert.match(text, /^keepwatch_events_recorded_total\{app="shop"\} 5$/m);
    }
  });

  it('merges the workers of a real cluster', async function () {
    this.timeout(30_000);
    const program = startProgram('test/e2e/programs/cluster.ts', []);
    assert.equal(await program.exited, 0, program.output());
    const text = program.output();
    assert.match(text, /^tool_calls_total\{tool_name="search",status="success"\} 30$/m);
    assert.match(text, /^tool_call_duration_seconds_count\{tool_name="search",status="success"\} 30$/m);
    assert.match(text, /^keepwatch_events_recorded_total 30$/m);
  });
});
