import assert from 'node:assert/strict';
import fc from 'fast-check';
import { SlotMemory } from '../../../src/alerts/slot-memory.ts';
import { dueSlots, defaultMaxWaitMs as maxWaitMs, type Progress, slotTimeoutMs } from '../../../src/alerts/slots.ts';

describe('slotTimeoutMs', () => {
  it('is the distance of the slots, at least 10 s and at most 30 s', () => {
    assert.deepEqual([1000, 10_000, 15_000, 30_000, 60_000].map(slotTimeoutMs), [10_000, 10_000, 15_000, 30_000, 30_000]);
  });
});

describe('dueSlots', () => {
  const slots = (everyMs: number, progress: Progress) =>
    dueSlots({ everyMs, maxWaitMs: maxWaitMs(everyMs) }, progress).map(
      ({ slotMs, isPartial, missed }) => `${slotMs}${isPartial ? ' partial' : ''}${missed > 0 ? ` missed ${missed}` : ''}`,
    );

  it('begins a new group with the newest slot that the archive has reached', () => {
    assert.deepEqual(slots(60_000, { nowMs: 605_000, watermarkMs: 604_000, lastSlotMs: undefined }), ['600000']);
    assert.deepEqual(slots(60_000, { nowMs: 605_000, watermarkMs: 599_000, lastSlotMs: undefined }), ['540000']);
  });

  it('waits for the archive', () => {
    assert.deepEqual(slots(60_000, { nowMs: 605_000, watermarkMs: 599_999, lastSlotMs: 540_000 }), []);
    assert.deepEqual(slots(60_000, { nowMs: 605_000, watermarkMs: 600_000, lastSlotMs: 540_000 }), ['600000']);
  });

  it('waits for nothing when no source lives', () => {
    assert.deepEqual(slots(60_000, { nowMs: 600_000, watermarkMs: undefined, lastSlotMs: 540_000 }), ['600000']);
  });

  it('evaluates every slot when the archive moves over several at once', () => {
    assert.deepEqual(slots(1000, { nowMs: 20_500, watermarkMs: 20_100, lastSlotMs: 17_000 }), ['18000', '19000', '20000']);
  });

  it('evaluates a slot in part once it has waited too long', () => {
    assert.deepEqual(slots(60_000, { nowMs: 719_999, watermarkMs: 500_000, lastSlotMs: 540_000 }), []);
    assert.deepEqual(slots(60_000, { nowMs: 720_000, watermarkMs: 500_000, lastSlotMs: 540_000 }), ['600000 partial']);
  });

  it('skips what is too old, and counts it', () => {
    assert.deepEqual(slots(60_000, { nowMs: 1_205_000, watermarkMs: 1_204_000, lastSlotMs: 600_000 }), [
      '1080000 missed 7',
      '1140000',
      '1200000',
    ]);
  });

  it('has nothing to do when the clock of the database is behind', () => {
    assert.deepEqual(slots(60_000, { nowMs: 100_000, watermarkMs: undefined, lastSlotMs: 600_000 }), []);
  });

  it('skips to the newest when slots take longer than they are apart, and counts the others', () => {
    const progress = { nowMs: 20_500, watermarkMs: 20_100, lastSlotMs: 17_000, isOverloaded: true };
    assert.deepEqual(slots(1000, progress), ['20000 missed 2']);
    assert.deepEqual(slots(1000, { ...progress, lastSlotMs: 19_000 }), ['20000']);
    assert.deepEqual(slots(1000, { ...progress, lastSlotMs: 20_000 }), []);
    assert.deepEqual(slots(1000, { ...progress, watermarkMs: 15_000, nowMs: 30_900, lastSlotMs: 17_000 }), [
      '20000 partial missed 2',
    ]);
  });

  it('begins each slot before the next one is due, however long the last took', () => {
    const took = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 20, maxLength: 100 });
    fc.assert(
      fc.property(took, fc.constantFrom(1000, 2000), fc.constantFrom(10_000, 600_000), (times, everyMs, waitMs) => {
        const group = { name: 'g', everyMs, maxWaitMs: waitMs };
        const memory = new SlotMemory();
        let [nowMs, lastSlotMs] = [10_000_000, 10_000_000 - everyMs];
        for (const tookMs of times) {
          const isOverloaded = memory.isOverloaded('g');
          const [slot] = dueSlots(group, { nowMs, watermarkMs: nowMs, lastSlotMs, isOverloaded });
          if (slot !== undefined) {
            assert.equal(slot.slotMs, lastSlotMs + everyMs * (1 + slot.missed));
            assert.ok(nowMs - slot.slotMs < everyMs, `${nowMs - slot.slotMs} ms late`);
            memory.noteTime(group, tookMs);
            nowMs += tookMs;
            lastSlotMs = slot.slotMs;
          } else nowMs = lastSlotMs + everyMs;
        }
      }),
    );
  });

  it('gives each slot of the grid once or counts it as missed, whatever archive and clock do', () => {
    const times = fc.array(
      fc.record({
        passMs: fc.integer({ min: 1, max: 200_000 }),
        lagMs: fc.integer({ min: 0, max: 300_000 }),
        isOverloaded: fc.boolean(),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(times, fc.constantFrom(1000, 7000, 60_000), (passes, everyMs) => {
        let nowMs = 10_000_000;
        let lastSlotMs: number | undefined;
        for (const { passMs, lagMs, isOverloaded } of passes) {
          nowMs += passMs;
          for (const slot of dueSlots(
            { everyMs, maxWaitMs: maxWaitMs(everyMs) },
            { nowMs, watermarkMs: nowMs - lagMs, lastSlotMs, isOverloaded },
          )) {
            assert.equal(slot.slotMs % everyMs, 0);
            if (lastSlotMs !== undefined) assert.equal(slot.slotMs, lastSlotMs + everyMs * (1 + slot.missed));
            assert.equal(slot.isPartial, slot.slotMs > nowMs - lagMs);
            assert.ok(!slot.isPartial || nowMs - slot.slotMs >= maxWaitMs(everyMs));
            lastSlotMs = slot.slotMs;
          }
          if (lastSlotMs !== undefined) assert.ok(nowMs - lastSlotMs <= maxWaitMs(everyMs) + everyMs);
        }
      }),
    );
  });
});
