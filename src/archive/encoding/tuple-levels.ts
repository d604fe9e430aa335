// Which levels the log lines of a block have, read from tuples of binary COPY: the series that they are counted by.
import { logLevelName } from '../../log.ts';
import { splitTuples } from '../segments/copy-tuples.ts';

/** The type of all series of log lines; their names are those of levels. */
export const LOG_TYPE = 'log';

/** Tells type and name of each line's series; nothing of bytes that are no lines. @param columns of the tuples */
export function eachLevel(frames: Buffer, columns: readonly string[], tell: (type: string, name: string) => void): void {
  const levelField = columns.indexOf('level');
  try {
    for (const tuple of splitTuples(frames)) {
      const level = readSmallint(tuple, levelField);
      if (level !== undefined) tell(LOG_TYPE, logLevelName(level));
    }
  } catch {
    // Cut off, or written by something else.
  }
}

/** @returns undefined when the tuple ends before the field, or it is no smallint */
export function readSmallint(tuple: Buffer, field: number): number | undefined {
  let at = 2;
  for (let left = field; left >= 0; left--) {
    if (at + 4 > tuple.length) return undefined;
    const length = tuple.readInt32BE(at);
    at += 4;
    if (left === 0) return length === 2 && at + 2 <= tuple.length ? tuple.readInt16BE(at) : undefined;
    at += Math.max(0, length);
  }
  return undefined;
}
