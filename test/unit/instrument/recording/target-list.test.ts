import assert from 'node:assert/strict';
import { ObservabilityTracker } from '../../../../src/instrument/tracker.ts';
import { silentLogger } from '../../../../src/logger.ts';

describe('targets beside code', () => {
  let tracker: ObservabilityTracker;
  let logged: string[];
  beforeEach(() => {
    logged = [];
    const logger = { ...silentLogger, error: (fields: object) => logged.push(String((fields as { error?: unknown }).error)) };
    tracker = new ObservabilityTracker({ service: 'shop', logger });
  });
  afterEach(() => tracker.stop());

  it('are gathered from what is tracked, measured, started and declared, once each', () => {
    const search = tracker.track({ type: 'tool', name: 'search', target: { p95: '1s' } }, () => 1);
    for (let call = 0; call < 3; call++) {
      search();
      assert.equal(
        tracker.measure({ type: 'db', name: 'history', target: { p95: '100ms', p99: '1s' } }, () => 2),
        2,
      );
    }
    tracker.start({ type: 'agent', name: 'support', target: { p50: '2s' } }).end();
    tracker.record({ type: 'llm', name: 'gpt', target: { p95: '5s' } }, { durationMs: 1 });
    tracker.declare({ type: 'api', names: ['POST /chat', 'GET /history'], target: { p95: '3s' } });
    assert.deepEqual(tracker.targets(), [
      { type: 'tool', name: 'search', quantile: 0.95, limitMs: 1000 },
      { type: 'db', name: 'history', quantile: 0.95, limitMs: 100 },
      { type: 'db', name: 'history', quantile: 0.99, limitMs: 1000 },
      { type: 'agent', name: 'support', quantile: 0.5, limitMs: 2000 },
      { type: 'llm', name: 'gpt', quantile: 0.95, limitMs: 5000 },
      { type: 'api', name: 'POST /chat', quantile: 0.95, limitMs: 3000 },
      { type: 'api', name: 'GET /history', quantile: 0.95, limitMs: 3000 },
    ]);
  });

  it('are decorated too, and the later limit holds', () => {
    class Crm {
      getPosts(): number {
        return 3;
      }
    }
    for (const limit of ['1s', '2s']) tracker.track({ type: 'connector', target: { p95: limit } }, Crm.prototype.getPosts);
    assert.deepEqual(tracker.targets(), [{ type: 'connector', name: 'getPosts', quantile: 0.95, limitMs: 2000 }]);
  });

  it('change nothing of what runs when they are none, and are told of once', () => {
    for (const target of [
      '3s',
      { p95: 3 },
      { p200: '3s' },
      null,
      7,
      {
        p95: '3s',
        get p99() {
          throw new Error('mine');
        },
      },
    ] as never[]) {
      for (let call = 0; call < 3; call++)
        assert.equal(
          tracker.measure({ type: 'tool', name: 'x', target }, () => 5),
          5,
        );
      assert.equal(tracker.track({ type: 'tool', name: 'y', target }, () => 6)(), 6);
    }
    assert.deepEqual(tracker.targets(), []);
    assert.equal(tracker.counts().recorded, 24);
    assert.match(logged[0] ?? '', /target: got "3s"; allowed: quantiles from p1 to p99\.99/);
  });

  it('are bounded', () => {
    for (let index = 0; index < 2000; index++)
      tracker.start({ type: 'tool', name: `tool ${index}`, target: { p95: '1s' } }).end();
    assert.equal(tracker.targets().length, 500);
    assert.ok(tracker.numbers().internalErrors > 0);
  });
});
