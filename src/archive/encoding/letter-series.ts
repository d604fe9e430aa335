// Which series a dead letter is of, read from the tuple that it is.
import { logLevelName } from '../../log.ts';
import { COLUMNS, LOG_COLUMNS } from '../segments/copy-tuples.ts';
import { LOG_TYPE, readSmallint } from './tuple-levels.ts';
import { eachSeries } from './tuple-series.ts';

const FIELDS = Math.max(COLUMNS.indexOf('type'), COLUMNS.indexOf('name')) + 1;
const LEVEL_FIELD = LOG_COLUMNS.indexOf('level');

export interface LetterSeries {
  readonly type: string;
  readonly name: string;
}

/** @param head may be cut off behind the fields that name the series @returns undefined when they cannot be read */
export function letterSeries(head: Buffer, lane: string): LetterSeries | undefined {
  if (lane === 'logs') {
    const level = readSmallint(head, LEVEL_FIELD);
    return level === undefined ? undefined : { type: LOG_TYPE, name: logLevelName(level) };
  }
  if (head.length < 2 || head.readInt16BE(0) < FIELDS) return undefined;
  const tuple = Buffer.from(head);
  tuple.writeInt16BE(FIELDS, 0);
  let found: LetterSeries | undefined;
  eachSeries(tuple, COLUMNS, (type, name) => {
    found ??= { type, name };
  });
  return found;
}
