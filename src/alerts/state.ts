// The state of one series of one rule, and how an evaluation moves it. Pure: no clock, no database, no messages.
//
//            | breach                         | clear         | hold           | missing        | error
//   absent   | pending, or firing if `for` = 0| ok            | ok             | -              | -
//   ok       | pending, or firing if `for` = 0| ok            | ok             | ok             | ok
//   pending  | firing once held >= `for`      | ok            | pending,paused | pending,paused | unchanged
//   firing   | firing                         | ok = resolved | firing         | firing         | unchanged
//
// breach: fire_when is true; clear: clear_when is true; hold: neither; missing: a known series has no row; error: the rule has no answer.
// The clock of `for` runs from one breach to the next breach in the neighbouring slot, and over nothing else: not over hold or missing, nor over
// a gap (slots with an error, or slots that nobody evaluated), which shows as a distance of more than 1.5 slots. Only `clear` ends an incident.

/** What an evaluation says about one series. */
export type Input = 'breach' | 'clear' | 'hold' | 'missing' | 'error';

export interface Ok {
  readonly state: 'ok';
}

export interface Pending {
  readonly state: 'pending';
  readonly incidentId: string;
  /** Slot of the first breach. */
  readonly activeAtMs: number;
  /** How long the condition has held, pauses left out. */
  readonly heldMs: number;
  /** The newest slot, if it was a breach; undefined while the clock is paused. */
  readonly breachedAtMs: number | undefined;
}

export interface Firing {
  readonly state: 'firing';
  readonly incidentId: string;
  readonly activeAtMs: number;
  /** Slot in which it began to fire. */
  readonly firedAtMs: number;
}

/** The state of a series; `undefined` where one is asked for means: never seen. */
export type AlertState = Ok | Pending | Firing;

/** Why a state changed: the condition became true, was true for long enough, or is over. */
export type TransitionReason = 'breach' | 'for_elapsed' | 'clear';

export interface Transition {
  readonly from: AlertState['state'];
  readonly to: AlertState['state'];
  readonly reason: TransitionReason;
  readonly incidentId: string;
}

/** What a rule says about time. */
export interface StatePolicy {
  /** How long the condition has to hold before the alert fires; 0: at once. */
  readonly forMs: number;
  /** Distance of the slots. */
  readonly everyMs: number;
  /** Names the incident that begins in a slot; the same slot has to give the same id. */
  incidentId(slotMs: number): string;
}

export interface Step {
  readonly instance: AlertState | undefined;
  readonly transition?: Transition;
}

const OK: Ok = { state: 'ok' };

/**
 * The state after an evaluation.
 * @param instance the state before; undefined for a series that was never seen
 * @param slotMs the slot of the evaluation; later than any that came before
 */
export function advance(instance: AlertState | undefined, input: Input, slotMs: number, policy: StatePolicy): Step {
  if (input === 'error') return { instance };
  if (instance === undefined && input === 'missing') return { instance };
  if (instance === undefined || instance.state === 'ok') {
    return input === 'breach' ? begin(slotMs, policy) : { instance: OK };
  }
  if (input === 'clear') {
    return { instance: OK, transition: { from: instance.state, to: 'ok', reason: 'clear', incidentId: instance.incidentId } };
  }
  if (instance.state === 'firing') return { instance };
  return input === 'breach' ? hold(instance, slotMs, policy) : { instance: { ...instance, breachedAtMs: undefined } };
}

function begin(slotMs: number, policy: StatePolicy): Step {
  const incidentId = policy.incidentId(slotMs);
  const to = policy.forMs > 0 ? 'pending' : 'firing';
  const instance: AlertState =
    to === 'pending'
      ? { state: to, incidentId, activeAtMs: slotMs, heldMs: 0, breachedAtMs: slotMs }
      : { state: to, incidentId, activeAtMs: slotMs, firedAtMs: slotMs };
  return { instance, transition: { from: 'ok', to, reason: 'breach', incidentId } };
}

function hold(pending: Pending, slotMs: number, policy: StatePolicy): Step {
  const { incidentId, activeAtMs, breachedAtMs } = pending;
  const sinceMs = breachedAtMs === undefined ? Number.POSITIVE_INFINITY : slotMs - breachedAtMs;
  const heldMs = pending.heldMs + (sinceMs <= 1.5 * policy.everyMs ? sinceMs : 0);
  if (heldMs < policy.forMs) return { instance: { ...pending, heldMs, breachedAtMs: slotMs } };
  return {
    instance: { state: 'firing', incidentId, activeAtMs, firedAtMs: slotMs },
    transition: { from: 'pending', to: 'firing', reason: 'for_elapsed', incidentId },
  };
}

/** Which message a transition owes to people; none for becoming pending, or for a pending alert that went away. */
export function notificationOf(transition: Transition): 'firing' | 'resolved' | undefined {
  if (transition.to === 'firing') return 'firing';
  return transition.from === 'firing' ? 'resolved' : undefined;
}
