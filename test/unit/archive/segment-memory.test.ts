import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { SegmentMemory } from '../../../src/archive/drain/segment-memory.ts';
import { waitFor } from '../../support/wait-for.ts';

const MEGABYTE = 1_048_576;

describe('SegmentMemory', () => {
  it('never gives two who have not given back the same memory, and always enough of it', () => {
    const step = fc.oneof(
      fc.record({ size: fc.oneof(fc.nat(1000), fc.nat(4 * MEGABYTE)) }),
      fc.record({ back: fc.nat(), times: fc.integer({ min: 1, max: 3 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const memory = new SegmentMemory();
        const lent: Buffer[] = [];
        for (const each of steps) {
          if ('size' in each) {
            const bytes = memory.allocate(each.size);
            assert.ok(bytes.length >= each.size);
            assert.ok(!lent.some(({ buffer }) => buffer === bytes.buffer));
            lent.push(bytes);
          } else if (lent.length > 0) {
            const [bytes] = lent.splice(each.back % lent.length, 1);
            assert.ok(bytes);
            // What was read into it, as often as anybody says so.
            for (let time = 0; time < each.times; time++) memory.giveBack(bytes.subarray(0, bytes.length >> 1));
          }
        }
      }),
    );
  });

  it('gives again what it has been given back: the two largest ones, the smaller of them where that will do', () => {
    const memory = new SegmentMemory();
    const [small, large, middle] = [1, 9, 4].map((megabytes) => memory.allocate(megabytes * MEGABYTE));
    assert.ok(small && large && middle);
    for (const bytes of [small, large, middle]) memory.giveBack(bytes);
    assert.equal(memory.allocate(10).buffer, middle.buffer);
    assert.equal(memory.allocate(10).buffer, large.buffer);
    assert.ok(![small, large, middle].some(({ buffer }) => memory.allocate(10).buffer === buffer));
  });

  it('leaves alone what is not its own', () => {
    const memory = new SegmentMemory();
    const bytes = Buffer.alloc(MEGABYTE);
    memory.giveBack(bytes);
    assert.notEqual(memory.allocate(10).buffer, bytes.buffer);
  });

  it('keeps nothing from the garbage collector', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const memory = new SegmentMemory();
    const lend = () => {
      const bytes = memory.allocate(64 * MEGABYTE);
      memory.giveBack(bytes);
      return new WeakRef(bytes.buffer);
    };
    const free = lend();
    // A weak reference holds what it was made of, or has given, until the work at hand is done.
    await waitFor(
      () => {
        collect();
        return free.deref() === undefined;
      },
      { timeoutMs: 5000, what: 'the garbage collector to have it' },
    );
  });
});
