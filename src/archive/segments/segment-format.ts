// The bytes of a segment: a header that says whose rows it holds and where they go, then blocks. All numbers are big-endian.
//
//   segment = header block*
//   header  = magic(4) version(2) reserved(2) json length(4) crc32(4) json          crc32 over version .. json length, and json
//   block   = magic(4) crc32(4) length(4) number(4) rows(4) flags(2) counts length(2)
//             min end ms(8, f64) max end ms(8) low watermark ms(8) counts(json) frames row series (flag ROW_SERIES; `row-series.ts`)
//
// The CRC of a block covers all that follows it in the block and starts from the CRC of its segment's header, so that rows and counts
// are true together, and a block is never taken for one of another segment (nor bytes that a client sent for a block).
import { crc32 } from 'node:zlib';
import type { EventCounts, SpoolLane } from '../../event.ts';

/** 2: what series each row belongs to stands behind the rows of a block. */
export const FORMAT_VERSION = 2;
export const SEGMENT_MAGIC = 0x4b_57_53_47;
export const BLOCK_MAGIC = 0x4b_57_42_4b;
export const SEGMENT_PREFIX_BYTES = 16;
export const BLOCK_PREFIX_BYTES = 48;
/** A block is never longer. */
export const MAX_BLOCK_BYTES = 65_536;
/** A segment is never longer: 8 MB, and as much as a process writes in its last moment. What is longer is none, and is not read. */
export const MAX_SEGMENT_BYTES = 32_000_000;
/** Flag: the last block of a sealed segment. */
export const LAST_BLOCK = 1;
/** Flag: instead of rows, counts of series (`series-blocks.ts`). Who does not know it passes over a block without rows. */
export const SERIES_BLOCK = 2;
/** Flag: behind the rows stands which series they belong to. Who does not know it would take it for a row: hence version 2. */
export const ROW_SERIES = 4;

/** Whose rows a segment holds and where they go. */
export interface SegmentHeader {
  readonly sourceId: bigint;
  readonly lane: SpoolLane;
  /** Counted from 1 in each source and lane. */
  readonly segment: number;
  readonly relation: string;
  readonly columns: readonly string[];
  readonly service: string;
}

/** What a block says about itself, besides its rows. */
export interface BlockHead {
  /** Counted from 1 in each segment. */
  readonly number: number;
  readonly rows: number;
  readonly isLast: boolean;
  /** Cumulative, after this block. */
  readonly counts: EventCounts;
  /** Of its rows; +Infinity and -Infinity without rows. */
  readonly minEndMs: number;
  readonly maxEndMs: number;
  /** All that ended before is in this block or an earlier one, or counted; -Infinity while unknown. */
  readonly lowWatermarkMs: number;
}

/** The header's bytes, and the CRC that its blocks start from. */
export function encodeSegmentHeader(header: SegmentHeader, version: number = FORMAT_VERSION): { bytes: Buffer; seed: number } {
  const json = Buffer.from(JSON.stringify({ ...header, sourceId: String(header.sourceId) }));
  const bytes = Buffer.alloc(SEGMENT_PREFIX_BYTES + json.length);
  bytes.writeUInt32BE(SEGMENT_MAGIC, 0);
  bytes.writeUInt16BE(version, 4);
  bytes.writeUInt32BE(json.length, 8);
  bytes.set(json, SEGMENT_PREFIX_BYTES);
  const seed = headerCrc(bytes);
  bytes.writeUInt32BE(seed, 12);
  return { bytes, seed };
}

/** CRC of a segment header that begins at the first byte and ends at the last one. */
export function headerCrc(bytes: Buffer): number {
  return crc32(bytes.subarray(SEGMENT_PREFIX_BYTES), crc32(bytes.subarray(4, 12)));
}

/** Writes the prefix of a block at its first byte. Number and CRC follow in `finishBlock`, when it is known which segment it goes to. */
export function writeBlockPrefix(block: Buffer, head: BlockHead, countsLength: number): void {
  block.writeUInt32BE(BLOCK_MAGIC, 0);
  block.writeUInt32BE(block.length, 8);
  block.writeUInt32BE(head.number, 12);
  block.writeUInt32BE(head.rows, 16);
  block.writeUInt16BE(head.isLast ? LAST_BLOCK : 0, 20);
  block.writeUInt16BE(countsLength, 22);
  block.writeDoubleBE(head.minEndMs, 24);
  block.writeDoubleBE(head.maxEndMs, 32);
  block.writeDoubleBE(head.lowWatermarkMs, 40);
}

/** Gives the block its place in a segment. May be done again for another segment. */
export function finishBlock(block: Buffer, number: number, seed: number): void {
  block.writeUInt32BE(number, 12);
  block.writeUInt32BE(blockCrc(block, seed), 4);
}

export function blockCrc(block: Buffer, seed: number): number {
  return crc32(block.subarray(8), seed);
}

/** A block without rows: counts, watermark, and perhaps the end of its segment. */
export function encodeEmptyBlock(counts: EventCounts, lowWatermarkMs: number, isLast: boolean): Buffer {
  return encodeRowless(counts, lowWatermarkMs, isLast ? LAST_BLOCK : 0, NOTHING);
}

/** A block that holds counts of series. */
export function encodeSeriesBlock(counts: EventCounts, lowWatermarkMs: number, series: Buffer): Buffer {
  return encodeRowless(counts, lowWatermarkMs, SERIES_BLOCK, series);
}

const NOTHING = Buffer.alloc(0);

function encodeRowless(counts: EventCounts, lowWatermarkMs: number, flags: number, content: Buffer): Buffer {
  const json = Buffer.from(JSON.stringify(counts));
  const block = Buffer.alloc(BLOCK_PREFIX_BYTES + json.length + content.length);
  const head = { number: 0, rows: 0, isLast: false, counts, minEndMs: Infinity, maxEndMs: -Infinity, lowWatermarkMs };
  writeBlockPrefix(block, head, json.length);
  block.writeUInt16BE(flags, 20);
  block.set(json, BLOCK_PREFIX_BYTES);
  block.set(content, BLOCK_PREFIX_BYTES + json.length);
  return block;
}

/** A whole segment in memory: header, blocks in their places, and the block that ends it. */
export function encodeSegment(header: SegmentHeader, blocks: readonly Buffer[], lastBlock: Buffer): Buffer {
  const { bytes, seed } = encodeSegmentHeader(header);
  const all = [...blocks, lastBlock];
  all.forEach((block, index) => {
    finishBlock(block, index + 1, seed);
  });
  return Buffer.concat([bytes, ...all]);
}
