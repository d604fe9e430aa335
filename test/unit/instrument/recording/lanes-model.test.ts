// The ring and its pump against a model of two lists: what waits, in which order, what was lost, and what each lane may say of the past.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type EventBatch, LANES, type Lane } from '../../../../src/event.ts';
import { createClock } from '../../../../src/instrument/clock.ts';
import { InternalErrors } from '../../../../src/instrument/internal-errors.ts';
import { Pump } from '../../../../src/instrument/recording/pump.ts';
import { EventRing } from '../../../../src/instrument/recording/ring.ts';
import { silentLogger } from '../../../../src/logger.ts';

const SERIES = { type: 'custom', name: 'work', service: 'test', metadata: '' } as const;

/** What the ring has to do, in two lists. An event is the moment of its end: 1, 2, 3 … */
class Model {
  readonly waiting: Record<Lane, number[]> = { keep: [], rest: [] };
  readonly recorded = { keep: 0, rest: 0 };
  readonly handedOn = { keep: 0, rest: 0 };
  readonly dropped: Record<Lane, Record<string, number>> = { keep: {}, rest: {} };
  /** The first so many of a lane are in the hands of a sink. */
  pinned = { keep: 0, rest: 0 };
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  push(lane: Lane, end: number): void {
    const { keep, rest } = this.waiting;
    this.recorded[lane]++;
    if (keep.length + rest.length === this.#capacity) {
      const victim =
        rest.length > this.pinned.rest ? 'rest' : lane === 'keep' && keep.length > this.pinned.keep ? 'keep' : undefined;
      this.drop(victim ?? lane, 'ring_full', 1);
      if (victim === undefined) return;
      this.waiting[victim].splice(this.pinned[victim], 1);
    }
    this.waiting[lane].push(end);
  }

  drop(lane: Lane, reason: string, count: number): void {
    if (count > 0) this.dropped[lane][reason] = (this.dropped[lane][reason] ?? 0) + count;
  }
}

function assertLike(ring: EventRing, model: Model): void {
  const sum = { recorded: 0, handedOn: 0, waiting: 0 };
  for (const lane of LANES) {
    const { recorded, handedOn, waiting, sampledOut, dropped } = ring.counts(lane);
    const lost = Object.values(dropped).reduce((total, count) => total + count, 0);
    assert.equal(recorded, handedOn + waiting + sampledOut + lost, `the law of ${lane}`);
    assert.deepEqual(
      { recorded, handedOn, waiting, dropped },
      {
        recorded: model.recorded[lane],
        handedOn: model.handedOn[lane],
        waiting: model.waiting[lane].length,
        dropped: model.dropped[lane],
      },
    );
    assert.equal(ring.waiting(lane), waiting);
    sum.recorded += recorded;
    sum.handedOn += handedOn;
    sum.waiting += waiting;
  }
  const { recorded, handedOn, waiting } = ring.counts();
  assert.deepEqual({ recorded, handedOn, waiting }, sum);
}

const ends = (batch: EventBatch) => Array.from({ length: batch.size }, (_, index) => batch.endMs(index));
const lane = fc.constantFrom(...LANES);
/** What a sink does with a batch: takes a share of it, or throws; and what is recorded meanwhile. */
const accepting = fc.record({
  lane,
  limit: fc.integer({ min: 0, max: 20 }),
  share: fc.constantFrom(0, 0.5, 1, 'throws' as const),
  meanwhile: fc.array(lane, { maxLength: 12 }),
});
const operation = fc.oneof(
  { weight: 3, arbitrary: fc.record({ push: fc.array(lane, { minLength: 1, maxLength: 10 }) }) },
  { weight: 2, arbitrary: fc.record({ accept: accepting }) },
);

describe('The ring with two lanes', () => {
  it('does as two lists would, whatever is recorded, taken, refused or recorded meanwhile', () => {
    const capacities = fc.constantFrom(2, 4, 8, 16, 64);
    fc.assert(
      fc.property(capacities, fc.array(operation, { maxLength: 40 }), (capacity, operations) => {
        const ring = new EventRing({ capacity });
        const series = ring.addSeries(SERIES);
        const model = new Model(capacity);
        let end = 0;
        const push = (to: Lane) => {
          end++;
          const text = `"end":${end}`;
          ring.push(
            to === 'keep',
            series,
            0,
            end,
            1,
            undefined,
            end % 3 === 0 ? undefined : text,
            end % 5 === 0 ? text : undefined,
          );
          model.push(to, end);
        };
        for (const step of operations) {
          if ('push' in step) for (const to of step.push) push(to);
          else acceptBoth(ring, model, step.accept, push, end + 0.5);
          assertLike(ring, model);
        }
      }),
      { numRuns: 500 },
    );
  });

  function acceptBoth(
    ring: EventRing,
    model: Model,
    { lane: of, limit, share, meanwhile }: { lane: Lane; limit: number; share: number | 'throws'; meanwhile: readonly Lane[] },
    push: (to: Lane) => void,
    nowMs: number,
  ): void {
    const batch = ring.batch(of, limit, nowMs);
    const offered = model.waiting[of].slice(0, limit);
    assert.deepEqual(ends(batch), offered);
    const left = model.waiting[of][offered.length];
    assert.equal(batch.lowWatermarkMs, left ?? nowMs, 'up to the first event that is left out, or to now');
    assert.equal(batch.counts.recorded, model.recorded[of] - (model.waiting[of].length - offered.length));
    model.pinned[of] = offered.length;
    for (const to of meanwhile) push(to);
    assert.deepEqual(ends(batch), offered, 'what a sink looks at does not move');
    for (const [index, end] of offered.entries()) {
      assert.equal(batch.metadata(index), end % 3 === 0 ? undefined : `"end":${end}`);
      assert.equal(batch.error(index), end % 5 === 0 ? `"end":${end}` : undefined);
    }
    model.pinned[of] = 0;
    const count = share === 'throws' ? offered.length : Math.floor(offered.length * share);
    model.waiting[of].splice(0, count);
    if (share === 'throws') {
      ring.giveUp(of, count, 'sink_error');
      model.drop(of, 'sink_error', count);
    } else {
      ring.take(of, count);
      model.handedOn[of] += count;
    }
  }

  it('is emptied by the pump in order, each event once, whatever the sink does, also from inside', () => {
    const program = fc.array(
      fc.record({
        pushes: fc.array(lane, { maxLength: 20 }),
        share: fc.constantFrom(0, 0.5, 1, 'throws' as const),
        inside: fc.array(lane, { maxLength: 6 }),
        flushesInside: fc.boolean(),
      }),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(fc.constantFrom(4, 16, 64), program, (capacity, steps) => {
        let readings = 0;
        const clock = createClock({ monotonicMs: () => ++readings });
        const ring = new EventRing({ capacity });
        const series = ring.addSeries(SERIES);
        const pump = new Pump({ ring, clock, errors: new InternalErrors(silentLogger, clock.monotonicMs) });
        const seen: Record<Lane, number[]> = { keep: [], rest: [] };
        const told: Record<Lane, number> = { keep: -Infinity, rest: -Infinity };
        const push = (to: Lane) => {
          ring.push(to === 'keep', series, 0, clock.now(), 1, undefined, undefined, undefined);
        };
        let step = steps[0];
        let isInside = false;
        const violations = new Set<string>(); // what is thrown in a sink the pump takes for its failure
        pump.connect({
          accept(batch) {
            if (isInside) {
              violations.add('the sink is entered from inside');
              return 0;
            }
            isInside = true;
            for (const to of step?.inside ?? []) push(to);
            if (step?.flushesInside === true) pump.flush();
            isInside = false;
            if (ends(batch).some((each) => each < told[batch.lane])) violations.add('an event comes behind its low watermark');
            if (step?.share === 'throws') throw new Error('no');
            const count = Math.floor(batch.size * (step?.share ?? 1));
            seen[batch.lane].push(...ends(batch).slice(0, count));
            told[batch.lane] = count === batch.size ? batch.lowWatermarkMs : batch.endMs(count);
            return count;
          },
        });
        for (step of steps) {
          for (const to of step.pushes) push(to);
          pump.flush();
          step = undefined;
        }
        pump.flush();
        assert.deepEqual([...violations], []);
        for (const each of LANES) {
          assert.deepEqual(
            seen[each],
            [...new Set(seen[each])].sort((a, b) => a - b),
            'in order, and once',
          );
          const { recorded, handedOn, waiting, dropped } = ring.counts(each);
          assert.equal(handedOn, seen[each].length);
          assert.equal(recorded, handedOn + waiting + Object.values(dropped).reduce((sum, count) => sum + count, 0));
          assert.equal(waiting, 0);
        }
      }),
      { numRuns: 300 },
    );
  });
});
