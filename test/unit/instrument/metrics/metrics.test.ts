import assert from 'node:assert/strict';
import fc from 'fast-check';
import { AggregatorRegistry, Counter as PromCounter, Histogram as PromHistogram, Registry } from 'prom-client';
import { Counter } from '../../../../src/instrument/metrics/counter.ts';
import { Histogram } from '../../../../src/instrument/metrics/histogram.ts';
import type { RegisteredMetric } from '../../../../src/instrument/metrics/metric.ts';
import { Metrics } from '../../../../src/instrument/metrics/registry.ts';

const LABELS = ['method', 'route'] as const;
const BUCKETS = [0.005, 0.1, 1, 10];

interface Observation {
  readonly method: string;
  readonly route: string;
  readonly value: number;
}

const observations = fc.array(
  fc.record({
    method: fc.constantFrom('GET', 'POST', ''),
    route: fc.oneof(
      fc.constantFrom('/', '/a"b', '/c\\d', '/e\nf', '/g,h:i'),
      fc.string({ maxLength: 5 }).map((text) => text.replaceAll('\u0000', '')),
    ),
    value: fc.oneof(fc.constantFrom(0, 0.005, 0.1, 1, 10, 11), fc.double({ min: 0, max: 1e6, noNaN: true })),
  }),
  { maxLength: 30 },
);

function registryOf(metric: RegisteredMetric): Registry {
  const registry = new Registry();
  registry.registerMetric(metric as never);
  return registry;
}

async function assertSameText(ours: Registry, theirs: Registry): Promise<void> {
  assert.equal(await ours.metrics(), await theirs.metrics());
  const aggregated = AggregatorRegistry.aggregate([await ours.getMetricsAsJSON(), await ours.getMetricsAsJSON()] as never);
  const expected = AggregatorRegistry.aggregate([await theirs.getMetricsAsJSON(), await theirs.getMetricsAsJSON()] as never);
  assert.equal(await aggregated.metrics(), await expected.metrics());
}

describe('Histogram', () => {
  it('prints the bytes that prom-client prints, also when a cluster is merged', async () => {
    await fc.assert(
      fc.asyncProperty(observations, async (given: Observation[]) => {
        const histogram = new Histogram({ name: 'x_seconds', help: 'Help \\ of x.', labels: LABELS, buckets: BUCKETS });
        const theirs = new Registry();
        const reference = new PromHistogram({
          name: 'x_seconds',
          help: 'Help \\ of x.',
          labelNames: LABELS,
          buckets: BUCKETS,
          registers: [theirs],
        });
        for (const { method, route, value } of given) {
          histogram.observe(histogram.resolve(method, route), value);
          reference.observe({ method, route }, value);
        }
        await assertSameText(registryOf(histogram), theirs);
      }),
      { numRuns: 60 },
    );
  });

  it('is there before the first observation when it has no labels', async () => {
    const theirs = new Registry();
    new PromHistogram({ name: 'x_seconds', help: 'x', buckets: BUCKETS, registers: [theirs] });
    await assertSameText(registryOf(new Histogram({ name: 'x_seconds', help: 'x', labels: [], buckets: BUCKETS })), theirs);
  });
});

describe('Counter', () => {
  it('prints the bytes that prom-client prints, also when a cluster is merged', async () => {
    await fc.assert(
      fc.asyncProperty(observations, async (given: Observation[]) => {
        const counter = new Counter({ name: 'x_total', help: 'x', labels: LABELS });
        const theirs = new Registry();
        const reference = new PromCounter({ name: 'x_total', help: 'x', labelNames: LABELS, registers: [theirs] });
        for (const { method, route, value } of given) {
          counter.add(counter.resolve(method, route), value);
          reference.inc({ method, route }, value);
        }
        await assertSameText(registryOf(counter), theirs);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps its series within the bound, its sum exact, and counts what overflowed', async () => {
    const counter = new Counter({ name: 'x_total', help: 'x', labels: ['route', 'status'], maxSeries: 100 });
    for (let index = 0; index < 10_000; index++)
      counter.add(counter.resolve(`/${index}`, index % 2 === 0 ? 'success' : 'failure'), 1);
    const { values } = await counter.get();
    assert.ok(values.length <= 100);
    assert.equal(counter.seriesCount, values.length);
    assert.equal(
      values.reduce((sum, { value }) => sum + value, 0),
      10_000,
    );
    const others = values.filter(({ labels }) => labels['route'] === '__other__');
    assert.deepEqual(others.map(({ labels }) => String(labels['status'])).sort(), ['failure', 'success']);
    assert.equal(
      counter.overflowCount,
      others.reduce((sum, { value }) => sum + value, 0),
    );
  });

  it('bounds overflow series too', async () => {
    const counter = new Counter({ name: 'x_total', help: 'x', labels: ['route', 'http_response_status_code'], maxSeries: 100 });
    for (let index = 0; index < 10_000; index++) counter.add(counter.resolve(`/${index}`, String(100 + (index % 900))), 1);
    const { values } = await counter.get();
    assert.equal(values.length, 60, '50 that came first, 9 remainders with their code, and the last one');
    assert.equal(
      values.reduce((sum, { value }) => sum + value, 0),
      10_000,
    );
  });

  it('cleans label values', async () => {
    const counter = new Counter({ name: 'x_total', help: 'x', labels: ['a'] });
    for (const value of [
      undefined,
      null,
      7,
      true,
      5n,
      { a: 1 },
      Symbol('x'),
      () => {},
      Number.NaN,
      'y'.repeat(10_000),
      'n\u0000ul',
    ]) {
      counter.resolve(value);
    }
    const { values } = await counter.get();
    assert.deepEqual(
      values.map(({ labels }) => labels['a']),
      ['', '7', 'true', '5', '__invalid__', 'y'.repeat(128), 'n\uFFFDul'],
    );
  });

  it('sets values to zero with the registry, and keeps slots valid', async () => {
    const counter = new Counter({ name: 'x_total', help: 'x', labels: ['a'] });
    const slot = counter.resolve('b');
    counter.add(slot, 3);
    registryOf(counter).resetMetrics();
    counter.add(slot, 1);
    assert.equal((await counter.get()).values[0]?.value, 1);
  });
});

describe('Metrics', () => {
  it('shares a metric between all who ask for it', () => {
    const registry = new Registry();
    assert.equal(new Metrics(registry).counter('tool_calls_total'), new Metrics(registry).counter('tool_calls_total'));
  });

  it("refuses a name that another's metric holds, saying what to do", () => {
    const registry = new Registry();
    new PromCounter({ name: 'tool_calls_total', help: 'mine', registers: [registry] });
    assert.throws(() => new Metrics(registry).counter('tool_calls_total'), {
      code: 'ERR_CONFIG_INVALID',
      message: /has a metric "tool_calls_total" already/,
    });
  });

  it('refuses what is no registry', () => {
    for (const registry of [{}, null, { metrics() {} }] as unknown as Registry[]) {
      assert.throws(() => new Metrics(registry), { code: 'ERR_CONFIG_INVALID', message: /^registry: it has no registerMetric/ });
    }
  });
});
