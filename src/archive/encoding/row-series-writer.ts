// Notes the series of a block's rows while they are encoded. On the hot path: a few nanoseconds a row, and no allocation.
import { ENTRY_BYTES, INDEX_BYTES } from '../segments/row-series.ts';
import type { RowTemplate } from './row-template.ts';

/** More rows than any block has room for. */
const MAX_ROWS = 1024;
const VALUES_OF_ENTRY = 3;

export class RowSeriesWriter {
  readonly #indexes = new Uint16Array(MAX_ROWS);
  readonly #entries = new Uint16Array(MAX_ROWS * VALUES_OF_ENTRY);
  #rows = 0;
  #count = 0;
  /** Tells templates of this block from those of earlier ones. */
  #block = 0;

  /** A new block begins. */
  begin(): void {
    this.#rows = 0;
    this.#count = 0;
    this.#block++;
  }

  /** Bytes that it takes when one more row comes; Infinity when none may. */
  get bytesWithNext(): number {
    if (this.#rows === MAX_ROWS) return Infinity;
    return (this.#count + 1) * ENTRY_BYTES + (this.#rows + 2) * INDEX_BYTES;
  }

  /**
   * Notes a row.
   * @param rowAt from the first byte of the block's rows
   * @param labelsAt where its labels begin, from the first byte of the row
   */
  note(template: RowTemplate, rowAt: number, labelsAt: number): void {
    if (template.block !== this.#block) {
      template.block = this.#block;
      template.entry = this.#count;
      const at = this.#count++ * VALUES_OF_ENTRY;
      this.#entries[at] = rowAt;
      this.#entries[at + 1] = labelsAt;
      this.#entries[at + 2] = template.labelsLength;
    }
    this.#indexes[this.#rows++] = template.entry;
  }

  /** Writes what was noted. @returns where it ends */
  write(view: DataView, from: number): number {
    let at = from;
    for (let index = 0; index < this.#count * VALUES_OF_ENTRY; index++, at += 2) view.setUint16(at, this.#entries[index] ?? 0);
    for (let row = 0; row < this.#rows; row++, at += INDEX_BYTES) view.setUint16(at, this.#indexes[row] ?? 0);
    view.setUint16(at, this.#count);
    return at + INDEX_BYTES;
  }
}
