// What `/metrics` says, against what prom-client says: the same observations into our metrics and into prom-client's, byte for byte.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Gauge, Counter as PromCounter, Histogram as PromHistogram, Registry, Summary } from 'prom-client';
import { createMetricsHandler, type MetricsHandler } from '../../../src/instrument/exposition/metrics-handler.ts';
import { CollectedMetric } from '../../../src/instrument/metrics/collected-metric.ts';
import { Counter } from '../../../src/instrument/metrics/counter.ts';
import { Histogram } from '../../../src/instrument/metrics/histogram.ts';
import type { MetricRegistry } from '../../../src/instrument/metrics/registry.ts';
import type { SpanWords } from '../../../src/instrument/recording/ring.ts';
import { type MetricsServer, serveMetrics } from '../../support/scrape.ts';

const BUCKETS = [0.005, 0.1, 1, 2.5, 10, 1e6];
const LABELS = ['method', 'route'] as const;
const ACCEPT = { text: 'text/plain', openmetrics: 'application/openmetrics-text;version=1.0.0' } as const;
type Format = keyof typeof ACCEPT;

const labelValue = fc.oneof(
  fc.constantFrom('', '/', 'a"b', 'c\\d', 'e\nf', '\\n', '"', 'g,h:i', '{}', ' ', '\u00e9', '\u{1F600}', '\uFFFD', '__proto__'),
  fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll('\u0000', '')),
);
const boundary = fc.constantFrom(0, -0, ...BUCKETS, 5e-324, 1e-9, 1e21, 1.7e308);
const positive = fc.oneof(
  boundary,
  fc.integer({ min: 0, max: 1e6 }),
  fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
);
const anyValue = fc.oneof(
  positive,
  positive.map((value) => -value),
);
const observed = (value: fc.Arbitrary<number>) =>
  fc.array(fc.record({ method: labelValue, route: labelValue, value }), { maxLength: 25 });
const defaultLabels = fc.constantFrom<Record<string, string>[]>(
  {},
  { app: 'a"p\\p\n', zone: '\u00fc' },
  { method: 'default', app: 'x' },
  { le: 'x' },
);

describe('the exposition', () => {
  let handler: MetricsHandler;
  let server: MetricsServer;

  before(async () => {
    server = await serveMetrics((request, response) => handler(request, response));
  });
  after(() => server.stop());

  async function exposed(registry: MetricRegistry, format: Format): Promise<string> {
    handler = createMetricsHandler(registry);
    const { status, text } = await server.scrape({ Accept: ACCEPT[format] });
    assert.equal(status, 200);
    return text;
  }

  /** Ours in registries of both types, asked for both formats, against prom-client's metrics in a registry of that format. */
  async function assertSame(
    ours: (registry: Registry) => void,
    theirs: (registry: Registry) => void,
    labels = {},
  ): Promise<void> {
    for (const format of ['text', 'openmetrics'] as const) {
      const expected = registryOf(format);
      theirs(expected);
      expected.setDefaultLabels(labels);
      const text = await expected.metrics();
      for (const type of ['text', 'openmetrics'] as const) {
        const registry = registryOf(type);
        ours(registry);
        registry.setDefaultLabels(labels);
        assert.equal(await exposed(registry, format), text);
        if (type === format) assert.equal(await registry.metrics(), text);
        assert.equal(await exposed(registry, format), text, 'again');
      }
    }
  }

  it("of counters is prom-client's, byte for byte", async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(observed(positive), defaultLabels, async (given, defaults) => {
        const ours = new Counter({ name: 'x_total', help: 'Help \\ of\nx.', labels: LABELS });
        for (const { method, route, value } of given) ours.add(ours.resolve(method, route), value);
        const theirs = (registry: Registry) => {
          const reference = new PromCounter({
            name: 'x_total',
            help: 'Help \\ of\nx.',
            labelNames: LABELS,
            registers: [registry],
          });
          for (const { method, route, value } of given) reference.inc({ method, route }, value);
        };
        await assertSame((registry) => registry.registerMetric(ours as never), theirs, defaults);
      }),
      { numRuns: 60 },
    );
  });

  it("of gauges is prom-client's, byte for byte", async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(observed(anyValue), async (given) => {
        const ours = new Counter({ name: 'x_total', help: 'x', labels: LABELS, type: 'gauge' });
        for (const { method, route, value } of given) ours.add(ours.resolve(method, route), value);
        const theirs = (registry: Registry) => {
          const reference = new Gauge({ name: 'x_total', help: 'x', labelNames: LABELS, registers: [registry] });
          for (const { method, route, value } of given) reference.inc({ method, route }, value);
        };
        await assertSame((registry) => registry.registerMetric(ours as never), theirs);
      }),
      { numRuns: 40 },
    );
  });

  it("of histograms is prom-client's, byte for byte", async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(observed(anyValue), defaultLabels, async (given, defaults) => {
        const ours = new Histogram({ name: 'x_seconds', help: 'x', labels: LABELS, buckets: BUCKETS });
        for (const { method, route, value } of given) ours.observe(ours.resolve(method, route), value);
        const theirs = (registry: Registry) => {
          const reference = new PromHistogram({
            name: 'x_seconds',
            help: 'x',
            labelNames: LABELS,
            buckets: BUCKETS,
            registers: [registry],
          });
          for (const { method, route, value } of given) reference.observe({ method, route }, value);
        };
        await assertSame((registry) => registry.registerMetric(ours as never), theirs, defaults);
      }),
      { numRuns: 60 },
    );
  });

  it("of metrics without labels is prom-client's, with default labels too", async () => {
    for (const labels of [{}, { app: 'a' }]) {
      await assertSame(
        (registry) => {
          registry.registerMetric(new Counter({ name: 'a_total', help: 'a', labels: [] }) as never);
          registry.registerMetric(new Histogram({ name: 'b_seconds', help: 'b', labels: [], buckets: BUCKETS }) as never);
          const collected = new CollectedMetric('c_total', { help: 'c', type: 'counter' });
          collected.add(() => [{ value: 3 }]);
          registry.registerMetric(collected as never);
        },
        (registry) => {
          new PromCounter({ name: 'a_total', help: 'a', registers: [registry] });
          new PromHistogram({ name: 'b_seconds', help: 'b', buckets: BUCKETS, registers: [registry] });
          new PromCounter({ name: 'c_total', help: 'c', registers: [registry] }).inc(3);
        },
        labels,
      );
    }
  });

  it("of metrics that are collected is prom-client's", async () => {
    const labels = { b: 'x"y', a: '\\' };
    await assertSame(
      (registry) => {
        const collected = new CollectedMetric('c', { help: 'c', type: 'gauge' });
        collected.add(() => [{ value: -1.5, labels }]);
        registry.registerMetric(collected as never);
      },
      (registry) => {
        new Gauge({ name: 'c', help: 'c', labelNames: ['a', 'b'], registers: [registry] }).set(labels, -1.5);
      },
      { b: 'default', z: 'Z' },
    );
  });

  /** Metrics of the user's own, more samples than are formatted at once, between two of ours. */
  function addForeign(registry: Registry): void {
    registry.registerMetric(new Counter({ name: 'first_total', help: 'x', labels: [] }) as never);
    const counter = new PromCounter({ name: 'mine_total', help: 'mine', labelNames: ['i'], registers: [registry] });
    for (let index = 0; index < 1001; index++) counter.inc({ i: index }, index);
    const histogram = new PromHistogram({ name: 'mine_seconds', help: 'mine', labelNames: ['i'], registers: [registry] });
    for (let index = 0; index < 100; index++) histogram.observe({ i: index }, index);
    new PromCounter({ name: 'without_suffix', help: 'x\\y\nz', registers: [registry] }).inc();
    new PromCounter({ name: 'unused_total', help: 'unused', labelNames: ['i'], registers: [registry] });
    const summary = new Summary({ name: 'mine_summary', help: 'x', labelNames: ['i'], registers: [registry] });
    summary.observe({ i: 'a' }, 1);
    const gauge = new Gauge({
      name: 'mine_collected',
      help: 'x',
      registers: [registry],
      async collect() {
        late.set(8);
        await new Promise((resolve) => setImmediate(resolve));
        this.set(7);
      },
    });
    const late = new Gauge({ name: 'set_by_another', help: 'x', registers: [registry] });
    gauge.set(1);
    registry.registerMetric(new Counter({ name: 'last_total', help: 'x', labels: [] }) as never);
  }

  it("of the user's own metrics is prom-client's, in their order", async () => {
    for (const labels of [{}, { app: 'a', i: 'default' }]) await assertSame(addForeign, addForeign, labels);
  });

  it('of a registry that has once written OpenMetrics has its _total back in text', async () => {
    const registry = registryOf('openmetrics');
    addForeign(registry);
    await registry.metrics();
    const expected = registryOf('text');
    addForeign(expected);
    assert.equal(await exposed(registry, 'text'), await expected.metrics());
  });

  it("of exemplars is prom-client's, and only in OpenMetrics", async () => {
    const registry = registryOf('openmetrics');
    const reference = new PromHistogram({
      name: 'x_seconds',
      help: 'x',
      labelNames: ['a'],
      buckets: BUCKETS,
      enableExemplars: true,
      registers: [registry],
    });
    const ours = new Histogram({ name: 'x_seconds', help: 'x', labels: ['a'], buckets: BUCKETS });
    const realNow = Date.now;
    try {
      for (let index = 0; index < 40; index++) {
        const atMs = 1_700_000_000_123 + 1000 * index;
        Date.now = () => atMs;
        const a = `v${index % 4}`;
        const value = BUCKETS[index % 7] ?? 1e9;
        const exemplarLabels = { trace_id: `${hex(index)}0000000100000002ffffffff`, span_id: `00000003${hex(~index)}` };
        ours.observe(ours.resolve(a), value, spanOf(index), atMs + 0.4);
        reference.observe({ labels: { a }, value, exemplarLabels: exemplarLabels as never });
      }
    } finally {
      Date.now = realNow;
    }
    const own = registryOf('openmetrics');
    own.registerMetric(ours as never);
    const expected = await registry.metrics();
    assert.equal(expected.split(' # {trace_id="').length, 29);
    assert.equal(await exposed(own, 'openmetrics'), expected);
    assert.equal(await own.metrics(), expected);
    const text = registryOf('text');
    text.registerMetric(ours as never);
    assert.equal(await exposed(own, 'text'), await text.metrics());
    assert.doesNotMatch(await exposed(own, 'text'), /trace_id/);
  });

  it("of the user's own exemplars is prom-client's", async () => {
    const registry = registryOf('openmetrics');
    const counter = new PromCounter({ name: 'x_total', help: 'x', enableExemplars: true, registers: [registry] });
    counter.inc({ value: 2, exemplarLabels: { trace_id: 'abc' } as never });
    const expected = await registry.metrics();
    assert.match(expected, /x_total 2 # \{trace_id="abc"\} 2 /);
    assert.equal(await exposed(registry, 'openmetrics'), expected);
    assert.doesNotMatch(await exposed(registry, 'text'), /trace_id/);
  });

  it('is right where prom-client is not: quotes in OpenMetrics help, a registry without metrics', async () => {
    const registry = registryOf('text');
    assert.equal(await exposed(registry, 'openmetrics'), '# EOF\n');
    assert.equal(await exposed(registry, 'text'), await registry.metrics());
    registry.registerMetric(new Counter({ name: 'a_total', help: 'a "b" \\"', labels: [] }) as never);
    new PromCounter({ name: 'c_total', help: 'c "d" \\"', labelNames: ['l'], registers: [registry] }).inc({ l: '"' });
    assert.equal(
      await exposed(registry, 'openmetrics'),
      [
        '# HELP a a \\"b\\" \\\\\\"',
        '# TYPE a counter',
        'a_total 0',
        '# HELP c c \\"d\\" \\\\\\"',
        '# TYPE c counter',
        'c_total{l="\\""} 1',
        '# EOF\n',
      ].join('\n'),
    );
    assert.equal(await exposed(registry, 'text'), await registry.metrics());
  });
});

function registryOf(format: Format): Registry {
  const registry = new Registry();
  if (format === 'openmetrics') registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  return registry;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}

function spanOf(index: number): SpanWords {
  return { trace0: index, trace1: 1, trace2: 2, trace3: -1, span0: 3, span1: ~index, parent0: 0, parent1: 0, hasParent: false };
}
