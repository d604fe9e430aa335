// What a process has evaluated since its start, counted for self-metrics.
import type { Evaluation } from './evaluate.ts';

/** As Prometheus has a histogram: each bucket counts all that took at most `le` seconds. */
export interface DurationHistogram {
  readonly sum: number;
  readonly count: number;
  readonly buckets: readonly { readonly le: string; readonly count: number }[];
}

export interface EvaluationNumbers {
  /** Evaluations of rules by outcome. */
  readonly evaluations: readonly { readonly outcome: 'ok' | 'error'; readonly count: number }[];
  /** Of those, evaluations that had no answer when the time of their group was over, or for which there was no room. */
  readonly evaluationsCut: number;
  /** Slots that were left out, as newer ones were due. */
  readonly slotsMissed: number;
  /** Sources that slots do not wait for, as nobody has heard of them for 30 s, and that were not closed: as of the newest pass. */
  readonly silentSources: number;
  /** Seconds per slot of a group: queries and commit. */
  readonly evaluationSeconds: DurationHistogram;
}

/** A slot of every second has to be done within one; a group of many rules may take a part of its minute. */
const BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class EvaluationCounts {
  readonly #buckets = BOUNDS_S.map(() => 0);
  readonly #outcomes = { ok: 0, error: 0 };
  #sum = 0;
  #count = 0;
  #evaluationsCut = 0;
  #slotsMissed = 0;
  #silentSources = 0;

  /** @param seconds that a slot of a group took, whether it could be committed or not */
  observe(seconds: number): void {
    this.#sum += seconds;
    this.#count++;
    const bucket = BOUNDS_S.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
  }

  /** A slot that this process has committed. */
  commit(evaluations: readonly Pick<Evaluation, 'outcome' | 'isCut'>[], missed: number): void {
    for (const { outcome, isCut = false } of evaluations) {
      this.#outcomes[outcome]++;
      if (isCut) this.#evaluationsCut++;
    }
    this.#slotsMissed += missed;
  }

  /** What a pass has seen of sources. */
  see(silentSources: number): void {
    this.#silentSources = silentSources;
  }

  get numbers(): EvaluationNumbers {
    let total = 0;
    const buckets = BOUNDS_S.map((bound, index) => {
      total += this.#buckets[index] ?? 0;
      return { le: String(bound), count: total };
    });
    return {
      evaluations: [
        { outcome: 'ok', count: this.#outcomes.ok },
        { outcome: 'error', count: this.#outcomes.error },
      ],
      evaluationsCut: this.#evaluationsCut,
      slotsMissed: this.#slotsMissed,
      silentSources: this.#silentSources,
      evaluationSeconds: { sum: this.#sum, count: this.#count, buckets: [...buckets, { le: '+Inf', count: this.#count }] },
    };
  }
}
