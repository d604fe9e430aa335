// Notes the series of a block's rows while they are encoded. On the hot path: a few nanoseconds a row, and no allocation.
import {
  ENTRY_BYTES,
  ID_HIGH_AT,
  ID_LOW_AT,
  INDEX_BYTES,
  LABELS_AT,
  LABELS_LENGTH_AT,
  STATUS_AT,
} from '../segments/row-series.ts';
import type { RowTemplate } from './row-template.ts';

/** More rows than any block has room for. */
const MAX_ROWS = 1024;

export class RowSeriesWriter {
  readonly #indexBytes = new Uint8Array(MAX_ROWS * INDEX_BYTES);
  readonly #indexes = new DataView(this.#indexBytes.buffer);
  readonly #entryBytes = new Uint8Array(MAX_ROWS * ENTRY_BYTES);
  readonly #entries = new DataView(this.#entryBytes.buffer);
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
      const entries = this.#entries;
      const at = this.#count++ * ENTRY_BYTES;
      entries.setUint16(at, rowAt);
      entries.setUint16(at + LABELS_AT, labelsAt);
      entries.setUint16(at + LABELS_LENGTH_AT, template.labelsLength);
      entries.setUint16(at + STATUS_AT, template.status);
      entries.setInt32(at + ID_HIGH_AT, template.idHigh);
      entries.setInt32(at + ID_LOW_AT, template.idLow);
    }
    this.#indexes.setUint16(this.#rows++ * INDEX_BYTES, template.entry);
  }

  /** Writes what was noted. @returns where it ends */
  write(target: Buffer, from: number): number {
    const entriesLength = this.#count * ENTRY_BYTES;
    const indexesLength = this.#rows * INDEX_BYTES;
    target.set(this.#entryBytes.subarray(0, entriesLength), from);
    target.set(this.#indexBytes.subarray(0, indexesLength), from + entriesLength);
    return target.writeUInt16BE(this.#count, from + entriesLength + indexesLength);
  }
}
