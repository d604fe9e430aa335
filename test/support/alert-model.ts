// What state.ts has to say, defined without its steps: a verdict is read off the whole history of a series, by looking for the slot in which an
// incident began, the one that proved it, and the one that ended it. Slow, and on purpose in another style than what it judges.
import type { StatePolicy } from '../../src/alerts/state.ts';

/** What one slot gave; `unanswered`: an error, or nobody evaluated it. */
export type ModelInput = 'breach' | 'clear' | 'hold' | 'missing' | 'unanswered';

/** Slots are numbered from 0, one `every` apart. `steps[slot]` counts where the input is `breach`. */
export interface ModelHistory {
  readonly inputs: readonly ModelInput[];
  readonly steps: readonly number[];
}

export type ModelPolicy = Pick<StatePolicy, 'for' | 'everyMs' | 'keepFiringForMs' | 'missing' | 'latch'>;

/** How a series stands after the last slot of a history. */
export interface Verdict {
  readonly state: 'never seen' | 'ok' | 'pending' | 'firing' | 'recovering' | 'nodata';
  /** Slot in which the open incident began; -1 when there is none. */
  readonly begunAt: number;
  /** Slot in which it fired; -1 when it has not. */
  readonly firedAt: number;
  /** Severity of its newest breach; -1 when there is none. */
  readonly step: number;
  /** What the last slot has people told. */
  readonly message: 'firing' | 'resolved' | 'nodata' | undefined;
}

/** What a slot means: `over` is a clear that nothing holds back, `row` one that says nothing, `lost` the slot that makes it nodata. */
type Meaning = 'breach' | 'clear' | 'over' | 'row' | 'nothing' | 'lost' | 'unanswered';

const MEANING_OF_MISSING = { keep: 'nothing', ok: 'over', alert: 'breach', nodata: 'lost' } as const;

interface Incident {
  readonly begunAt: number;
  /** Not after `endedAt`; Infinity when it has not fired. */
  readonly firedAt: number;
  /** Infinity while it is open. */
  readonly endedAt: number;
}

export function judge(history: ModelHistory, policy: ModelPolicy): Verdict {
  const last = history.inputs.length - 1;
  if (history.inputs.every((input) => input === 'unanswered')) return verdict('never seen');
  const story = new Story(history, policy);
  const incident = story.newestIncident();
  if (incident === undefined || incident.endedAt < last) return verdict('ok');
  if (incident.endedAt === last) return { ...verdict('ok'), message: story.isEndTold(incident) ? 'resolved' : undefined };
  const { begunAt, firedAt } = incident;
  const common = { begunAt, firedAt: Number.isFinite(firedAt) ? firedAt : -1, step: story.stepAt(last, begunAt) };
  if (story.isNodata(last)) {
    return { ...common, state: 'nodata', message: story.isLost(last) && !story.isNodata(last - 1) ? 'nodata' : undefined };
  }
  if (!Number.isFinite(firedAt)) return { ...common, state: 'pending', message: undefined };
  const state = story.isRecovering(last, incident) ? 'recovering' : 'firing';
  return { ...common, state, message: story.isFiringTold(last, incident) ? 'firing' : undefined };
}

function verdict(state: Verdict['state']): Verdict {
  return { state, begunAt: -1, firedAt: -1, step: -1, message: undefined };
}

/** Questions to a history; all arguments are slots. */
class Story {
  readonly #meanings: readonly Meaning[];
  readonly #inputs: readonly ModelInput[];
  readonly #steps: readonly number[];
  readonly #policy: ModelPolicy;

  constructor({ inputs, steps }: ModelHistory, policy: ModelPolicy) {
    this.#inputs = inputs;
    this.#steps = steps;
    this.#policy = policy;
    this.#meanings = inputs.map((input, slot) => this.#meaningOf(input, slot));
  }

  #meaningOf(input: ModelInput, slot: number): Meaning {
    if (input === 'hold') return 'row';
    if (input !== 'missing') return input;
    const { policy, after } = this.#policy.missing;
    let missing = 0;
    for (let at = slot; at >= 0 && isWithoutRow(this.#inputs[at]); at--) if (this.#inputs[at] === 'missing') missing++;
    if (missing < after) return 'nothing';
    return MEANING_OF_MISSING[policy];
  }

  newestIncident(): Incident | undefined {
    let incident: Incident | undefined;
    for (let begunAt = this.#beginAfter(-1); begunAt !== -1; begunAt = this.#beginAfter(incident.endedAt)) {
      incident = this.#incidentOf(begunAt);
      if (!Number.isFinite(incident.endedAt)) break;
    }
    return incident;
  }

  #beginAfter(slot: number): number {
    const at = this.#first(slot + 1, (later) => this.#meanings[later] === 'breach' || this.isLost(later));
    return Number.isFinite(at) ? at : -1;
  }

  #incidentOf(begunAt: number): Incident {
    const proved = this.#first(begunAt, (slot) => this.#meanings[slot] === 'breach' && this.#isProved(begunAt, slot));
    const givenUp = this.#first(begunAt + 1, (slot) => this.#isGivenUp(begunAt, slot));
    if (givenUp < proved) return { begunAt, firedAt: Number.POSITIVE_INFINITY, endedAt: givenUp };
    return {
      begunAt,
      firedAt: proved,
      endedAt: this.#first(proved + 1, (slot) => this.#isOver({ begunAt, firedAt: proved }, slot)),
    };
  }

  #first(from: number, is: (slot: number) => boolean): number {
    for (let slot = from; slot < this.#meanings.length; slot++) if (is(slot)) return slot;
    return Number.POSITIVE_INFINITY;
  }

  #isProved(begunAt: number, slot: number): boolean {
    const { for: proof, everyMs } = this.#policy;
    if (!('ms' in proof)) return this.#breachesIn(begunAt, slot, proof.of) >= proof.samples;
    return this.#pairs(begunAt, slot, (at) => this.#meanings[at] === 'breach') * everyMs >= proof.ms;
  }

  /** Neighbouring slots in [from, to] for which it is true of both. */
  #pairs(from: number, to: number, is: (slot: number) => boolean): number {
    let count = 0;
    for (let slot = from + 1; slot <= to; slot++) if (is(slot) && is(slot - 1)) count++;
    return count;
  }

  /** Breaches among the last `of` slots of an incident that had a row, or counted as a breach without one. */
  #breachesIn(begunAt: number, slot: number, of: number): number {
    let samples = 0;
    let breaches = 0;
    for (let at = slot; at >= begunAt && samples < of; at--) {
      const meaning = this.#meanings[at];
      if (meaning === 'breach') breaches++;
      if (meaning === 'breach' || meaning === 'clear' || meaning === 'row') samples++;
    }
    return breaches;
  }

  /** What ends an incident that has not fired. */
  #isGivenUp(begunAt: number, slot: number): boolean {
    const meaning = this.#meanings[slot];
    if (meaning === 'over') return true;
    if (meaning !== 'clear' && meaning !== 'row') return false;
    if (this.isNodata(slot - 1)) return true;
    const { for: proof } = this.#policy;
    return meaning === 'clear' && ('ms' in proof || this.#breachesIn(begunAt, slot, proof.of) === 0);
  }

  /** What ends an incident that has fired: it was clear, with nothing against it, for keep_firing_for. */
  #isOver(incident: Pick<Incident, 'begunAt' | 'firedAt'>, slot: number): boolean {
    const { everyMs, keepFiringForMs } = this.#policy;
    const isClear = (at: number) => this.#isClear(incident.begunAt, at);
    if (!isClear(slot)) return false;
    const since = this.#clearSince(incident, slot);
    return this.#pairs(since, slot, isClear) * everyMs >= keepFiringForMs;
  }

  #isClear(begunAt: number, slot: number): boolean {
    const { for: proof, latch } = this.#policy;
    if (this.#meanings[slot] === 'over') return true;
    if (this.#meanings[slot] !== 'clear' || latch) return false;
    return 'ms' in proof || this.#breachesIn(begunAt, slot, proof.of) < proof.samples;
  }

  /** The first clear slot after the newest one that speaks against it; Infinity without one. */
  #clearSince({ begunAt, firedAt }: Pick<Incident, 'begunAt' | 'firedAt'>, slot: number): number {
    let against = slot;
    while (against > firedAt && this.#meanings[against] !== 'breach' && !this.isLost(against)) against--;
    const since = this.#first(against + 1, (at) => this.#isClear(begunAt, at));
    return since <= slot ? since : Number.POSITIVE_INFINITY;
  }

  isRecovering(slot: number, incident: Incident): boolean {
    return Number.isFinite(this.#clearSince(incident, slot));
  }

  isLost(slot: number): boolean {
    return this.#meanings[slot] === 'lost';
  }

  /** It was lost, and nothing but silence has come since. */
  isNodata(slot: number): boolean {
    let answered = slot;
    while (this.#meanings[answered] === 'unanswered') answered--;
    return this.isLost(answered);
  }

  /** The end is told unless nobody knows of the incident, or it latched. */
  isEndTold({ begunAt, firedAt, endedAt }: Incident): boolean {
    if (Number.isFinite(firedAt)) return !this.#policy.latch;
    return this.#meanings.slice(begunAt, endedAt).includes('lost');
  }

  /** Firing is told when it begins, and when it is worse than before; a latched one when it is worse than ever. */
  isFiringTold(slot: number, { begunAt, firedAt }: Incident): boolean {
    if (slot === firedAt) return true;
    if (this.#meanings[slot] !== 'breach') return false;
    const step = this.stepAt(slot, begunAt);
    if (!this.#policy.latch) return step > this.stepAt(slot - 1, begunAt);
    for (let before = firedAt; before < slot; before++) if (this.stepAt(before, begunAt) >= step) return false;
    return true;
  }

  /** The step of the newest row that breached in the incident. */
  stepAt(slot: number, begunAt: number): number {
    let row = slot;
    while (row >= begunAt && this.#inputs[row] !== 'breach') row--;
    return row < begunAt ? -1 : (this.#steps[row] ?? -1);
  }
}

function isWithoutRow(input: ModelInput | undefined): boolean {
  return input === 'missing' || input === 'unanswered';
}
