// Erases rows in the bytes of a segment, in place, and gives the blocks that held them right checksums again.
import { readTimestampMs, splitTuples } from '../segments/copy-tuples.ts';
import { relationOf } from '../segments/relations.ts';
import {
  BLOCK_MAGIC,
  BLOCK_PREFIX_BYTES,
  blockCrc,
  encodeSegmentHeader,
  finishBlock,
  type SegmentHeader,
} from '../segments/segment-format.ts';
import { type Block, readSegment, type SegmentPlace } from '../segments/segment-reader.ts';
import type { Matcher } from './criteria.ts';
import { eraseTuple, matchesTuple } from './erase-tuple.ts';

/** Which events of those that match: by their end, in milliseconds since the epoch. */
export interface EraseRange {
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface ErasedSegment {
  /** Events that were erased in the bytes, or would be. */
  readonly events: number;
  /** Bytes that are no block seem to hold some too: these stay. */
  readonly hasMore: boolean;
}

/**
 * @param bytes changed only where events are erased
 * @param isDryRun they are counted only
 * @throws KeepwatchError ERR_SEGMENT_INVALID when the file is no segment
 * @returns undefined when a newer version wrote it
 */
export function eraseSegment(
  bytes: Buffer,
  place: SegmentPlace,
  matcher: Matcher,
  range: EraseRange,
  isDryRun: boolean,
): ErasedSegment | undefined {
  const segment = readSegment(bytes, place);
  if (segment === undefined) return undefined;
  const damaged = segment.damaged.map(({ offset, length }) => bytes.subarray(offset, offset + length));
  damaged.push(bytes.subarray(bytes.length - segment.tailBytes));
  let hasMore = damaged.some((part) => matcher.mayHold(part));
  let events = 0;
  for (const block of segment.blocks) {
    if (block.maxEndMs < range.fromMs || block.minEndMs >= range.untilMs) continue;
    const found = matchingRows(block, segment.header, matcher, range);
    if (found.length === 0) continue;
    const whole = isDryRun ? undefined : wholeBlock(bytes, block, segment.header);
    if (!isDryRun && whole === undefined) {
      hasMore = true;
      continue;
    }
    events += found.length;
    if (whole === undefined) continue;
    for (const { tuple, labels } of found) eraseTuple(tuple, segment.header.columns, labels);
    finishBlock(whole.block, block.number, whole.seed);
  }
  return { events, hasMore };
}

interface FoundRow {
  readonly tuple: Buffer;
  readonly labels: Buffer | undefined;
}

function matchingRows(
  block: Block,
  { relation, columns }: SegmentHeader,
  matcher: Matcher,
  { fromMs, untilMs }: EraseRange,
): FoundRow[] {
  const time = columns.indexOf(relationOf(relation).timeColumn);
  return splitTuples(block.frames).flatMap((tuple, row) => {
    if (!matchesTuple(tuple, columns, matcher)) return [];
    const endMs = readTimestampMs(tuple, time);
    return endMs >= fromMs && endMs < untilMs ? [{ tuple, labels: labelsOf(block, row) }] : [];
  });
}

/** A copy: the row that the labels of a series are read from may be erased before another one of it. */
function labelsOf({ frames, rowSeries }: Block, row: number): Buffer | undefined {
  const index = rowSeries?.entryOf(row) ?? -1;
  if (rowSeries === undefined || index < 0) return undefined;
  const entry = rowSeries.entry(index);
  const at = entry.rowAt + entry.labelsAt;
  return Buffer.from(frames.subarray(at, at + entry.labelsLength));
}

const MAGIC = Buffer.alloc(4);
MAGIC.writeUInt32BE(BLOCK_MAGIC);

/** The bytes of a block that was read, and what its checksum starts from. */
function wholeBlock(bytes: Buffer, { frames }: Block, header: SegmentHeader): { block: Buffer; seed: number } | undefined {
  const framesAt = frames.byteOffset - bytes.byteOffset;
  const seeds = [bytes.readUInt32BE(12), encodeSegmentHeader(header).seed];
  for (let at = bytes.lastIndexOf(MAGIC, framesAt - BLOCK_PREFIX_BYTES); at >= 0; at = bytes.lastIndexOf(MAGIC, at - 1)) {
    if (at + BLOCK_PREFIX_BYTES + bytes.readUInt16BE(at + 22) !== framesAt) continue;
    const block = bytes.subarray(at, at + bytes.readUInt32BE(at + 8));
    const seed = seeds.find((each) => blockCrc(block, each) === block.readUInt32BE(4));
    if (seed !== undefined) return { block, seed };
    if (at === 0) break;
  }
  return undefined;
}
