// Which series the rows of a block belong to: type and name, read from tuples of binary COPY without taking them apart.
import { seriesName } from '../segments/series-counts.ts';

/**
 * Tells type and name of each row.
 * @param columns of the tuples
 * @returns how many rows could be read: fewer when what follows is no tuple, or cut off
 */
export function eachSeries(frames: Buffer, columns: readonly string[], tell: (type: string, name: string) => void): number {
  const typeField = columns.indexOf('type');
  const nameField = columns.indexOf('name');
  let rows = 0;
  for (let at = 0; at + 2 <= frames.length; ) {
    const fields = frames.readInt16BE(at);
    let next = at + 2;
    let type: string | undefined;
    let name: string | undefined;
    for (let field = 0; field < fields; field++) {
      if (next + 4 > frames.length) return rows;
      const length = Math.max(0, frames.readInt32BE(next));
      next += 4 + length;
      if (next > frames.length) return rows;
      if (field === typeField) type = frames.toString('utf8', next - length, next);
      else if (field === nameField) name = frames.toString('utf8', next - length, next);
    }
    if (fields < 1 || type === undefined || name === undefined) return rows;
    tell(type, seriesName(name));
    rows++;
    at = next;
  }
  return rows;
}
