// The labels of each series as text, made once: `method="GET",route="/a"`. Every line of a series is written around it.
import { formatLabels } from '../exposition/exposition-text.ts';
import type { SeriesTable } from './series-table.ts';

/** Kept beside a table, from the first exposition on. */
export class SeriesLabels {
  readonly #table: SeriesTable;
  readonly #texts: string[] = [];

  constructor(table: SeriesTable) {
    this.#table = table;
  }

  /** The labels of a slot; empty for a metric without labels. */
  text(slot: number): string {
    return this.#texts[slot] ?? this.#format(slot);
  }

  #format(slot: number): string {
    const text = formatLabels(this.#table.labelSets[slot] ?? {});
    this.#texts[slot] = text;
    return text;
  }
}
