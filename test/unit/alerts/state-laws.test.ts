// What holds of every history under every policy, and that long histories agree with the model that state-model.test.ts walks short ones with.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type AlertInstance,
  advance,
  type Input,
  notificationOf,
  type StatePolicy,
  type Transition,
} from '../../../src/alerts/state.ts';
import { judge, type ModelInput } from '../../support/alert-model.ts';

const EVERY = 1000;
const NUM_RUNS = 1500;

interface Evaluated {
  readonly input: Input;
  readonly slot: number;
  readonly step: number;
}

interface Moved extends Evaluated {
  readonly before: AlertInstance | undefined;
  readonly after: AlertInstance | undefined;
  readonly transition: Transition | undefined;
}

const policies: fc.Arbitrary<StatePolicy> = fc.record({
  for: fc.oneof(
    fc.constantFrom(0, 500, 1000, 2500, 3000).map((ms) => ({ ms })),
    fc
      .integer({ min: 1, max: 32 })
      .chain((of) => fc.integer({ min: 1, max: Math.min(of, 6) }).map((samples) => ({ samples, of }))),
  ),
  everyMs: fc.constant(EVERY),
  keepFiringForMs: fc.constantFrom(0, 0, 1000, 1500, 3000),
  missing: fc.record({
    policy: fc.constantFrom('keep', 'ok', 'alert', 'nodata'),
    after: fc.integer({ min: 1, max: 3 }),
  }),
  latch: fc.boolean(),
  incidentId: fc.constant((slotMs: number) => `incident-${slotMs / EVERY}`),
});

/** The inputs in spells, as they come in life: what was is likely to go on. */
const histories = fc
  .array(
    fc.record({
      input: fc.constantFrom<Input>('breach', 'breach', 'clear', 'hold', 'missing', 'error'),
      times: fc.constantFrom(1, 1, 2, 4),
      gap: fc.constantFrom(1, 1, 1, 2, 5),
      step: fc.integer({ min: -1, max: 2 }),
    }),
    { maxLength: 20 },
  )
  .map((spells) => {
    let slot = -1;
    return spells.flatMap(({ input, times, gap, step }) =>
      Array.from({ length: times }, (_, index): Evaluated => {
        slot += index === 0 ? gap : 1;
        return { input, slot, step };
      }),
    );
  });

function walk(history: readonly Evaluated[], policy: StatePolicy): Moved[] {
  let instance: AlertInstance | undefined;
  return history.map((evaluated) => {
    const before = instance;
    const { instance: after, transition } = advance(before, evaluated.input, evaluated.slot * EVERY, policy, evaluated.step);
    instance = after;
    return { ...evaluated, before, after, transition };
  });
}

function check(law: (moves: readonly Moved[], policy: StatePolicy) => void): void {
  fc.assert(
    fc.property(histories, policies, (history, policy) => law(walk(history, policy), policy)),
    { numRuns: NUM_RUNS },
  );
}

describe('The laws of the state machine', () => {
  it('agrees with its model on long histories', () => {
    check((moves, policy) => {
      const inputs: ModelInput[] = [];
      const steps: number[] = [];
      for (const { input, slot, step, after, transition } of moves) {
        while (inputs.length < slot) inputs.push('unanswered');
        inputs.push(input === 'error' ? 'unanswered' : input);
        steps[slot] = step;
        const { state, begunAt, firedAt, message } = judge({ inputs, steps }, policy);
        assert.deepEqual(
          {
            state: after?.state ?? 'never seen',
            begunAt: (after?.activeAtMs ?? -EVERY) / EVERY,
            firedAt: (after?.firedAtMs ?? -EVERY) / EVERY,
            message: transition && notificationOf(transition),
          },
          { state, begunAt, firedAt, message },
        );
      }
    });
  });

  it('lets an error change nothing at all', () => {
    check((moves) => {
      for (const { input, before, after, transition } of moves) {
        if (input === 'error') assert.ok(after === before && transition === undefined);
      }
    });
  });

  it('ends what has fired by clear, or by missing for as long as `ok` asks, and by nothing else', () => {
    check((moves, { missing }) => {
      for (const [index, { input, before, after }] of moves.entries()) {
        if (before?.firedAtMs === undefined || after?.firedAtMs !== undefined) continue;
        if (input === 'clear') continue;
        assert.equal(`${input} ${missing.policy}`, 'missing ok');
        const answered = moves.slice(0, index + 1).filter((move) => move.input !== 'error');
        assert.ok(answered.slice(-missing.after).every((move) => move.input === 'missing'));
      }
    });
  });

  it('tells resolved only of what was told, once, and then nothing more of the incident', () => {
    check((moves) => {
      const told = moves.flatMap(({ transition }) => (transition === undefined ? [] : [transition]));
      const open = new Set<string>();
      const ended = new Set<string>();
      for (const transition of told) {
        const { incidentId } = transition;
        const message = notificationOf(transition);
        assert.ok(!ended.has(incidentId), 'an incident does not come back');
        if (message === 'resolved') assert.ok(open.has(incidentId), 'resolved, and nobody knew of it');
        if (message === 'firing' || message === 'nodata') open.add(incidentId);
        if (transition.to === 'ok') ended.add(incidentId);
      }
    });
  });

  it('tells the end of everything that was told, unless it latched', () => {
    check((moves, { latch }) => {
      const known = new Set<string>();
      for (const { transition } of moves) {
        if (transition === undefined) continue;
        const message = notificationOf(transition);
        if (message !== undefined) known.add(transition.incidentId);
        if (transition.to !== 'ok' || !known.has(transition.incidentId)) continue;
        assert.ok(message === 'resolved' || (latch && transition.suppressed === 'latch'));
      }
    });
  });

  it('tells each step of a latched alert once', () => {
    check((moves, { latch }) => {
      if (!latch) return;
      const told = new Map<string, number[]>();
      for (const { transition } of moves) {
        if (transition === undefined || notificationOf(transition) !== 'firing') continue;
        const steps = told.get(transition.incidentId) ?? [];
        assert.ok(steps.every((step) => step < transition.step));
        told.set(transition.incidentId, [...steps, transition.step]);
      }
    });
  });

  it('joins its transitions: each begins in the state that the last one led to', () => {
    check((moves) => {
      let state = 'ok';
      for (const { transition, after } of moves) {
        if (transition !== undefined) {
          assert.equal(transition.from, state);
          state = transition.to;
        }
        assert.equal(after?.state ?? 'ok', state);
      }
    });
  });

  it('keeps a record that can be stored: what belongs to a state is there, and nothing else', () => {
    check((moves, policy) => {
      for (const { after } of moves) {
        if (after === undefined) continue;
        const { state, incidentId, activeAtMs, firedAtMs, heldMs, ranAtMs, missed, history, toldStep, isTold } = after;
        assert.equal(incidentId === undefined, state === 'ok');
        assert.equal(activeAtMs === undefined, state === 'ok');
        if (state !== 'nodata') assert.equal(firedAtMs !== undefined, state === 'firing' || state === 'recovering');
        if (state === 'ok' || state === 'firing') assert.deepEqual([heldMs, ranAtMs], [0, undefined]);
        if (state === 'ok' || 'ms' in policy.for) assert.equal(history, 0);
        assert.ok(Number.isInteger(history) && history >= 0 && history < 2 ** 32);
        assert.ok(Number.isInteger(heldMs) && heldMs >= 0 && missed <= policy.missing.after);
        if (firedAtMs === undefined) assert.equal(toldStep, -1);
        if (state !== 'pending') assert.equal(isTold, state !== 'ok');
      }
    });
  });
});
