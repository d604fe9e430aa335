import assert from 'node:assert/strict';
import { rangeOf } from '../../../src/cli/filters.ts';
import { durationOf, timeBefore } from '../../../src/cli/parse.ts';
import { describeTransfer, formatSeconds } from '../../../src/cli/progress.ts';
import { formatBytes, plural } from '../../../src/cli/table.ts';

describe('Options of the command line', () => {
  const nowMs = Date.UTC(2026, 10, 20, 12);

  it('read times: days, times with and without a zone, and how long ago', () => {
    const parse = timeBefore(nowMs);
    const table = [
      ['2026-11-20', '2026-11-20T00:00:00.000Z'],
      ['2026-11-20T12:30', '2026-11-20T12:30:00.000Z'],
      ['2026-11-20 12:30:05.25', '2026-11-20T12:30:05.250Z'],
      ['2026-11-20T12:30:05Z', '2026-11-20T12:30:05.000Z'],
      ['2026-11-20T12:30:05+02:00', '2026-11-20T10:30:05.000Z'],
      ['90m', '2026-11-20T10:30:00.000Z'],
      ['7d', '2026-11-13T12:00:00.000Z'],
    ] as const;
    for (const [text, expected] of table) assert.equal(parse(text).toISOString(), expected, text);
    for (const bad of ['', 'yesterday', '2026', '2026-13-01', '2026-11-20T25:00', '20.11.2026', '1e9', '-1d', '99999d']) {
      assert.throws(() => parse(bad), /allowed: a day \(2026-11-20\)/, bad);
    }
  });

  it('read durations from a least one on', () => {
    const parse = durationOf(86_400_000);
    assert.equal(parse('30d'), 30 * 86_400_000);
    for (const bad of ['', '30', '23h', '-1d', 'forever', '99999999w']) assert.throws(() => parse(bad), /at least 1d/, bad);
  });

  it('make a range of what is given', () => {
    const from = new Date(nowMs);
    const to = new Date(nowMs + 1000);
    assert.deepEqual(rangeOf({ from, to }), { from, to });
    assert.deepEqual(rangeOf({ days: 2, to }), { from: new Date(to.getTime() - 2 * 86_400_000), to });
    assert.equal(rangeOf({}).from.getTime(), 0);
    assert.throws(() => rangeOf({ from: to, to: from }), {
      code: 'ERR_USAGE',
      message: /--from: got .* allowed: a time before --to/,
    });
  });

  it('shows how far it is', () => {
    const text = describeTransfer({ rows: 12_000, bytes: 3_400_000 }, { seconds: 2, share: 0.25 });
    assert.equal(text, '12,000 rows  3.4 MB  6,000 rows/s  25 %  6 s left');
    assert.equal(describeTransfer({ rows: 1, bytes: 0 }, { seconds: 0 }), '1 rows  0.0 MB');
    assert.deepEqual([formatSeconds(89), formatSeconds(600), formatSeconds(7500)], ['89 s', '10 min', '2 h 5 min']);
    assert.deepEqual([formatBytes(500), plural(1, 'day'), plural(1234, 'day')], ['0.5 kB', '1 day', '1,234 days']);
  });
});
