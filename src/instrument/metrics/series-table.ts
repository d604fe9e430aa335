// The series of one metric: label values to slot numbers, bounded. What finds no place goes to `__other__`: values that were declared, and
// closed labels, stay; so the figures of a declared name stay true whatever its other labels are flooded with.
import { boundLabel } from '../bounded-text.ts';
import { grown } from '../grown.ts';
import { isClosedValue } from './catalogue.ts';
import { Places } from './places.ts';

/** Series per metric, unless told otherwise. */
export const DEFAULT_MAX_SERIES = 2000;
/** The label value of what found no place. */
export const OVERFLOW_VALUE = '__other__';

export type LabelSet = Readonly<Record<string, string>>;

/** Resolving costs a string key: callers keep the slot and use it for every observation. */
export class SeriesTable {
  readonly labelNames: readonly string[];
  /** The label sets, by slot. */
  readonly labelSets: LabelSet[] = [];
  readonly #places: Places;
  readonly #slots = new Map<string, number>();
  readonly #onNewSlot: (slot: number) => void;
  /** 1 for the slots of overflow series; grows with the table. */
  overflowing = new Uint8Array(16);

  /**
   * @param maxSeries half of them, at most, are given to values that come at run time
   * @param onNewSlot told of each new slot before `resolve` returns it
   */
  constructor(labelNames: readonly string[], maxSeries: number, onNewSlot: (slot: number) => void) {
    this.labelNames = labelNames;
    this.#places = new Places(maxSeries);
    this.#onNewSlot = onNewSlot;
  }

  get size(): number {
    return this.labelSets.length;
  }

  /**
   * The slot of the series with these values, in the order of `labelNames`; missing values count as empty. Texts are kept as they are: a
   * piece of something larger should be its own (`ownText`).
   * @param undeclared the labels whose values came at run time; default: all but closed ones
   */
  resolve(values: readonly unknown[], undeclared?: ReadonlySet<string>): number {
    const texts = this.labelNames.map((_, index) => boundLabel(values[index]));
    const known = this.#slots.get(JSON.stringify(texts));
    if (known !== undefined) return known;
    const kept = texts.map((text, index) => {
      const label = this.labelNames[index] ?? '';
      return isClosedValue(label, text) || undeclared?.has(label) === false;
    });
    if (this.#places.take(kept.includes(false) ? 'undeclared' : 'declared')) return this.#add(texts);
    return this.#resolveOverflow(texts, kept);
  }

  /** As much of the series as there is a place for. */
  #resolveOverflow(texts: readonly string[], kept: readonly boolean[]): number {
    const declared = texts.map((text, index) => (kept[index] === true ? text : OVERFLOW_VALUE));
    const closed = texts.map((text, index) => (isClosedValue(this.labelNames[index] ?? '', text) ? text : OVERFLOW_VALUE));
    const last = texts.map(() => OVERFLOW_VALUE);
    const hasDeclared = JSON.stringify(declared) !== JSON.stringify(closed);
    return (
      (hasDeclared ? this.#knownOrNew(declared, 'declared') : undefined) ??
      this.#knownOrNew(closed, 'overflow') ??
      this.#slots.get(JSON.stringify(last)) ??
      this.#add(last)
    );
  }

  #knownOrNew(texts: readonly string[], claim: 'declared' | 'overflow'): number | undefined {
    const known = this.#slots.get(JSON.stringify(texts));
    if (known !== undefined) return known;
    return this.#places.take(claim) ? this.#add(texts) : undefined;
  }

  #add(texts: readonly string[]): number {
    const labels = Object.fromEntries(this.labelNames.map((name, index) => [name, texts[index] ?? '']));
    const slot = this.labelSets.push(labels) - 1;
    this.#slots.set(JSON.stringify(texts), slot);
    this.overflowing = grown(this.overflowing, slot + 1);
    this.overflowing[slot] = texts.includes(OVERFLOW_VALUE) ? 1 : 0;
    this.#onNewSlot(slot);
    return slot;
  }
}
