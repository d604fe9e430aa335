// Tuples of binary COPY: the columns that we write, and how to find the rows in bytes that hold them. No input or output.
// Format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
import { KeepwatchError } from '../../errors.ts';

/** The columns of an event's row as the encoder writes them, in order; `created_at` is left to its default. */
export const COLUMNS = [
  'id',
  'start_time',
  'end_time',
  'duration_ms',
  'source_id',
  'trace_id',
  'weight',
  'name',
  'type',
  'status',
  'service',
  'span_id',
  'parent_span_id',
  'error',
  'metadata',
] as const;

/** The columns of a log line's row, likewise. */
export const LOG_COLUMNS = [
  'id',
  'time',
  'source_id',
  'trace_id',
  'level',
  'service',
  'logger',
  'message',
  'span_id',
  'attributes',
] as const;

/** What COPY wants before the first tuple: signature, no flags, no extension. */
export const COPY_HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
/** What it wants after the last one. */
export const COPY_TRAILER = Buffer.from([0xff, 0xff]);

/** Milliseconds from the Unix epoch to 2000-01-01, where Postgres counts from. */
export const POSTGRES_EPOCH_MS = 946_684_800_000;

/**
 * The rows in `frames`, each a view of its bytes.
 * @throws KeepwatchError ERR_SEGMENT_INVALID when the lengths in it do not add up to the end
 */
export function splitTuples(frames: Buffer): Buffer[] {
  const tuples: Buffer[] = [];
  let start = 0;
  while (start < frames.length) {
    const end = skipFields(frames, start + 2, start + 2 <= frames.length ? frames.readInt16BE(start) : -1);
    tuples.push(frames.subarray(start, end));
    start = end;
  }
  return tuples;
}

/**
 * A timestamptz field of a tuple in milliseconds since the epoch.
 * @throws KeepwatchError ERR_SEGMENT_INVALID when the tuple has no such field of eight bytes
 */
export function readTimestampMs(tuple: Buffer, field: number): number {
  const at = skipFields(tuple, 2, field);
  if (at + 12 > tuple.length || tuple.readInt32BE(at) !== 8) throw invalid(at);
  return (Number(tuple.readBigInt64BE(at + 4)) + POSTGRES_EPOCH_MS * 1000) / 1000;
}

function skipFields(bytes: Buffer, from: number, fields: number): number {
  if (fields < 0) throw invalid(from);
  let at = from;
  for (let field = 0; field < fields; field++) {
    if (at + 4 > bytes.length) throw invalid(at);
    const length = bytes.readInt32BE(at);
    if (length < -1) throw invalid(at);
    at += 4 + Math.max(length, 0);
  }
  if (at > bytes.length) throw invalid(at);
  return at;
}

function invalid(offset: number): KeepwatchError {
  return new KeepwatchError('ERR_SEGMENT_INVALID', `the bytes at offset ${offset} are no tuple of binary COPY`);
}
