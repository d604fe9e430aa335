import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type AlertState,
  advance,
  type Input,
  notificationOf,
  type StatePolicy,
  type Transition,
} from '../../../src/alerts/state.ts';

const EVERY = 1000;
const policy = (forMs: number): StatePolicy => ({ forMs, everyMs: EVERY, incidentId: (slotMs) => `incident-${slotMs}` });

interface Evaluated {
  readonly slot: number;
  readonly input: Input;
}

function walk(history: readonly Evaluated[], forMs: number): { state: AlertState | undefined; transitions: Transition[] } {
  let state: AlertState | undefined;
  const transitions: Transition[] = [];
  for (const { slot, input } of history) {
    const step = advance(state, input, slot * EVERY, policy(forMs));
    state = step.instance;
    if (step.transition !== undefined) transitions.push(step.transition);
  }
  return { state, transitions };
}

/** The definition, without steps: an alert fires once its incident has `for` worth of neighbouring slots that both breach. */
function reference(history: readonly Evaluated[], forMs: number): AlertState['state'] | undefined {
  const seen = history.filter(({ input }) => input !== 'error');
  if (!seen.some(({ input }) => input !== 'missing')) return undefined;
  const incident = seen.slice(seen.findLastIndex(({ input }) => input === 'clear') + 1);
  const breaches = incident.filter(({ input }) => input === 'breach').map(({ slot }) => slot);
  if (breaches.length === 0) return 'ok';
  const held = breaches.filter((slot) => breaches.includes(slot - 1)).length * EVERY;
  return held >= forMs ? 'firing' : 'pending';
}

const inputs = fc.constantFrom<Input>('breach', 'clear', 'hold', 'missing', 'error');
const histories = fc
  .array(fc.record({ input: inputs, gap: fc.constantFrom(1, 1, 1, 1, 2, 5) }), { maxLength: 40 })
  .map((steps) => {
    let slot = 0;
    return steps.map(({ input, gap }): Evaluated => {
      slot += gap;
      return { input, slot };
    });
  });
const waits = fc.constantFrom(0, 500, 1000, 2500, 3000);

describe('advance', () => {
  const ok: AlertState = { state: 'ok' };
  const pending: AlertState = { state: 'pending', incidentId: 'i', activeAtMs: 1000, heldMs: 1000, breachedAtMs: 2000 };
  const paused: AlertState = { ...pending, breachedAtMs: undefined };
  const firing: AlertState = { state: 'firing', incidentId: 'i', activeAtMs: 1000, firedAtMs: 2000 };
  const begun: AlertState = { state: 'pending', incidentId: 'incident-3000', activeAtMs: 3000, heldMs: 0, breachedAtMs: 3000 };
  const table: [AlertState | undefined, Input, AlertState | undefined, string?][] = [
    [undefined, 'breach', begun, 'ok pending breach'],
    [undefined, 'clear', ok],
    [undefined, 'hold', ok],
    [undefined, 'missing', undefined],
    [undefined, 'error', undefined],
    [ok, 'breach', begun, 'ok pending breach'],
    [ok, 'clear', ok],
    [ok, 'hold', ok],
    [ok, 'missing', ok],
    [ok, 'error', ok],
    [pending, 'breach', { ...pending, heldMs: 2000, breachedAtMs: 3000 }],
    [
      { ...pending, heldMs: 2000 },
      'breach',
      { state: 'firing', incidentId: 'i', activeAtMs: 1000, firedAtMs: 3000 },
      'pending firing for_elapsed',
    ],
    [paused, 'breach', { ...pending, heldMs: 1000, breachedAtMs: 3000 }],
    [pending, 'clear', ok, 'pending ok clear'],
    [pending, 'hold', paused],
    [pending, 'missing', paused],
    [pending, 'error', pending],
    [firing, 'breach', firing],
    [firing, 'clear', ok, 'firing ok clear'],
    [firing, 'hold', firing],
    [firing, 'missing', firing],
    [firing, 'error', firing],
  ];
  for (const [before, input, after, transition] of table) {
    it(`takes ${describeState(before)} by ${input} to ${describeState(after)}`, () => {
      const step = advance(before, input, 3000, policy(3000));
      assert.deepEqual(step.instance, after);
      const made = step.transition && `${step.transition.from} ${step.transition.to} ${step.transition.reason}`;
      assert.equal(made, transition);
    });
  }

  it('fires at once when there is nothing to wait for', () => {
    const step = advance(undefined, 'breach', 3000, policy(0));
    assert.deepEqual(step.instance, { state: 'firing', incidentId: 'incident-3000', activeAtMs: 3000, firedAtMs: 3000 });
    assert.deepEqual(step.transition, { from: 'ok', to: 'firing', reason: 'breach', incidentId: 'incident-3000' });
  });

  it('lets no clock run over slots that nobody evaluated', () => {
    const step = advance(pending, 'breach', 4000, policy(3000));
    assert.deepEqual(step.instance, { ...pending, breachedAtMs: 4000 });
  });

  it('agrees with the definition on every history', () => {
    fc.assert(
      fc.property(histories, waits, (history, forMs) => {
        assert.equal(walk(history, forMs).state?.state, reference(history, forMs));
      }),
      { numRuns: 2000 },
    );
  });

  it('ends an incident by clear alone, and changes nothing by an error', () => {
    fc.assert(
      fc.property(histories, inputs, waits, (history, input, forMs) => {
        const { state } = walk(history, forMs);
        const slot = ((history.at(-1)?.slot ?? 0) + 1) * EVERY;
        const step = advance(state, input, slot, policy(forMs));
        if (input === 'error') assert.deepEqual(step, { instance: state });
        if (step.transition?.to === 'ok') assert.equal(input, 'clear');
        if (state?.state === 'firing' && input !== 'clear') assert.deepEqual(step, { instance: state });
      }),
    );
  });

  it('tells of firing once per incident, and of resolved only after it', () => {
    fc.assert(
      fc.property(histories, waits, (history, forMs) => {
        const told = walk(history, forMs).transitions.flatMap((transition) => {
          const reason = notificationOf(transition);
          return reason === undefined ? [] : [{ reason, incident: transition.incidentId }];
        });
        for (const [index, { reason, incident }] of told.entries()) {
          assert.equal(reason, index % 2 === 0 ? 'firing' : 'resolved');
          if (reason === 'resolved') assert.equal(told[index - 1]?.incident, incident);
          else assert.ok(!told.slice(0, index).some((other) => other.incident === incident));
        }
      }),
    );
  });
});

function describeState(state: AlertState | undefined): string {
  if (state === undefined) return 'a new series';
  return state.state === 'pending' && state.breachedAtMs === undefined ? 'paused pending' : state.state;
}
