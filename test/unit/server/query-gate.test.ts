import assert from 'node:assert/strict';
import { GateClosed, QueryGate } from '../../../src/server/query-gate.ts';

/** Work that ends when it is told to. */
function createWork() {
  let end = () => {};
  const done = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { work: () => done, end };
}

describe('QueryGate', () => {
  it('never runs more at once than it may, and keeps the order', async () => {
    const gate = new QueryGate({ atOnce: 3, waiting: 100, waitMs: 10_000 });
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const all = Array.from({ length: 50 }, (_, index) =>
      gate.run(async () => {
        order.push(index);
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        return index;
      }),
    );
    assert.deepEqual(await Promise.all(all), [...Array(50).keys()]);
    assert.equal(most, 3);
    assert.deepEqual(order, [...Array(50).keys()]);
  });

  it('goes on after work that throws', async () => {
    const gate = new QueryGate({ atOnce: 1, waiting: 1, waitMs: 10_000 });
    const failing = gate.run(() => Promise.reject(new Error('broken')));
    const next = gate.run(async () => 'next');
    await assert.rejects(failing, /broken/);
    assert.equal(await next, 'next');
    assert.equal(await gate.run(async () => 'last'), 'last');
  });

  it('turns away at once who finds too many waiting, and says when to come back', async () => {
    const gate = new QueryGate({ atOnce: 1, waiting: 1, waitMs: 5000 });
    const { work, end } = createWork();
    const running = gate.run(work);
    const waiting = gate.run(async () => 'waited');
    await assert.rejects(
      gate.run(async () => {}),
      (error) => error instanceof GateClosed && error.retryAfterSeconds === 5 && /1 queries wait already/.test(error.message),
    );
    end();
    await running;
    assert.equal(await waiting, 'waited');
  });

  it('turns away who has waited too long, and gives the place to the next', async () => {
    const gate = new QueryGate({ atOnce: 1, waiting: 5, waitMs: 30 });
    const { work, end } = createWork();
    const running = gate.run(work);
    await assert.rejects(
      gate.run(async () => {}),
      (error) => error instanceof GateClosed && /no turn within 0.03 s/.test(error.message),
    );
    const next = gate.run(async () => 'next');
    end();
    await running;
    assert.equal(await next, 'next');
  });
});
