// The law of what waits for the sink: the ring and the pump against a model of two arrays, over random programs.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { assertRingAndPump, type RingProgram } from '../../../support/ring-model.ts';

const event = fc.record({ isKept: fc.boolean(), hasText: fc.boolean() });
const answer = fc.oneof(
  { weight: 3, arbitrary: fc.constant('all' as const) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 16 }) },
  { weight: 1, arbitrary: fc.constantFrom('throws' as const, Number.NaN, -1, 1.5) },
);
const reaction = fc.record({
  pushes: fc.oneof(fc.constant([]), fc.array(event, { maxLength: 12 })),
  flushes: fc.boolean(),
  answer,
});
const burst = fc.record({ kind: fc.constant('push' as const), events: fc.array(event, { minLength: 1, maxLength: 40 }) });
const reactions = fc.record({
  kind: fc.constant('react' as const),
  reactions: fc.array(reaction, { minLength: 1, maxLength: 5 }),
});
const handOn = fc.record({ kind: fc.constantFrom('flush' as const, 'tick' as const) });
const others = fc.record({
  kind: fc.constantFrom('connect' as const, 'connect' as const, 'disconnect' as const, 'suspend' as const),
});
const operation = fc.oneof(
  { weight: 4, arbitrary: burst },
  { weight: 3, arbitrary: reactions },
  { weight: 3, arbitrary: handOn },
  { weight: 1, arbitrary: others },
);
const program: fc.Arbitrary<RingProgram> = fc.record({
  capacity: fc.constantFrom(2, 4, 8, 16, 32, 64),
  operations: fc.array(operation, { maxLength: 40, size: 'max' }),
});

describe('EventRing and Pump, as a law', () => {
  it('keep, offer, count and lose what a model of two arrays does, whatever the sink does', async function () {
    this.timeout(60_000);
    const seen = { offered: 0, partlyTaken: 0, evictedRest: 0, evictedKeep: 0, refused: 0, pushedInside: 0, thrown: 0 };
    await fc.assert(
      fc.asyncProperty(program, async (each) => {
        const happened = await assertRingAndPump(each);
        for (const name of Object.keys(seen) as (keyof typeof seen)[]) seen[name] += happened[name];
      }),
      { numRuns: 500 },
    );
    for (const [name, count] of Object.entries(seen)) assert.ok(count > 20, `the programs do not try enough: ${name} ${count}`);
  });
});
