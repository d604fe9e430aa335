// Timing events to blocks of binary COPY tuples, in preallocated memory, without waiting for anything. The hot path of archiving: plain
// and long on purpose. Measured (Node 20): copying a row that the series shares and patching it is twice as fast as writing its fields;
// writing UTF-8 is as fast as writing Latin 1 and twice as fast as asking first whether it is ASCII.
import { type EventBatch, type EventCounts, type EventSeries, LANES } from '../event.ts';
import { BlockPages, type Page } from './block-pages.ts';
import { POSTGRES_EPOCH_MS } from './copy-tuples.ts';
import { type SourceBits, sourceBits, writeEventId } from './event-id.ts';
import { goFirst } from './member-order.ts';
import { DURATION_AT, END_AT, ID_AT, MEMBERS_AT, SeriesRows, START_AT, TRACE_AT } from './row-template.ts';
import { BLOCK_PREFIX_BYTES, MAX_BLOCK_BYTES, writeBlockPrefix } from './segment-format.ts';
import { mayBeUnstorable, REPLACED_MARK, storableJson, storableText, TRUNCATED_MARK } from './storable-text.ts';

/** Room for a block's prefix and counts before its first tuple. */
const HEAD_BYTES = 1024;
/** A block with fewer bytes is copied out: many of them may wait for the disk, and each would hold a whole page. */
const MIN_PAGE_BYTES = MAX_BLOCK_BYTES / 2;
/** Room for the marks of an event, and what closes its metadata. */
const MARKS_BYTES = 128;
/** Texts are cut here, in UTF-16 units, so that every event fits in a block; the tracker's own bounds are well below. */
const MAX_ERROR = 2000;
const MAX_METADATA = 12_000;
const MAX_BYTES_OF_UNIT = 3;
/** Ends outside of this are clamped to it and marked. */
const MIN_END_MS = 0;
const MAX_END_MS = Date.UTC(9999, 0, 1);
const MAX_WEIGHT = 2_147_483_647;
const INVALID_TIME_MARK = '"keepwatch.invalid_time":true';
const INVALID_WEIGHT_MARK = '"keepwatch.invalid_weight":true';
const MICROSECONDS_TO_2000 = POSTGRES_EPOCH_MS * 1000;
const BYTES_OF_32_BITS = 4_294_967_296;
const COMMA = 0x2c;
const CLOSING_BRACE = 0x7d;

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

/** A block whose place in a segment is not known yet. */
export interface EncodedBlock {
  readonly bytes: Buffer;
  /** What `bytes` is a part of, for `recycle`; undefined where it has memory of its own. */
  readonly page: Page | undefined;
}

/** One per source and lane: numbers its events. Not to be entered twice at once. */
export class Encoder {
  readonly #sourceId: bigint;
  readonly #sourceBits: SourceBits;
  readonly #pages = new BlockPages();
  #page = this.#pages.take();
  /** Ids as the batch writes them: trace, span, parent. */
  readonly #ids = Buffer.alloc(32);
  readonly #idsView = new DataView(this.#ids.buffer, this.#ids.byteOffset, this.#ids.length);
  readonly #series = new WeakMap<EventSeries, SeriesRows>();
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
      try {
        if (!this.#encodeEvent(batch, index)) break;
      } catch {
        failed++;
      }
    }
    return { next: index, rows: this.#rows, failed, minEndMs: this.#minEndMs };
  }

  /** The block of what was encoded; its place in a segment is given to it by `finishBlock`. */
  takeBlock(counts: EventCounts, lowWatermarkMs: number): EncodedBlock {
    const page = this.#page;
    const json = JSON.stringify(counts);
    const start = HEAD_BYTES - BLOCK_PREFIX_BYTES - Buffer.byteLength(json);
    const countsLength = page.bytes.write(json, start + BLOCK_PREFIX_BYTES);
    const filled = page.bytes.subarray(start, this.#end);
    const { rows, minEndMs, maxEndMs } = { rows: this.#rows, minEndMs: this.#minEndMs, maxEndMs: this.#maxEndMs };
    writeBlockPrefix(filled, { number: 0, rows, isLast: false, counts, minEndMs, maxEndMs, lowWatermarkMs }, countsLength);
    if (filled.length < MIN_PAGE_BYTES) return { bytes: Buffer.from(filled), page: undefined };
    this.#page = this.#pages.take();
    return { bytes: filled, page };
  }

  /** Takes back the memory of a block that is on the disk: nobody may read or write it any more. */
  recycle({ page }: Pick<EncodedBlock, 'page'>): void {
    if (page !== undefined) this.#pages.giveBack(page);
  }

  /** @returns false when the event does not fit in what is left of the block */
  // biome-ignore lint/complexity/noExcessiveLinesPerFunction: the hot path, one row in one pass without intermediate objects
  #encodeEvent(batch: EventBatch, index: number): boolean {
    const { bytes, view } = this.#page;
    const ids = this.#idsView;
    const at = this.#end;
    const present = batch.writeIds(index, this.#ids, 0);
    const row = this.#rowsOf(batch.series(index)).template(batch.status(index), present);
    const error = batch.error(index);
    const metadata = batch.metadata(index);
    const room =
      row.bytes.length + MAX_BYTES_OF_UNIT * (boundOf(metadata, MAX_METADATA) + boundOf(error, MAX_ERROR)) + MARKS_BYTES;
    if (at + room > MAX_BLOCK_BYTES) return false;

    const givenEndMs = batch.endMs(index);
    const givenDurationMs = batch.durationMs(index);
    const givenWeight = batch.weight(index);
    const endMs = clampEnd(givenEndMs, batch.lowWatermarkMs);
    const durationMs = givenDurationMs >= 0 && givenDurationMs <= endMs ? givenDurationMs : 0;
    const weight = clampWeight(givenWeight);
    const endMicroseconds = Math.round(endMs * 1000) - MICROSECONDS_TO_2000;

    bytes.set(row.bytes, at);
    writeEventId(view, at + ID_AT, endMs, this.#sequence, this.#sourceBits);
    setInt64(view, at + START_AT, endMicroseconds - Math.round(durationMs * 1000));
    setInt64(view, at + END_AT, endMicroseconds);
    view.setFloat64(at + DURATION_AT, durationMs);
    view.setInt32(at + row.weightAt, weight);
    if (row.spanAt !== 0) {
      view.setInt32(at + TRACE_AT, ids.getInt32(0));
      view.setInt32(at + TRACE_AT + 4, ids.getInt32(4));
      view.setInt32(at + TRACE_AT + 8, ids.getInt32(8));
      view.setInt32(at + TRACE_AT + 12, ids.getInt32(12));
      view.setInt32(at + row.spanAt, ids.getInt32(16));
      view.setInt32(at + row.spanAt + 4, ids.getInt32(20));
      if (row.parentAt !== 0) {
        view.setInt32(at + row.parentAt, ids.getInt32(24));
        view.setInt32(at + row.parentAt + 4, ids.getInt32(28));
      }
    }
    let metadataAt = at + row.errorAt + 4;
    let marks = '';
    if (error !== undefined) {
      const { text, isCut, isReplaced } = storableText(error, MAX_ERROR);
      const length = bytes.write(text, metadataAt);
      view.setInt32(metadataAt - 4, length);
      metadataAt += length;
      bytes.set(row.metadata, metadataAt);
      if (isCut) marks = addMember(marks, TRUNCATED_MARK);
      if (isReplaced) marks = addMember(marks, REPLACED_MARK);
    }
    let end = metadataAt + row.metadata.length;
    let hasMembers = row.hasMembers;
    if (metadata !== undefined && metadata !== '') {
      if (metadata.length > MAX_METADATA) {
        marks = addMember(marks, TRUNCATED_MARK);
      } else {
        const members = mayBeUnstorable(metadata) ? storableJson(metadata) : metadata;
        if (members !== metadata) marks = addMember(marks, REPLACED_MARK);
        if (row.shared !== undefined && goFirst(members, row.shared)) {
          end = metadataAt + MEMBERS_AT;
          end += bytes.write(members, end);
          bytes[end++] = COMMA;
          bytes.set(row.members, end);
          end += row.members.length;
        } else {
          if (hasMembers) bytes[end++] = COMMA;
          end += bytes.write(members, end);
        }
        hasMembers = true;
      }
    }
    if (endMs !== givenEndMs || durationMs !== givenDurationMs) marks = addMember(marks, INVALID_TIME_MARK);
    if (weight !== givenWeight) marks = addMember(marks, INVALID_WEIGHT_MARK);
    if (marks !== '') {
      if (hasMembers) bytes[end++] = COMMA;
      end += bytes.write(marks, end);
    }
    bytes[end++] = CLOSING_BRACE;
    view.setInt32(metadataAt, end - metadataAt - 4);

    this.#end = end;
    this.#rows++;
    this.#sequence += LANES.length;
    if (endMs < this.#minEndMs) this.#minEndMs = endMs;
    if (endMs > this.#maxEndMs) this.#maxEndMs = endMs;
    return true;
  }

  #rowsOf(series: EventSeries): SeriesRows {
    let rows = this.#series.get(series);
    if (rows === undefined) {
      rows = new SeriesRows(series, this.#sourceId);
      this.#series.set(series, rows);
    }
    return rows;
  }
}

function boundOf(text: string | undefined, maxLength: number): number {
  return text === undefined ? 0 : Math.min(text.length, maxLength);
}

function addMember(members: string, member: string): string {
  return members === '' ? member : `${members},${member}`;
}

/** A time that cannot be stored becomes the nearest that can; NaN becomes the batch's watermark. */
function clampEnd(endMs: number, lowWatermarkMs: number): number {
  if (endMs >= MIN_END_MS && endMs <= MAX_END_MS) return endMs;
  if (Number.isNaN(endMs)) return lowWatermarkMs >= MIN_END_MS && lowWatermarkMs <= MAX_END_MS ? lowWatermarkMs : MIN_END_MS;
  return endMs > MAX_END_MS ? MAX_END_MS : MIN_END_MS;
}

function clampWeight(weight: number): number {
  return weight >= 1 ? Math.min(Math.floor(weight), MAX_WEIGHT) : 1;
}

function setInt64(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / BYTES_OF_32_BITS);
  view.setInt32(at, high);
  view.setUint32(at + 4, value - high * BYTES_OF_32_BITS);
}
