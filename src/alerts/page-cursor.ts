// Where a page of rows ended that are read newest first, by a time and an id. A text to clients; checked when it comes back.
import { z } from 'zod';
import { KeepwatchError } from '../errors.ts';

/** Time (ISO 8601 in UTC, with microseconds) and id of the last row of a page. */
export type Position = readonly [time: string, id: string];

const FORMAT = 1;
const cursorSchema = z.tuple([
  z.literal(FORMAT),
  z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
  z.string().max(100),
]);

/** @param rows one more than the limit where there is another page */
export function cursorBehind<Row>(
  rows: readonly Row[],
  limit: number,
  positionOf: (row: Row) => Position,
): { readonly cursor?: string } {
  const last = rows[limit - 1];
  return last === undefined || rows.length <= limit ? {} : { cursor: createCursor(positionOf(last)) };
}

export function createCursor(position: Position): string {
  return Buffer.from(JSON.stringify([FORMAT, ...position])).toString('base64url');
}

/** @param id what ids look like @throws KeepwatchError ERR_USAGE when the cursor is none of ours */
export function parseCursor(cursor: string, id: RegExp): Position {
  try {
    const [, time, given] = cursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    if (!id.test(given) || !isTime(time)) throw new TypeError('a time or an id that is none');
    return [time, given];
  } catch (cause) {
    const given = JSON.stringify(cursor.slice(0, 100));
    throw new KeepwatchError('ERR_USAGE', `cursor: got ${given}; allowed: what an earlier answer gave as cursor`, { cause });
  }
}

/** There is a 31st of February in texts alone. */
function isTime(time: string): boolean {
  const seconds = time.slice(0, 19);
  return !Number.isNaN(Date.parse(`${seconds}Z`)) && new Date(`${seconds}Z`).toISOString().startsWith(seconds);
}
