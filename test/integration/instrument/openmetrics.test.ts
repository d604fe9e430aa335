// A real Prometheus, which asks for OpenMetrics, stores what it scrapes, and gives exemplars back.
import assert from 'node:assert/strict';
import { Counter as PromCounter, type Registry } from 'prom-client';
import { createMetricsHandler } from '../../../src/instrument/exposition/metrics-handler.ts';
import { createRegistry } from '../../../src/instrument/metrics/registry.ts';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import { type PrometheusServer, startPrometheus } from '../../support/prometheus.ts';
import { type MetricsServer, serveMetrics } from '../../support/scrape.ts';
import { needTool } from '../../support/tools.ts';
import { waitFor } from '../../support/wait-for.ts';

interface ExemplarSeries {
  readonly seriesLabels: Readonly<Record<string, string>>;
  readonly exemplars: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: string }[];
}

const HOSTILE = ['plain', 'quo"te', 'back\\slash', 'new\nline', '\u{1F600}', ''];

describe('OpenMetrics, scraped by Prometheus', () => {
  const registry = createRegistry();
  const tracker = new ObservabilityTracker({ service: 'test', registry });
  const answers: { accept: string | undefined; contentType: unknown; encoding: unknown }[] = [];
  let served: MetricsServer;
  let prometheus: PrometheusServer;

  before(async function () {
    this.timeout(60_000);
    const binary = needTool(this, 'prometheus');
    const handler = createMetricsHandler(registry);
    served = await serveMetrics((request, response) => {
      response.once('finish', () =>
        answers.push({
          accept: request.headers.accept,
          contentType: response.getHeader('content-type'),
          encoding: response.getHeader('content-encoding'),
        }),
      );
      handler(request, response);
    });
    const mine = new PromCounter({
      name: 'mine',
      help: 'with "quotes" and \\',
      labelNames: ['name'],
      registers: [registry as Registry],
    });
    for (const name of HOSTILE) {
      mine.inc({ name }, 3);
      tracker.start({ type: 'tool', name: 'tool' }).end();
      tracker.measure({ type: 'llm', name: 'llm', labels: { provider: name, model: name } }, () => name);
    }
    prometheus = await startPrometheus(binary, `127.0.0.1:${served.port}`);
  });
  after(async function () {
    this.timeout(30_000);
    await prometheus?.stop();
    await served?.stop();
  });

  it('is what Prometheus asks for, and takes without complaint', async function () {
    this.timeout(30_000);
    await waitFor(async () => (await prometheus.query('up')) === 1, { timeoutMs: 20_000, what: 'a scrape that succeeded' });
    assert.match(answers[0]?.accept ?? '', /^application\/openmetrics-text; ?version=1\.0\.0/);
    assert.equal(answers[0]?.contentType, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
    assert.equal(answers[0]?.encoding, 'gzip');
    assert.equal(await prometheus.query('sum(tool_calls_total)'), HOSTILE.length);
    assert.equal(await prometheus.query('sum(llm_requests_total)'), HOSTILE.length);
    assert.equal(await prometheus.query('count(llm_requests_total)'), HOSTILE.length);
    assert.equal(await prometheus.query('sum(mine_total)'), 3 * HOSTILE.length);
    assert.equal(await prometheus.query('llm_requests_total{provider="quo\\"te"}'), 1);
    assert.equal(await prometheus.query('mine_total{name="new\\nline"}'), 3);
    const { activeTargets } = (await prometheus.api('targets')) as { activeTargets: { lastError: string }[] };
    assert.deepEqual(
      activeTargets.map(({ lastError }) => lastError),
      [''],
    );
    const metadata = (await prometheus.api('metadata')) as Record<string, { type: string; help: string }[]>;
    assert.deepEqual(metadata['mine'], [{ type: 'counter', help: 'with "quotes" and \\', unit: '' }]);
    assert.equal(metadata['tool_calls']?.[0]?.type, 'counter');
  });

  it('gives the exemplar of a bucket back by its API, with the ids of the execution', async function () {
    this.timeout(30_000);
    const ids = await tracker.measure({ type: 'agent', name: 'support' }, async () => tracker.currentTraceContext());
    const query = encodeURIComponent('agent_execution_duration_seconds_bucket');
    const found = await waitFor(
      async () => {
        const now = Date.now() / 1000;
        const series = (await prometheus.api(
          `query_exemplars?query=${query}&start=${now - 60}&end=${now + 60}`,
        )) as ExemplarSeries[];
        return series.find(({ exemplars }) => exemplars.length > 0);
      },
      { timeoutMs: 20_000, what: 'an exemplar in Prometheus' },
    );
    assert.equal(found.seriesLabels['agent_id'], 'support');
    assert.deepEqual(found.exemplars[0]?.labels, { trace_id: ids?.traceId, span_id: ids?.spanId });
    assert.ok(Number(found.exemplars[0]?.value) <= Number(found.seriesLabels['le']));
  });
});
