import assert from 'node:assert/strict';
import { Pace } from '../../../../src/alerts/receivers/pace.ts';

describe('Pace', () => {
  let nowMs: number;
  let arrivals: number[];
  let pace: Pace;
  beforeEach(() => {
    nowMs = 0;
    arrivals = [];
    pace = new Pace({ intervalMs: 1000, now: () => nowMs, wait: pass });
  });
  async function pass(ms: number): Promise<void> {
    nowMs += ms;
  }
  /** @param givenMs.arrives after it was sent @param givenMs.ends after it arrived */
  const send = (givenMs: { arrives?: number; ends?: number } = {}) =>
    pace.turn(async () => {
      await pass(givenMs.arrives ?? 0);
      arrivals.push(nowMs);
      await pass(givenMs.ends ?? 0);
      return 'sent';
    });
  const gaps = () => arrivals.slice(1).map((at, index) => at - (arrivals[index] ?? 0));

  it('lets a message arrive no sooner than the interval after one that was long on its way', async () => {
    await send({ arrives: 600 });
    await send();
    assert.deepEqual(gaps(), [1000]);
  });

  it('gives turns one after the other to who asks at the same time', async () => {
    assert.deepEqual(await Promise.all([send({ arrives: 300, ends: 50 }), send({ arrives: 10 }), send()]), [
      'sent',
      'sent',
      'sent',
    ]);
    assert.deepEqual(gaps(), [1060, 1000]);
  });

  it('keeps the distance when a timer is early', async () => {
    pace = new Pace({ intervalMs: 1000, now: () => nowMs, wait: (ms) => pass(Math.max(ms / 2, 1)) });
    await send();
    await send();
    assert.ok((gaps()[0] ?? 0) >= 1000);
  });

  it('keeps the distance from a message that failed', async () => {
    await assert.rejects(
      pace.turn(async () => {
        await pass(700);
        throw new Error('lost');
      }),
      /lost/,
    );
    await send();
    assert.deepEqual(arrivals, [1700]);
  });

  it('sends away who would wait too long, and says for how long', async () => {
    pace.hold(30_000);
    assert.equal(await send(), 30_000);
    assert.deepEqual(arrivals, []);
    nowMs = 30_000;
    const [, second] = await Promise.all([send({ ends: 5000 }), send()]);
    assert.equal(second, 1000, 'the wait for the message before counts too');
  });
});
