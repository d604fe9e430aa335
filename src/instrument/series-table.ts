// The series of one metric: label values to slot numbers, bounded. What comes when the table is full goes to `__other__`.
import { boundLabel } from './bounded-text.ts';
import { CLOSED_LABELS } from './catalogue.ts';

/** Series per metric, unless told otherwise. */
export const DEFAULT_MAX_SERIES = 2000;
/** The label value of what found no place. */
export const OVERFLOW_VALUE = '__other__';
/** One in so many slots is kept for overflow series, which keep their closed labels (status, method) apart. */
const RESERVED_SHARE = 20;

export type LabelSet = Readonly<Record<string, string>>;

/** Resolving costs a string key: callers keep the slot and use it for every observation. */
export class SeriesTable {
  readonly labelNames: readonly string[];
  /** The label sets, by slot. */
  readonly labelSets: LabelSet[] = [];
  readonly #maxSeries: number;
  readonly #slots = new Map<string, number>();
  readonly #onNewSlot: (slot: number) => void;
  /** 1 for the slots of overflow series; grows with the table. */
  overflowing = new Uint8Array(16);

  /** @param onNewSlot told of each new slot before `resolve` returns it */
  constructor(labelNames: readonly string[], maxSeries: number, onNewSlot: (slot: number) => void) {
    this.labelNames = labelNames;
    this.#maxSeries = Math.max(2, maxSeries);
    this.#onNewSlot = onNewSlot;
  }

  get size(): number {
    return this.labelSets.length;
  }

  /** The slot of the series with these values, in the order of `labelNames`; missing values count as empty. */
  resolve(values: readonly unknown[]): number {
    const texts = this.labelNames.map((_, index) => boundLabel(values[index]));
    const known = this.#slots.get(JSON.stringify(texts));
    if (known !== undefined) return known;
    const reserved = Math.max(1, Math.floor(this.#maxSeries / RESERVED_SHARE));
    return this.size < this.#maxSeries - reserved ? this.#add(texts) : this.#resolveOverflow(texts);
  }

  #resolveOverflow(texts: readonly string[]): number {
    const others = texts.map((text, index) => (CLOSED_LABELS.has(this.labelNames[index] ?? '') ? text : OVERFLOW_VALUE));
    const known = this.#slots.get(JSON.stringify(others));
    if (known !== undefined) return known;
    if (this.size < this.#maxSeries - 1) return this.#add(others);
    const last = texts.map(() => OVERFLOW_VALUE);
    return this.#slots.get(JSON.stringify(last)) ?? this.#add(last);
  }

  #add(texts: readonly string[]): number {
    const labels = Object.fromEntries(this.labelNames.map((name, index) => [name, texts[index] ?? '']));
    const slot = this.labelSets.push(labels) - 1;
    this.#slots.set(JSON.stringify(texts), slot);
    if (slot >= this.overflowing.length) {
      const larger = new Uint8Array(2 * this.overflowing.length);
      larger.set(this.overflowing);
      this.overflowing = larger;
    }
    this.overflowing[slot] = texts.includes(OVERFLOW_VALUE) ? 1 : 0;
    this.#onNewSlot(slot);
    return slot;
  }
}
