// Real segments and what may become of their bytes: bits that flip, sectors of zeros, cuts, copies, one file's bytes in another.
import fc from 'fast-check';
import { Encoder } from '../../src/archive/encoding/encoder.ts';
import { COLUMNS } from '../../src/archive/segments/copy-tuples.ts';
import {
  encodeEmptyBlock,
  encodeSegmentHeader,
  finishBlock,
  type SegmentHeader,
} from '../../src/archive/segments/segment-format.ts';
import { type EventCounts, LANES } from '../../src/event.ts';
import { ArrayBatch, type ArrayEvent } from './array-batch.ts';

/** A segment as it was before anything happened to it. */
export interface IntactSegment {
  readonly bytes: Buffer;
  readonly header: SegmentHeader;
  /** Where its header ends. */
  readonly headerEnd: number;
  readonly blocks: readonly IntactBlock[];
}

export interface IntactBlock {
  readonly number: number;
  readonly rows: number;
  readonly offset: number;
  readonly bytes: Buffer;
}

/**
 * Blocks of `rowsOf` events each, and the last one without rows, as the spool writes them.
 * @param from counts of the source before it
 */
export function makeSegment(
  header: Partial<SegmentHeader>,
  rowsOf: readonly number[],
  from = 0,
  endMs = Date.now(),
): IntactSegment {
  const whole: SegmentHeader = {
    sourceId: 1n,
    lane: 'rest',
    segment: 1,
    relation: 'observability_metrics',
    columns: COLUMNS,
    service: 'test',
    ...header,
  };
  const { bytes: head, seed } = encodeSegmentHeader(whole);
  // The lanes number in turn.
  const encoder = new Encoder(whole.sourceId, from * LANES.length + (LANES as readonly string[]).indexOf(whole.lane));
  let recorded = from;
  const made = rowsOf.map((rows) => {
    const events = Array.from(
      { length: rows },
      (_, index): ArrayEvent => ({ endMs, metadata: `"number":${recorded + index + 1}` }),
    );
    encoder.encode(new ArrayBatch(events), 0);
    recorded += rows;
    return { rows, bytes: encoder.takeBlock(countsOf(recorded), endMs).bytes };
  });
  made.push({ rows: 0, bytes: encodeEmptyBlock(countsOf(recorded), endMs, true) });
  let offset = head.length;
  const blocks = made.map(({ rows, bytes }, index) => {
    finishBlock(bytes, index + 1, seed);
    const block = { number: index + 1, rows, offset, bytes };
    offset += bytes.length;
    return block;
  });
  return { bytes: Buffer.concat([head, ...blocks.map(({ bytes }) => bytes)]), header: whole, headerEnd: head.length, blocks };
}

function countsOf(recorded: number): EventCounts {
  return { recorded, sampledOut: 0, dropped: {} };
}

/** One thing that happens to bytes. Places are fractions, so that it can happen to any segment. */
export interface Mishap {
  readonly kind: 'flip' | 'cut' | 'zero' | 'insert' | 'insert magic' | 'remove' | 'double' | 'swap' | 'splice' | 'append';
  readonly at: number;
  readonly size: number;
  readonly noise: number;
}

const KINDS: readonly Mishap['kind'][] = [
  'flip',
  'cut',
  'zero',
  'insert',
  'insert magic',
  'remove',
  'double',
  'swap',
  'splice',
  'append',
];

const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

export const anyMishaps: fc.Arbitrary<readonly Mishap[]> = fc.array(
  fc.record({ kind: fc.constantFrom(...KINDS), at: fraction, size: fraction, noise: fc.nat(255) }),
  { minLength: 1, maxLength: 4 },
);

/** The bytes of `segment` after the mishaps; `other` is what parts may come from. */
export function damage(segment: IntactSegment, other: IntactSegment, mishaps: readonly Mishap[]): Buffer {
  let bytes: Buffer = Buffer.from(segment.bytes);
  for (const mishap of mishaps) bytes = Buffer.from(apply(bytes, mishap, segment, other));
  return bytes;
}

function apply(bytes: Buffer, { kind, at, size, noise }: Mishap, segment: IntactSegment, other: IntactSegment): Buffer {
  const from = Math.floor(at * bytes.length);
  const until = Math.min(bytes.length, from + 1 + Math.floor(size * size * 5000));
  const block = (where: number) => segment.blocks[Math.floor(where * segment.blocks.length)] ?? segment.blocks[0];
  switch (kind) {
    case 'flip':
      if (from < bytes.length) bytes[from] = (bytes[from] ?? 0) ^ (1 << (noise % 8));
      return bytes;
    case 'cut':
      return bytes.subarray(0, from);
    case 'zero':
      return bytes.fill(0, from, until);
    case 'insert':
      return Buffer.concat([bytes.subarray(0, from), Buffer.alloc(until - from, noise), bytes.subarray(from)]);
    case 'insert magic':
      return Buffer.concat([
        bytes.subarray(0, from),
        Buffer.alloc(until - from, `KWBK\0\0\0\0\0\0${noise}`),
        bytes.subarray(from),
      ]);
    case 'remove':
      return Buffer.concat([bytes.subarray(0, from), bytes.subarray(until)]);
    case 'double':
      return Buffer.concat([bytes.subarray(0, from), block(size)?.bytes ?? bytes, bytes.subarray(from)]);
    case 'swap': {
      const [a, b] = [block(at), block(size)].sort((x, y) => (x?.offset ?? 0) - (y?.offset ?? 0));
      if (a === undefined || b === undefined || a === b || bytes.length !== segment.bytes.length) return bytes;
      const between = bytes.subarray(a.offset + a.bytes.length, b.offset);
      const rest = bytes.subarray(b.offset + b.bytes.length);
      return Buffer.concat([bytes.subarray(0, a.offset), b.bytes, between, a.bytes, rest]);
    }
    case 'splice':
      return Buffer.concat([bytes.subarray(0, from), other.bytes.subarray(Math.floor(size * other.bytes.length))]);
    case 'append':
      return Buffer.concat([bytes, other.bytes]);
  }
}

/** The blocks of a segment whose bytes stand somewhere, whole. */
export function intactBlocks(bytes: Buffer, segment: IntactSegment): readonly IntactBlock[] {
  return segment.blocks.filter((block) => bytes.includes(block.bytes));
}
