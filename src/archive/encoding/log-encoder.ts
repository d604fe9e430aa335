// Log lines to blocks of binary COPY tuples. Field by field: a line costs its logger ten times as much as it costs here.
import type { EventCounts } from '../../event.ts';
import { type SourceBits, sourceBits, writeEventId } from '../../event-id.ts';
import { type LogBatch, type LogLine, MAX_LOG_LEVEL } from '../../log.ts';
import { REPLACED_MARK, storableMembers, storableText, TRUNCATED_MARK } from '../../storable-text.ts';
import { LOG_COLUMNS, POSTGRES_EPOCH_MS } from '../segments/copy-tuples.ts';
import { BLOCK_PREFIX_BYTES, MAX_BLOCK_BYTES, writeBlockPrefix } from '../segments/segment-format.ts';
import type { EncodedBlock, EncodedRows } from './encoder.ts';

/** Room for a block's prefix and counts before its first tuple. */
const HEAD_BYTES = 1024;
/** Texts are cut here, in UTF-16 units, so that every line fits in a block; the bounds of the log stream are below. */
const MAX_MESSAGE = 8000;
const MAX_ATTRIBUTES = 8000;
const MAX_LOGGER = 200;
const MAX_SERVICE = 1000;
const MAX_BYTES_OF_UNIT = 3;
/** Room for all fields that are no text, the lengths, and the marks. */
const FIXED_BYTES = 256;
/** Times outside of this are clamped to it and marked. */
const MAX_TIME_MS = Date.UTC(9999, 0, 1);
const INVALID_TIME_MARK = '"keepwatch.invalid_time":true';
/** Numbers of lines begin here, those of events at zero: within a source no two ids are the same. */
const FIRST_SEQUENCE = 0x8000_0000;
const JSONB_VERSION = 1;
const TRACE_ID = /^[\da-f]{32}$/;
const SPAN_ID = /^[\da-f]{16}$/;

/** One per source: numbers its lines. */
export class LogEncoder {
  readonly #sourceId: bigint;
  readonly #sourceBits: SourceBits;
  readonly #page = Buffer.allocUnsafeSlow(MAX_BLOCK_BYTES);
  readonly #view = new DataView(this.#page.buffer);
  #sequence = FIRST_SEQUENCE;
  #end = HEAD_BYTES;
  #rows = 0;
  #minMs = Infinity;
  #maxMs = -Infinity;

  constructor(sourceId: bigint) {
    this.#sourceId = sourceId;
    this.#sourceBits = sourceBits(sourceId);
  }

  /** Encodes lines from index `from` until the block or the batch ends. A line that cannot be read harms no other one. */
  encode(batch: LogBatch, from: number): EncodedRows {
    this.#end = HEAD_BYTES;
    this.#rows = 0;
    this.#minMs = Infinity;
    this.#maxMs = -Infinity;
    let failed = 0;
    let index = from;
    for (; index < batch.size; index++) {
      try {
        if (!this.#encodeLine(batch.line(index))) break;
      } catch {
        failed++;
      }
    }
    return { next: index, rows: this.#rows, failed, minEndMs: this.#minMs };
  }

  /** The block of what was encoded, with memory of its own; its place in a segment is given to it by `finishBlock`. */
  takeBlock(counts: EventCounts, lowWatermarkMs: number): EncodedBlock {
    const json = JSON.stringify(counts);
    const start = HEAD_BYTES - BLOCK_PREFIX_BYTES - Buffer.byteLength(json);
    const countsLength = this.#page.write(json, start + BLOCK_PREFIX_BYTES);
    const bytes = Buffer.from(this.#page.subarray(start, this.#end));
    const head = { number: 0, rows: this.#rows, isLast: false, counts, lowWatermarkMs };
    writeBlockPrefix(bytes, { ...head, minEndMs: this.#minMs, maxEndMs: this.#maxMs }, countsLength);
    return { bytes, page: undefined };
  }

  /** Blocks have memory of their own. */
  recycle(): void {}

  /** @returns false when the line does not fit in what is left of the block */
  #encodeLine(line: LogLine): boolean {
    const timeMs = line.timeMs >= 0 && line.timeMs <= MAX_TIME_MS ? line.timeMs : nearestTime(line.timeMs);
    const service = storableText(line.service, MAX_SERVICE);
    const logger = line.logger === undefined ? undefined : storableText(line.logger, MAX_LOGGER);
    const message = storableText(line.message, MAX_MESSAGE);
    const attributes = storableMembers(line.attributes, MAX_ATTRIBUTES);
    const texts = [service, ...(logger === undefined ? [] : [logger]), message, attributes];
    const units = texts.reduce((sum, { text }) => sum + text.length, 0);
    if (this.#end + FIXED_BYTES + units * MAX_BYTES_OF_UNIT > MAX_BLOCK_BYTES) return false;
    const members = [
      ...(attributes.text === '' ? [] : [attributes.text]),
      ...(texts.some(({ isCut }) => isCut) && !attributes.text.includes(TRUNCATED_MARK) ? [TRUNCATED_MARK] : []),
      ...(texts.some(({ isReplaced }) => isReplaced) ? [REPLACED_MARK] : []),
      ...(timeMs === line.timeMs ? [] : [INVALID_TIME_MARK]),
    ];
    let at = this.#writeHead(timeMs);
    at = this.#writeId(at, line.traceId, TRACE_ID);
    at = this.#writeLength(at, 2);
    at = this.#page.writeInt16BE(clampLevel(line.level), at);
    at = this.#writeText(at, service.text);
    at = logger === undefined ? this.#writeLength(at, -1) : this.#writeText(at, logger.text);
    at = this.#writeText(at, message.text);
    at = this.#writeId(at, line.spanId, SPAN_ID);
    const attributesAt = at;
    this.#page[at + 4] = JSONB_VERSION;
    at += 5 + this.#page.write(`{${members.join()}}`, at + 5);
    this.#writeLength(attributesAt, at - attributesAt - 4);
    this.#end = at;
    this.#rows++;
    this.#sequence++;
    this.#minMs = Math.min(this.#minMs, timeMs);
    this.#maxMs = Math.max(this.#maxMs, timeMs);
    return true;
  }

  /** The number of fields, then id, time and source. @returns where they end */
  #writeHead(timeMs: number): number {
    let at = this.#page.writeInt16BE(LOG_COLUMNS.length, this.#end);
    at = this.#writeLength(at, 16);
    const high = Math.floor(timeMs / 65_536);
    writeEventId(this.#view, at, high, Math.floor(timeMs - high * 65_536), this.#sequence, this.#sourceBits);
    at = this.#writeLength(at + 16, 8);
    at = this.#page.writeBigInt64BE(BigInt(Math.round(timeMs * 1000)) - BigInt(POSTGRES_EPOCH_MS) * 1000n, at);
    at = this.#writeLength(at, 8);
    return this.#page.writeBigInt64BE(this.#sourceId, at);
  }

  #writeLength(at: number, length: number): number {
    return this.#page.writeInt32BE(length, at);
  }

  #writeText(at: number, text: string): number {
    const length = this.#page.write(text, at + 4);
    return this.#writeLength(at, length) + length;
  }

  #writeId(at: number, id: string | undefined, form: RegExp): number {
    if (id === undefined || !form.test(id)) return this.#writeLength(at, -1);
    const length = this.#page.write(id, at + 4, 'hex');
    return this.#writeLength(at, length) + length;
  }
}

function nearestTime(timeMs: number): number {
  return timeMs > MAX_TIME_MS ? MAX_TIME_MS : 0;
}

function clampLevel(level: number): number {
  return Number.isNaN(level) ? 0 : Math.max(0, Math.min(MAX_LOG_LEVEL, Math.round(level)));
}
