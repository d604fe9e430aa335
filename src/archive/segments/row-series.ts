// Which series the rows of a block belong to, and which members of their metadata are the labels of its metric: that cannot be told from the
// rows. Written behind the rows of a block, and read with it. A series is named by one of its rows in the block, of which the place of the
// labels is told, so that nothing is written twice.
//
//   row series = entry*  index*(2)  entries(2)              an index for each row: of its entry
//   entry      = row at(2)  labels at(2)  labels length(2)  row: from the first byte of the rows; labels: from that of the row

/** A series by one of its rows. */
export interface RowSeriesEntry {
  /** Where the row begins in the rows of the block. */
  readonly rowAt: number;
  /** Where its labels begin in the row: members of a JSON object. */
  readonly labelsAt: number;
  readonly labelsLength: number;
}

/** What a block says of its rows. */
export interface RowSeries {
  readonly entries: readonly RowSeriesEntry[];
  /** Index of the entry of a row. @param row counted from 0 */
  entryOf(row: number): number;
}

/** Bytes of an entry. */
export const ENTRY_BYTES = 6;
/** Bytes of an index, and of the number of entries. */
export const INDEX_BYTES = 2;

/**
 * @param content rows, and what says of which series they are behind them
 * @returns undefined when it cannot be that
 */
export function readRowSeries(content: Buffer, rows: number): { frames: Buffer; rowSeries: RowSeries } | undefined {
  if (content.length < INDEX_BYTES) return undefined;
  const countAt = content.length - INDEX_BYTES;
  const count = content.readUInt16BE(countAt);
  const indexesAt = countAt - rows * INDEX_BYTES;
  const entriesAt = indexesAt - count * ENTRY_BYTES;
  if (entriesAt < 0) return undefined;
  const entries: RowSeriesEntry[] = [];
  for (let at = entriesAt; at < indexesAt; at += ENTRY_BYTES) {
    entries.push({
      rowAt: content.readUInt16BE(at),
      labelsAt: content.readUInt16BE(at + 2),
      labelsLength: content.readUInt16BE(at + 4),
    });
  }
  const entryOf = (row: number) => content.readUInt16BE(indexesAt + row * INDEX_BYTES);
  return { frames: content.subarray(0, entriesAt), rowSeries: { entries, entryOf } };
}
