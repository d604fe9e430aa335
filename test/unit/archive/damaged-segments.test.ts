// What is read from damaged segments: all blocks whose bytes are whole, and no other. SPOOL_FUZZ_RUNS: how many, default 2,000.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MAX_BLOCK_BYTES } from '../../../src/archive/segments/segment-format.ts';
import { readSegment } from '../../../src/archive/segments/segment-reader.ts';
import { KeepwatchError } from '../../../src/errors.ts';
import { anyMishaps, damage, type IntactSegment, intactBlocks, makeSegment } from '../../support/damaged-segments.ts';

const RUNS = Number(process.env['SPOOL_FUZZ_RUNS'] ?? 2000);
const END_MS = Date.UTC(2026, 5, 1);

const SEGMENTS: readonly IntactSegment[] = [
  makeSegment({}, [10, 1, 40, 3, 100], 0, END_MS),
  makeSegment({ segment: 2 }, [10, 1, 40, 3, 100], 154, END_MS),
  makeSegment({ sourceId: 2n, service: 'another' }, [10, 1, 40, 3, 100], 0, END_MS),
  makeSegment({ lane: 'keep' }, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 0, END_MS),
  makeSegment({ segment: 3 }, [300], 308, END_MS),
  makeSegment({ segment: 4 }, [], 608, END_MS),
];
const anyIndex = fc.nat(SEGMENTS.length - 1);

/** Reads as a drain does, which knows where the file was; undefined when it is no segment, or one of another place. */
function readAsDrain(bytes: Buffer, { header }: IntactSegment) {
  try {
    const segment = readSegment(bytes, header);
    const isMine =
      segment?.header.sourceId === header.sourceId &&
      segment.header.lane === header.lane &&
      segment.header.segment === header.segment;
    return isMine ? segment : undefined;
  } catch (error) {
    assert.ok(error instanceof KeepwatchError && error.code === 'ERR_SEGMENT_INVALID', String(error));
    return undefined;
  }
}

describe('damaged segments', function () {
  this.timeout(60_000 + RUNS * 5);

  it('give back every block whose bytes are whole, in order, none twice, and no other', () => {
    let read = 0;
    let lost = 0;
    fc.assert(
      fc.property(anyIndex, anyIndex, anyMishaps, (index, otherIndex, mishaps) => {
        const [segment, other] = [SEGMENTS[index], SEGMENTS[otherIndex]];
        assert.ok(segment && other);
        const bytes = damage(segment, other, mishaps);
        const found = readAsDrain(bytes, segment);
        const begins = other !== segment && bytes.subarray(0, other.headerEnd).equals(other.bytes.subarray(0, other.headerEnd));
        const whole = begins ? [] : intactBlocks(bytes, segment);
        assert.deepEqual(
          (found?.blocks ?? []).map(({ number, rows, frames }) => ({ number, rows, frames: frames.toString('latin1') })),
          whole.map(({ number, rows, bytes: block }) => ({ number, rows, frames: framesOf(block) })),
        );
        if (found !== undefined) assertAddsUp(bytes, found);
        read += whole.length;
        lost += segment.blocks.length - whole.length;
      }),
      { numRuns: RUNS },
    );
    assert.ok(read > RUNS && lost > RUNS / 4, `${read} blocks read, ${lost} lost: it tries both`);
  });

  it('are read in bounded time and memory, whatever the bytes', () => {
    const evil = [
      Buffer.alloc(1_000_000, 'KWBK'),
      Buffer.alloc(1_000_000, 'KWBK\0\0\0\0\0\0\xff\xff\0\0\0\x01', 'latin1'),
      Buffer.alloc(1_000_000),
      Buffer.alloc(1_000_000, 'KWSG'),
    ];
    for (const bytes of evil) {
      const [segment] = SEGMENTS;
      assert.ok(segment);
      const whole = Buffer.concat([
        segment.bytes.subarray(0, segment.headerEnd),
        bytes,
        segment.bytes.subarray(segment.headerEnd),
      ]);
      const cpu = process.cpuUsage();
      const found = readAsDrain(whole, segment);
      const { user } = process.cpuUsage(cpu);
      assert.deepEqual(
        [found?.blocks.length, found?.damaged],
        [segment.blocks.length, [{ offset: segment.headerEnd, length: bytes.length }]],
      );
      assert.ok(user < 2e6, `${user / 1e6} s`);
    }
  });
});

function framesOf(block: Buffer): string {
  const end = (block.readUInt16BE(20) & 4) === 0 ? block.length : rowsEnd(block);
  return block.toString('latin1', 48 + block.readUInt16BE(22), end);
}

/** Behind the rows: sixteen bytes for each series, two for each row, two. */
function rowsEnd(block: Buffer): number {
  return block.length - 2 - 2 * block.readUInt32BE(16) - 16 * block.readUInt16BE(block.length - 2);
}

/** What is damaged, what is read and the tail are all of the file, and no part of it is two of them. */
function assertAddsUp(bytes: Buffer, found: NonNullable<ReturnType<typeof readAsDrain>>) {
  let at = 0;
  for (const { offset, length } of found.damaged) {
    assert.ok(offset >= at && length > 0 && offset + length <= bytes.length);
    at = offset + length;
  }
  assert.ok(found.tailBytes >= 0 && at + found.tailBytes <= bytes.length);
  assert.ok(found.blocks.every(({ frames }) => frames.length < MAX_BLOCK_BYTES));
}
