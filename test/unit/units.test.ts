import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatDuration, parseBytes, parseDuration } from '../../src/units.ts';

describe('units', () => {
  it('reads back every duration that it writes', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 1e12 }), (ms) => assert.equal(parseDuration(formatDuration(ms)), ms)));
  });

  for (const [text, ms] of [
    ['250ms', 250],
    ['15s', 15_000],
    ['1.5h', 5_400_000],
    ['30d', 2_592_000_000],
    ['2w', 1_209_600_000],
  ] as const) {
    it(`reads ${text} as ${ms} ms`, () => assert.equal(parseDuration(text), ms));
  }

  for (const [text, bytes] of [
    ['1GB', 1e9],
    ['1GiB', 2 ** 30],
    ['64 kB', 64_000],
  ] as const) {
    it(`reads ${text} as ${bytes} bytes`, () => assert.equal(parseBytes(text), bytes));
  }

  for (const text of ['', '5', 's', '-1s', '5 minutes', '1e3s', '1GB', 'NaN']) {
    it(`takes ${JSON.stringify(text)} for no duration`, () => assert.equal(parseDuration(text), undefined));
  }
});
