import assert from 'node:assert/strict';
import fc from 'fast-check';
import { SeriesRoom } from '../../../src/alerts/series-room.ts';

const answerOf = (series: number, text = '') => ({ rows: Array.from({ length: series }, () => [text, 1]) });

describe('SeriesRoom', () => {
  const create = () => new SeriesRoom({ room: { series: 100, bytes: 10_000 }, own: { series: 5, bytes: 1000 } });

  it('has no room for more series than all may have together, until they are given back', () => {
    const room = create();
    const [one, other] = [room.open(), room.open()];
    assert.deepEqual([one.take(answerOf(60)), other.take(answerOf(41)), other.take(answerOf(40))], [true, false, true]);
    one.close();
    assert.equal(other.take(answerOf(60)), true);
  });

  it('counts bytes too', () => {
    const share = create().open();
    assert.deepEqual([share.take(answerOf(10, 'x'.repeat(900))), share.take(answerOf(2, 'x'.repeat(900)))], [true, false]);
  });

  it('has a little for each, whatever others have', () => {
    const room = create();
    const [large, small] = [room.open(), room.open()];
    assert.equal(large.take(answerOf(100)), true);
    assert.deepEqual([small.take(answerOf(3)), small.take(answerOf(2)), small.take(answerOf(1))], [true, true, false]);
  });

  it('never holds more than its bounds, and nothing once all have given back', () => {
    const step = fc.record({ share: fc.nat(3), series: fc.nat(120), isClosed: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const room = create();
        const shares = Array.from({ length: 4 }, () => room.open());
        for (const { share, series, isClosed } of steps) {
          if (isClosed) shares[share]?.close();
          else shares[share]?.take(answerOf(series));
          assert.ok(room.held.series <= 100 + 4 * 5 && room.held.bytes <= 10_000 + 4 * 1000);
        }
        for (const share of shares) share.close();
        assert.deepEqual(room.held, { series: 0, bytes: 0 });
      }),
    );
  });
});
