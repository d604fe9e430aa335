// Which series the rows of a block belong to, and which members of their metadata are the labels of its metric: that cannot be told from the
// rows. Written behind the rows of a block, and read with it. A series is named by its id, so that who knows it need not read its texts, and
// by one of its rows in the block, of which the place of the labels is told, so that nothing is written twice.
//
//   row series = entry*  index*(2)  entries(2)              an index for each row: of its entry
//   entry      = row at(2)  labels at(2)  labels length(2)  row: from the first byte of the rows; labels: from that of the row
//                status(2)  series id(8)                    status: its place in EVENT_STATUSES; id: keepwatch.series_id(), of 63 bits

/** Bytes of an entry, and where its numbers stand. */
export const ENTRY_BYTES = 16;
export const LABELS_AT = 2;
export const LABELS_LENGTH_AT = 4;
export const STATUS_AT = 6;
export const ID_HIGH_AT = 8;
export const ID_LOW_AT = 12;
/** Bytes of an index, and of the number of entries. */
export const INDEX_BYTES = 2;

/** A series by one of its rows. */
export interface RowSeriesEntry {
  /** Where the row begins in the rows of the block. */
  readonly rowAt: number;
  /** Where its labels begin in the row: members of a JSON object. */
  readonly labelsAt: number;
  readonly labelsLength: number;
  /** Of the series, as its writer says; two signed integers. */
  readonly idHigh: number;
  readonly idLow: number;
  /** Place in EVENT_STATUSES. */
  readonly status: number;
}

/** What a block says of its rows: a view of its bytes. None of it is believed to fit them. */
export class RowSeries {
  /** How many entries there are. */
  readonly count: number;
  readonly #view: DataView;
  readonly #rows: number;
  readonly #indexesAt: number;

  /** @param bytes entries and indexes */
  constructor(bytes: Buffer, rows: number, count: number) {
    this.count = count;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#rows = rows;
    this.#indexesAt = count * ENTRY_BYTES;
  }

  /** Index of the entry of a row; -1 where there is none. @param row counted from 0 */
  entryOf(row: number): number {
    if (row >= this.#rows) return -1;
    const index = this.#view.getUint16(this.#indexesAt + row * INDEX_BYTES);
    return index < this.count ? index : -1;
  }

  /** @param index from 0 to below `count` */
  entry(index: number): RowSeriesEntry {
    const view = this.#view;
    const at = index * ENTRY_BYTES;
    return {
      rowAt: view.getUint16(at),
      labelsAt: view.getUint16(at + LABELS_AT),
      labelsLength: view.getUint16(at + LABELS_LENGTH_AT),
      status: view.getUint16(at + STATUS_AT),
      idHigh: view.getInt32(at + ID_HIGH_AT),
      idLow: view.getInt32(at + ID_LOW_AT),
    };
  }
}

/**
 * @param content rows, and what says of which series they are behind them
 * @returns undefined when it cannot be that
 */
export function readRowSeries(content: Buffer, rows: number): { frames: Buffer; rowSeries: RowSeries } | undefined {
  if (content.length < INDEX_BYTES) return undefined;
  const countAt = content.length - INDEX_BYTES;
  const count = content.readUInt16BE(countAt);
  const entriesAt = countAt - rows * INDEX_BYTES - count * ENTRY_BYTES;
  if (entriesAt < 0) return undefined;
  return { frames: content.subarray(0, entriesAt), rowSeries: new RowSeries(content.subarray(entriesAt, countAt), rows, count) };
}
