// Bytes of a segment to its blocks, whatever state they are in: what is damaged is named, never thrown, and reading goes on behind it.
import { z } from 'zod';
import { KeepwatchError } from '../../errors.ts';
import { LANE_RELATIONS } from './relations.ts';
import { type RowSeries, readRowSeries } from './row-series.ts';
import {
  BLOCK_MAGIC,
  BLOCK_PREFIX_BYTES,
  type BlockHead,
  blockCrc,
  encodeSegmentHeader,
  FORMAT_VERSION,
  headerCrc,
  LAST_BLOCK,
  MAX_BLOCK_BYTES,
  ROW_SERIES,
  SEGMENT_MAGIC,
  SEGMENT_PREFIX_BYTES,
  SERIES_BLOCK,
  type SegmentHeader,
} from './segment-format.ts';
import { parseHeader } from './segment-header.ts';

/** A block whose CRC holds. */
export interface Block extends BlockHead {
  /** Its rows: tuples of binary COPY, a view of the segment's bytes. */
  readonly frames: Buffer;
  /** Which series each of them belongs to; undefined in what older versions wrote. */
  readonly rowSeries?: RowSeries;
  /** Counts of series (`readSeriesCounts`), instead of rows. */
  readonly series?: Buffer;
}

/** Bytes of a segment that are no valid block, with at least one valid block behind them. */
export interface DamagedRange {
  readonly offset: number;
  readonly length: number;
}

export interface Segment {
  readonly header: SegmentHeader;
  /** By number, each once, wherever they stand. */
  readonly blocks: readonly Block[];
  readonly damaged: readonly DamagedRange[];
  /** Bytes behind the last valid block: a torn write, or a damaged end. */
  readonly tailBytes: number;
  /** The last block is marked as the end of a sealed segment. */
  readonly isComplete: boolean;
}

const cumulative = z.int().nonnegative();
const countsSchema = z.object({
  recorded: cumulative,
  sampledOut: cumulative,
  dropped: z.record(z.string(), cumulative),
});

/** Where a segment is found, and whose it is then. */
export type SegmentPlace = Pick<SegmentHeader, 'sourceId' | 'lane' | 'segment' | 'service'>;

/**
 * Reads a whole segment.
 * @param place when given, a header that is damaged is made again from it: blocks whose checksums hold with it prove it right
 * @throws KeepwatchError ERR_SEGMENT_INVALID when the header is none of ours: the file is no segment
 * @returns undefined when a newer version of Keepwatch wrote it: it waits for a newer process
 */
export function readSegment(bytes: Buffer, place?: SegmentPlace): Segment | undefined {
  try {
    return readWithHeader(bytes);
  } catch (error) {
    const segment = place && readWithoutHeader(bytes, place);
    if (segment === undefined || segment.blocks.length === 0) throw error;
    return segment;
  }
}

function readWithHeader(bytes: Buffer): Segment | undefined {
  const prefix = SEGMENT_PREFIX_BYTES;
  if (bytes.length < prefix || bytes.readUInt32BE(0) !== SEGMENT_MAGIC) throw invalid('it does not begin as a segment does');
  const end = prefix + bytes.readUInt32BE(8);
  if (end > bytes.length) throw invalid('its header is cut off');
  const seed = bytes.readUInt32BE(12);
  if (headerCrc(bytes.subarray(0, end)) !== seed) throw invalid('the checksum of its header is wrong');
  if (bytes.readUInt16BE(4) > FORMAT_VERSION) return undefined;
  const header = parseHeader(bytes.toString('utf8', prefix, end));
  return header && { header, ...readBlocks(bytes, end, seed) };
}

function readWithoutHeader(bytes: Buffer, place: SegmentPlace): Segment {
  const { sourceId, lane, segment, service } = place;
  const { name, columns } = LANE_RELATIONS[lane];
  const header = { sourceId, lane, segment, relation: name, columns, service };
  const versions = Array.from({ length: FORMAT_VERSION }, (_, index) => FORMAT_VERSION - index);
  const readings = versions.map((version) => readBlocks(bytes, 0, encodeSegmentHeader(header, version).seed));
  const reading = readings.find(({ blocks }) => blocks.length > 0) ?? readBlocks(bytes, 0, encodeSegmentHeader(header).seed);
  return { header, ...reading };
}

/** @throws KeepwatchError ERR_SEGMENT_INVALID when the segment belongs elsewhere: it was copied or renamed */
export function refuseMisplaced(header: SegmentHeader, place: Pick<SegmentHeader, 'sourceId' | 'lane' | 'segment'>): void {
  const { sourceId, lane, segment } = header;
  if (sourceId === place.sourceId && lane === place.lane && segment === place.segment) return;
  throw invalid(`it is segment ${lane} ${segment} of source ${sourceId.toString(16).padStart(16, '0')}`);
}

function readBlocks(bytes: Buffer, from: number, seed: number): Omit<Segment, 'header'> {
  const blocks = new Map<number, Block>();
  const damaged: DamagedRange[] = [];
  let at = from;
  let goodUntil = from;
  while (at < bytes.length) {
    const block = readBlock(bytes, at, seed);
    if (block === undefined) {
      at = nextMagic(bytes, at + 1);
      continue;
    }
    if (at > goodUntil) damaged.push({ offset: goodUntil, length: at - goodUntil });
    // A second one of the same number is its copy, byte for byte.
    if (!blocks.has(block.number)) blocks.set(block.number, block);
    at += bytes.readUInt32BE(at + 8);
    goodUntil = at;
  }
  const inOrder = [...blocks.values()].sort((a, b) => a.number - b.number);
  return { blocks: inOrder, damaged, tailBytes: bytes.length - goodUntil, isComplete: inOrder.at(-1)?.isLast ?? false };
}

const MAGIC_BYTES = Buffer.from([BLOCK_MAGIC >>> 24, (BLOCK_MAGIC >>> 16) & 255, (BLOCK_MAGIC >>> 8) & 255, BLOCK_MAGIC & 255]);

function nextMagic(bytes: Buffer, from: number): number {
  const found = bytes.indexOf(MAGIC_BYTES, from);
  return found === -1 ? bytes.length : found;
}

/** The block at `at`, or undefined when there is none that is whole and true. */
function readBlock(bytes: Buffer, at: number, seed: number): Block | undefined {
  if (at + BLOCK_PREFIX_BYTES > bytes.length || bytes.readUInt32BE(at) !== BLOCK_MAGIC) return undefined;
  const length = bytes.readUInt32BE(at + 8);
  if (length < BLOCK_PREFIX_BYTES || length > MAX_BLOCK_BYTES || at + length > bytes.length) return undefined;
  const block = bytes.subarray(at, at + length);
  const number = block.readUInt32BE(12);
  const framesAt = BLOCK_PREFIX_BYTES + block.readUInt16BE(22);
  // The first byte of its counts: a checksum is made of nothing that cannot be a block.
  if (number === 0 || framesAt > length || block[BLOCK_PREFIX_BYTES] !== 0x7b || blockCrc(block, seed) !== block.readUInt32BE(4))
    return undefined;
  const flags = block.readUInt16BE(20);
  const content = block.subarray(framesAt);
  const rows = block.readUInt32BE(16);
  const isOfSeries = (flags & SERIES_BLOCK) !== 0 && rows === 0;
  const named = (flags & ROW_SERIES) !== 0 ? readRowSeries(content, rows) : undefined;
  try {
    return {
      number,
      rows,
      isLast: (flags & LAST_BLOCK) !== 0,
      counts: countsSchema.parse(JSON.parse(block.toString('utf8', BLOCK_PREFIX_BYTES, framesAt))),
      minEndMs: block.readDoubleBE(24),
      maxEndMs: block.readDoubleBE(32),
      lowWatermarkMs: block.readDoubleBE(40),
      frames: isOfSeries ? content.subarray(0, 0) : (named?.frames ?? content),
      ...(named !== undefined && { rowSeries: named.rowSeries }),
      ...(isOfSeries && { series: content }),
    };
  } catch {
    return undefined; // written by something else that knows our checksum: as good as damaged
  }
}

function invalid(what: string, cause?: unknown): KeepwatchError {
  return new KeepwatchError('ERR_SEGMENT_INVALID', what, { cause });
}
