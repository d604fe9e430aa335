import assert from 'node:assert/strict';
import {
  differenceOf,
  estimateOf,
  estimateOfReference,
  orderOfRound,
  pairedDifferenceOf,
  pairedRatioOf,
  ratioOf,
  takeTurns,
} from '../../../bench/turns.ts';

describe('turns of the benchmark', () => {
  it('puts the reference first, last, and after every second contender', () => {
    assert.deepEqual(orderOfRound('A', ['b', 'c', 'd'], 0), ['A', 'b', 'c', 'A', 'd', 'A']);
    assert.deepEqual(orderOfRound('A', ['b', 'c', 'd'], 1), ['A', 'c', 'd', 'A', 'b', 'A']);
    assert.deepEqual(orderOfRound('A', [], 4), ['A']);
  });

  it('compares each slice with the reference slices around it only', async () => {
    const speeds = [10, 30, 40, 20, 90, 70];
    const turns = await takeTurns('A', ['b', 'c', 'd'], 0, async () => speeds.shift() ?? 0);
    const itself = (value: number) => value;
    assert.equal(ratioOf(turns, 'b', itself).median, 30 / 15);
    assert.equal(differenceOf(turns, 'c', itself).median, 40 - 15);
    assert.equal(ratioOf(turns, 'd', itself).median, 90 / 45);
    assert.equal(estimateOf(turns, 'd', itself).median, 90);
  });

  it('pairs two contenders by round', async () => {
    const speeds = [10, 30, 40, 20, 10, 35, 49, 20];
    const takeRound = () => takeTurns('A', ['b', 'c'], 0, async () => speeds.shift() ?? 0);
    const rounds = [await takeRound(), await takeRound()];
    assert.deepEqual(
      pairedDifferenceOf(rounds, 'c', 'b', (value) => value),
      { median: 12, low: 10, high: 14, samples: 2 },
    );
    assert.deepEqual(
      pairedRatioOf(rounds, 'c', 'b', (value) => value),
      { median: (40 / 30 + 49 / 35) / 2, low: 40 / 30, high: 49 / 35, samples: 2 },
    );
    assert.equal(pairedDifferenceOf(rounds, 'c', 'nobody', (value) => value).samples, 0);
  });

  it('counts each reference slice once', async () => {
    let speed = 0;
    const turns = await takeTurns('A', ['b', 'c', 'd'], 0, async () => ({ speed: ++speed }));
    assert.deepEqual(
      estimateOfReference(turns, (slice) => slice.speed),
      { median: 4, low: 1, high: 6, samples: 3 },
    );
  });
});
