// Timing events to blocks of binary COPY tuples, in one preallocated buffer, without waiting for anything. The hot path of archiving:
// plain and long on purpose. Measured (Node 20): writing UTF-8 is as fast as writing Latin 1 and twice as fast as asking first
// whether it is ASCII; what all events of a series share is encoded once and copied.
import { EVENT_STATUSES, type EventBatch, type EventCounts, type EventSeries, type EventStatus, LANES } from '../event.ts';
import { COLUMNS, POSTGRES_EPOCH_MS } from './copy-tuples.ts';
import { type SourceBits, sourceBits, writeEventId } from './event-id.ts';
import { BLOCK_PREFIX_BYTES, MAX_BLOCK_BYTES, writeBlockPrefix } from './segment-format.ts';

/** Room for a block's prefix and counts before its first tuple. */
const HEAD_BYTES = 1024;
/** A tuple without its texts: column count, 15 lengths, fixed-width fields, version byte and braces of metadata, its marks. */
const FIXED_BYTES = 256;
/** Texts are cut here, in UTF-16 units, so that every event fits in a block; the tracker's own bounds are well below. */
const MAX_NAME = 1000;
const MAX_ERROR = 2000;
const MAX_SERIES_METADATA = 4000;
const MAX_METADATA = 12_000;
/** Ends outside of this are clamped to it and marked. */
const MIN_END_MS = 0;
const MAX_END_MS = Date.UTC(9999, 0, 1);
const TRUNCATED_MARK = '"keepwatch.truncated":true';
const INVALID_TIME_MARK = '"keepwatch.invalid_time":true';
const MICROSECONDS_TO_2000 = POSTGRES_EPOCH_MS * 1000;
const BYTES_OF_32_BITS = 4_294_967_296;

/** name, type, status and service of a series with one status, and its metadata: bytes that many events share. */
interface SeriesBytes {
  readonly head: Readonly<Record<EventStatus, Buffer>>;
  /** `{` and the members. */
  readonly metadata: Buffer;
  readonly isTruncated: boolean;
}

/** Rows that wait in the encoder for `takeBlock`. */
export interface EncodedRows {
  /** Index of the first event that is not in the block. */
  readonly next: number;
  readonly rows: number;
  /** Events that could not be read or encoded, and are in no block. */
  readonly failed: number;
  /** End of the oldest; +Infinity without rows. */
  readonly minEndMs: number;
}

/** One per source and lane: numbers its events. Not to be entered twice at once. */
export class Encoder {
  readonly #sourceId: bigint;
  readonly #sourceBits: SourceBits;
  readonly #buffer = Buffer.allocUnsafeSlow(MAX_BLOCK_BYTES);
  readonly #view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, this.#buffer.length);
  readonly #series = new WeakMap<EventSeries, SeriesBytes>();
  #sequence: number;
  #end = HEAD_BYTES;
  #rows = 0;
  #minEndMs = Infinity;
  #maxEndMs = -Infinity;

  /** @param lane index in LANES: the lanes of a source take turns in numbering */
  constructor(sourceId: bigint, lane: number) {
    this.#sequence = lane;
    this.#sourceId = sourceId;
    this.#sourceBits = sourceBits(sourceId);
  }

  /** Encodes events from index `from` until the block or the batch ends. An event that cannot be read harms no other one. */
  encode(batch: EventBatch, from: number): EncodedRows {
    this.#end = HEAD_BYTES;
    this.#rows = 0;
    this.#minEndMs = Infinity;
    this.#maxEndMs = -Infinity;
    let failed = 0;
    let index = from;
    for (; index < batch.size; index++) {
      const start = this.#end;
      try {
        if (!this.#encodeEvent(batch, index)) break;
      } catch {
        this.#end = start;
        failed++;
      }
    }
    return { next: index, rows: this.#rows, failed, minEndMs: this.#minEndMs };
  }

  /** The block of what was encoded, copied out; its place in a segment is given to it by `finishBlock`. */
  takeBlock(counts: EventCounts, lowWatermarkMs: number): Buffer {
    const json = JSON.stringify(counts);
    const start = HEAD_BYTES - BLOCK_PREFIX_BYTES - Buffer.byteLength(json);
    const countsLength = this.#buffer.write(json, start + BLOCK_PREFIX_BYTES);
    const block = Buffer.from(this.#buffer.subarray(start, this.#end));
    const { rows, minEndMs, maxEndMs } = { rows: this.#rows, minEndMs: this.#minEndMs, maxEndMs: this.#maxEndMs };
    writeBlockPrefix(block, { number: 0, rows, isLast: false, counts, minEndMs, maxEndMs, lowWatermarkMs }, countsLength);
    return block;
  }

  /** @returns false when the event does not fit in what is left of the block */
  // biome-ignore lint/complexity/noExcessiveLinesPerFunction: the hot path, one row in one pass without intermediate objects
  #encodeEvent(batch: EventBatch, index: number): boolean {
    const buffer = this.#buffer;
    const view = this.#view;
    const series = this.#bytesOf(batch.series(index));
    const head = series.head[batch.status(index)];
    const error = cut(batch.error(index), MAX_ERROR);
    const given = batch.metadata(index);
    const isTruncated = series.isTruncated || (given !== undefined && given.length > MAX_METADATA);
    const metadata = given !== undefined && given.length <= MAX_METADATA ? given : '';
    const texts = head.length + series.metadata.length + 3 * (metadata.length + (error?.length ?? 0));
    if (this.#end + FIXED_BYTES + texts > MAX_BLOCK_BYTES) return false;

    const givenEndMs = batch.endMs(index);
    const givenDurationMs = batch.durationMs(index);
    const endMs = clampEnd(givenEndMs, batch.lowWatermarkMs);
    const durationMs = givenDurationMs >= 0 && givenDurationMs <= endMs ? givenDurationMs : 0;
    const isInvalidTime = endMs !== givenEndMs || durationMs !== givenDurationMs;
    const endMicroseconds = Math.round(endMs * 1000) - MICROSECONDS_TO_2000;

    let at = this.#end;
    view.setInt16(at, COLUMNS.length);
    view.setInt32(at + 2, 16);
    writeEventId(buffer, at + 6, endMs, this.#sequence, this.#sourceBits);
    view.setInt32(at + 22, 8);
    setInt64(view, at + 26, endMicroseconds - Math.round(durationMs * 1000));
    view.setInt32(at + 34, 8);
    setInt64(view, at + 38, endMicroseconds);
    view.setInt32(at + 46, 8);
    view.setFloat64(at + 50, durationMs);
    view.setInt32(at + 58, 8);
    view.setBigInt64(at + 62, this.#sourceId);
    // The ids are written where the trace id belongs; the span ids are moved on from there to behind the texts, which then overwrite them.
    const present = batch.writeIds(index, buffer, at + 74);
    const hasSpan = (present & 1) !== 0;
    const hasParent = (present & 2) !== 0;
    const spanHigh = view.getInt32(at + 90);
    const spanLow = view.getInt32(at + 94);
    const parentHigh = view.getInt32(at + 98);
    const parentLow = view.getInt32(at + 102);
    view.setInt32(at + 70, hasSpan ? 16 : -1);
    at += hasSpan ? 90 : 74;
    view.setInt32(at, 4);
    view.setInt32(at + 4, clampWeight(batch.weight(index)));
    at += 8;
    buffer.set(head, at);
    at += head.length;
    at = setSpanId(view, at, hasSpan, spanHigh, spanLow);
    at = setSpanId(view, at, hasParent, parentHigh, parentLow);
    const errorBytes = error === undefined ? -1 : buffer.write(error, at + 4);
    view.setInt32(at, errorBytes);
    at += 4 + Math.max(errorBytes, 0);

    const metadataAt = at;
    buffer[at + 4] = 1;
    buffer.set(series.metadata, at + 5);
    at += 5 + series.metadata.length;
    if (metadata !== '') at = this.#addMembers(metadata, metadataAt, at);
    if (isTruncated) at = this.#addMembers(TRUNCATED_MARK, metadataAt, at);
    if (isInvalidTime) at = this.#addMembers(INVALID_TIME_MARK, metadataAt, at);
    buffer[at++] = 0x7d;
    view.setInt32(metadataAt, at - metadataAt - 4);

    this.#end = at;
    this.#rows++;
    this.#sequence += LANES.length;
    if (endMs < this.#minEndMs) this.#minEndMs = endMs;
    if (endMs > this.#maxEndMs) this.#maxEndMs = endMs;
    return true;
  }

  /** Adds members to the JSON object whose field begins at `fieldAt`, with a comma unless they are its first ones. */
  #addMembers(members: string, fieldAt: number, at: number): number {
    let end = at;
    if (end > fieldAt + 6) this.#buffer[end++] = 0x2c;
    return end + this.#buffer.write(members, end);
  }

  #bytesOf(series: EventSeries): SeriesBytes {
    let bytes = this.#series.get(series);
    if (bytes === undefined) {
      bytes = encodeSeries(series);
      this.#series.set(series, bytes);
    }
    return bytes;
  }
}

function encodeSeries(series: EventSeries): SeriesBytes {
  const isTruncated = series.metadata.length > MAX_SERIES_METADATA;
  const head = (status: EventStatus): Buffer =>
    Buffer.concat([series.name, series.type, status, series.service].map((text) => textField(cut(text, MAX_NAME))));
  return {
    head: Object.fromEntries(EVENT_STATUSES.map((status) => [status, head(status)])) as Record<EventStatus, Buffer>,
    metadata: Buffer.from(`{${isTruncated ? '' : series.metadata}`),
    isTruncated,
  };
}

function textField(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function cut(text: string, length: number): string;
function cut(text: string | undefined, length: number): string | undefined;
function cut(text: string | undefined, length: number): string | undefined {
  return text !== undefined && text.length > length ? text.slice(0, length) : text;
}

/** A time that cannot be stored becomes the nearest that can; NaN becomes the batch's watermark. */
function clampEnd(endMs: number, lowWatermarkMs: number): number {
  if (endMs >= MIN_END_MS && endMs <= MAX_END_MS) return endMs;
  if (Number.isNaN(endMs)) return lowWatermarkMs >= MIN_END_MS && lowWatermarkMs <= MAX_END_MS ? lowWatermarkMs : MIN_END_MS;
  return endMs > MAX_END_MS ? MAX_END_MS : MIN_END_MS;
}

function clampWeight(weight: number): number {
  return weight >= 1 ? Math.min(Math.floor(weight), 2_147_483_647) : 1;
}

function setInt64(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / BYTES_OF_32_BITS);
  view.setInt32(at, high);
  view.setUint32(at + 4, value - high * BYTES_OF_32_BITS);
}

function setSpanId(view: DataView, at: number, isPresent: boolean, high: number, low: number): number {
  view.setInt32(at, isPresent ? 8 : -1);
  if (!isPresent) return at + 4;
  view.setInt32(at + 4, high);
  view.setInt32(at + 8, low);
  return at + 12;
}
