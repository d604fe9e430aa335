import assert from 'node:assert/strict';
import { formatQuantile, parseTargetLimits } from '../../src/target.ts';

describe('targets', () => {
  it('reads quantiles and durations', () => {
    assert.deepEqual(parseTargetLimits({ p50: '250ms', p95: '3s', 'p99.9': '1.5m' }), [
      { quantile: 0.5, limitMs: 250 },
      { quantile: 0.95, limitMs: 3000 },
      { quantile: 0.999, limitMs: 90_000 },
    ]);
    assert.deepEqual([0.5, 0.95, 0.999].map(formatQuantile), ['p50', 'p95', 'p99.9']);
  });

  const refused: unknown[] = [
    undefined,
    null,
    '3s',
    [],
    {},
    { p95: 3000 },
    { p95: '3 seconds' },
    { p95: '0s' },
    { p0: '3s' },
    { p100: '3s' },
    { 'p99.999': '3s' },
    { P95: '3s' },
    { __proto__: { p95: '3s' } },
    { max: '3s' },
    { p95: '3s', nope: '3s' },
    Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`p${index + 10}`, '3s'])),
  ];
  for (const given of refused) {
    it(`refuses ${JSON.stringify(given)?.slice(0, 60)}`, () => {
      assert.throws(() => parseTargetLimits(given), /^TypeError: target: got .*; allowed: quantiles from p1 to p99\.99/);
    });
  }

  it('shows in short what cannot be shown', () => {
    const circular: Record<string, unknown> = {};
    circular['p95'] = circular;
    assert.throws(() => parseTargetLimits(circular), /got what cannot be shown/);
    assert.throws(
      () => parseTargetLimits({ p95: 'x'.repeat(10_000) }),
      ({ message }: Error) => message.length < 500,
    );
  });
});
