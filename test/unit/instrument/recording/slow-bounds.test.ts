import assert from 'node:assert/strict';
import { createRandom } from '../../../../demo/random.ts';
import { SlowBounds } from '../../../../src/instrument/recording/slow-bounds.ts';

const normal = (random: () => number) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const DISTRIBUTIONS: Readonly<Record<string, (random: () => number) => number>> = {
  uniform: (random) => 10 + 90 * random(),
  lognormal: (random) => Math.exp(3 + normal(random)),
  'exponential, of microseconds': (random) => -0.005 * Math.log(1 - random()),
  constant: () => 7,
  'one in a thousand hangs': (random) => (random() < 0.999 ? 3 : 30_000) * (1 + random()),
  'two humps, one in ten slow': (random) => (random() < 0.1 ? 500 : 5) * (1 + 0.2 * random()),
};

function shareOf(bounds: SlowBounds, count: number, draw: () => number): number {
  let slow = 0;
  for (let index = 0; index < count; index++) if (bounds.isSlow(0, draw())) slow++;
  return slow / count;
}

describe('SlowBounds', () => {
  for (const [title, draw] of Object.entries(DISTRIBUTIONS)) {
    it(`calls about one in a hundred slow: ${title}`, () => {
      for (const seed of [1, 2, 3]) {
        const random = createRandom(seed).next;
        const bounds = new SlowBounds();
        shareOf(bounds, 5000, () => draw(random));
        const share = shareOf(bounds, 100_000, () => draw(random));
        assert.ok(share > 0.003 && share < 0.03, `${share}`);
      }
    });
  }

  it('calls nothing slow before it has seen a hundred', () => {
    const bounds = new SlowBounds();
    assert.equal(
      shareOf(bounds, 100, () => 1),
      0,
    );
    assert.equal(bounds.isSlow(0, 1000), true);
    const rising = new SlowBounds();
    let last = 1;
    assert.equal(
      shareOf(rising, 100, () => (last *= 1.1)),
      0,
    );
  });

  it('follows when all becomes ten times slower, or faster', () => {
    for (const factor of [10, 0.1]) {
      const random = createRandom(7).next;
      const bounds = new SlowBounds();
      shareOf(bounds, 20_000, () => 10 + 90 * random());
      shareOf(bounds, 3000, () => factor * (10 + 90 * random()));
      const share = shareOf(bounds, 50_000, () => factor * (10 + 90 * random()));
      assert.ok(share > 0.003 && share < 0.03, `${factor}: ${share}`);
    }
  });

  it('calls few slow while it follows', () => {
    for (const factor of [10, 0.1]) {
      const random = createRandom(4).next;
      const bounds = new SlowBounds();
      shareOf(bounds, 20_000, () => 10 + 90 * random());
      const meanwhile = 1500 * shareOf(bounds, 1500, () => factor * (10 + 90 * random()));
      assert.ok(meanwhile <= 45, `${factor}: ${meanwhile} of 1500`);
    }
  });

  it('keeps series apart as its tables grow, and lets each warm up', () => {
    const bounds = new SlowBounds();
    const seriesOf = [0, 1, 63, 64, 100, 1000, 70_000];
    const usualMs = (place: number) => 10 ** (place - 3);
    for (const [place, series] of seriesOf.entries()) {
      for (let index = 0; index < 100; index++) assert.equal(bounds.isSlow(series, usualMs(place)), false);
    }
    for (const [place, series] of seriesOf.entries()) {
      assert.equal(bounds.isSlow(series, 0.9 * usualMs(place)), false, `series ${series}`);
      assert.equal(bounds.isSlow(series, 1.1 * usualMs(place)), true, `series ${series}`);
      assert.equal(bounds.isSlow(series + 2, 1e9), false, `a new series beside ${series}`);
    }
  });

  it('comes back from executions of ages, and from what is no number', () => {
    for (const spoiled of [1e13, Number.NaN]) {
      const bounds = new SlowBounds();
      const random = createRandom(6).next;
      const share = (count: number) => shareOf(bounds, count, () => 1 + random());
      for (let round = 0; round < 2; round++) {
        for (let index = 0; index < 100; index++) bounds.isSlow(0, spoiled);
        share(20_000);
        const settled = share(10_000);
        assert.ok(settled > 0.003 && settled < 0.03, `${spoiled}, round ${round}: ${settled}`);
      }
    }
  });

  it('keeps series apart, however many there are', () => {
    const bounds = new SlowBounds();
    for (let series = 0; series < 300; series++) for (let index = 0; index < 100; index++) bounds.isSlow(series, series + 1);
    for (let series = 0; series < 300; series++) {
      assert.equal(bounds.isSlow(series, series + 0.9), false, `${series}`);
      assert.equal(bounds.isSlow(series, 2 * (series + 1)), true, `${series}`);
    }
  });

  it('takes executions of no time at all, and of ages', () => {
    const bounds = new SlowBounds();
    assert.equal(
      shareOf(bounds, 10_000, () => 0),
      0,
    );
    assert.equal(bounds.isSlow(0, Number.MAX_VALUE), true);
    assert.equal(bounds.isSlow(0, 0), false);
  });
});
