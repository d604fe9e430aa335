// Where a page of events ended, and of which question: a text that a client gives back as it is.
import { z } from 'zod';
import { KeepwatchError } from '../../errors.ts';
import type { TimeRange } from './event-filter.ts';

/** The last event of a page, by time (ISO 8601 with microseconds) and id. */
export interface EventPosition {
  readonly time: string;
  readonly id: string;
}

export interface EventCursor extends EventPosition {
  /** The range of the first page: the following ones keep it, also when it was "the last hour". */
  readonly range: TimeRange;
  readonly filterHash: string;
}

const FORMAT = 1;
const cursorSchema = z.tuple([
  z.literal(FORMAT),
  z.int().nonnegative(),
  z.int().nonnegative(),
  z.iso.datetime(),
  z.guid(),
  z.string(),
]);

export function formatCursor({ range, time, id, filterHash }: EventCursor): string {
  const members = [FORMAT, range.from.getTime(), range.to.getTime(), time, id, filterHash];
  return Buffer.from(JSON.stringify(members)).toString('base64url');
}

/** @throws KeepwatchError ERR_USAGE when it is none of ours */
export function parseCursor(cursor: string): EventCursor {
  try {
    const text = Buffer.from(cursor, 'base64url').toString();
    const [, from, to, time, id, filterHash] = cursorSchema.parse(JSON.parse(text));
    return { range: { from: new Date(from), to: new Date(to) }, time, id, filterHash };
  } catch (cause) {
    throw refuseCursor(cursor, 'what an earlier answer gave as cursor', cause);
  }
}

/** The error of a cursor that cannot be taken. */
export function refuseCursor(cursor: string, allowed: string, cause?: unknown): KeepwatchError {
  const given = JSON.stringify(cursor.slice(0, 100));
  return new KeepwatchError('ERR_USAGE', `cursor: got ${given}; allowed: ${allowed}`, { cause });
}
