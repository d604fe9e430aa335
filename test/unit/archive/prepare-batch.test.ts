// The batch behind the one that is being committed: prepared meanwhile, and taken only where it is what comes next.
import assert from 'node:assert/strict';
import { type Batch, BatchAhead, BatchPreparation } from '../../../src/archive/drain/prepare-batch.ts';
import { KnownSeries } from '../../../src/archive/rollups/series.ts';
import { readSegment } from '../../../src/archive/segments/segment-reader.ts';
import { makeSegment } from '../../support/damaged-segments.ts';

const ROWS = [3, 2, 4];

describe('BatchAhead', () => {
  const read = (): Batch => {
    const segment = readSegment(makeSegment({}, ROWS).bytes);
    assert.ok(segment?.blocks[0]);
    return { header: segment.header, blocks: segment.blocks as unknown as Batch['blocks'] };
  };
  const prepare = (batch: Batch) => new BatchPreparation(batch, { databaseNowMs: Date.now(), series: new KnownSeries() });
  /** Work that ends when it is told to. */
  const createWork = () => {
    let end = () => {};
    const work = new Promise<void>((resolve) => {
      end = resolve;
    });
    return { work, end };
  };

  /** Time for one step. */
  const twoTurns = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

  it('does all that can be done while the work goes on, and gives it to whom it is for', async () => {
    const batch = read();
    const preparation = prepare(batch);
    const ahead = new BatchAhead();
    const { work, end } = createWork();
    await ahead.prepareBeside(work, async () => preparation);
    end();
    assert.equal(preparation.step(), false);
    const taken = ahead.take(batch.blocks[0]);
    assert.ok(taken === preparation);
    const { rollups, archive } = taken.finish();
    assert.equal(archive.count, 9);
    assert.equal(rollups?.statements().length, 2);
    assert.ok(ahead.take(batch.blocks[0]) === undefined);
  });

  it('gives nothing to a batch that begins elsewhere, or was read anew', async () => {
    for (const first of [read().blocks[0], read().blocks[1]]) {
      const ahead = new BatchAhead();
      await ahead.prepareBeside(twoTurns(), async () => prepare(read()));
      assert.ok(first);
      assert.ok(ahead.take(first) === undefined);
    }
  });

  it('stops when the work has ended, well or not, and the batch is finished in its turn', async () => {
    for (const isWell of [true, false]) {
      const work = twoTurns().then(() => (isWell ? undefined : Promise.reject(new Error('cut'))));
      const batch = read();
      const preparation = prepare(batch);
      const ahead = new BatchAhead();
      await ahead.prepareBeside(work, async () => preparation);
      assert.equal(preparation.step(), true);
      assert.ok(ahead.take(batch.blocks[0]) === preparation);
      assert.equal(preparation.finish().rollups?.statements().length, 2);
    }
  });

  it('does not wait for a segment longer than for the work', async () => {
    const batch = read();
    const ahead = new BatchAhead();
    const { work, end } = createWork();
    const preparing = ahead.prepareBeside(work, () => new Promise(() => {}));
    end();
    await preparing;
    assert.ok(ahead.take(batch.blocks[0]) === undefined);
  });

  it('leaves what cannot be prepared to its turn', async () => {
    const batch = read();
    const ahead = new BatchAhead();
    await ahead.prepareBeside(new Promise(() => {}), () => Promise.reject(new Error('no rows')));
    assert.ok(ahead.take(batch.blocks[0]) === undefined);
  });
});
