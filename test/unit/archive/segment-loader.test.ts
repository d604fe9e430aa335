import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LoadedSegment, SegmentLoader } from '../../../src/archive/drain/segment-loader.ts';
import { SegmentMemory } from '../../../src/archive/drain/segment-memory.ts';
import { createSource } from '../../../src/archive/spool/source.ts';
import type { SegmentEntry } from '../../../src/archive/spool/spool-folder.ts';
import { silentLogger } from '../../../src/logger.ts';
import { makeSegment } from '../../support/damaged-segments.ts';

/** Rows of each: lengths that go up and down. */
const ROWS = [[300], [10, 10], [350, 1], [], [200, 200, 200], [5]];

describe('SegmentLoader', () => {
  const source = { ...createSource({ service: 'test', instance: 'test:1', startedAtMs: Date.now() }), sourceId: 1n };
  let folder: string;
  let entries: readonly (SegmentEntry & { readonly written: Buffer })[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-loader-'));
    entries = ROWS.map((rows, index) => {
      const path = join(folder, `rest-${String(index + 1).padStart(10, '0')}.seg`);
      const { bytes } = makeSegment({ segment: index + 1 }, rows);
      writeFileSync(path, bytes);
      return { path, lane: 'rest', segment: index + 1, isSealed: true, isAcknowledged: false, written: bytes };
    });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const create = (memory = new SegmentMemory()) =>
    new SegmentLoader({ source, spoolDir: folder, isOwn: false, memory, logger: silentLogger });
  const load = async (loader: SegmentLoader, index: number): Promise<LoadedSegment> => {
    const segment = await loader.load(entries[index] as SegmentEntry);
    assert.ok(typeof segment === 'object' && 'header' in segment);
    return segment;
  };

  it('reads each segment while the one before it is in use, in the memory of the one before that', async () => {
    const loader = create();
    const memories = new Set<ArrayBufferLike>();
    let before: LoadedSegment | undefined;
    for (const [index, { segment: number }] of entries.entries()) {
      const segment = await load(loader, index);
      assert.equal(segment.header.segment, number);
      const rows = segment.blocks.map((block) => block.rows);
      assert.deepEqual(rows, [...(ROWS[index] ?? []), 0]);
      if (before !== undefined) {
        assert.ok(before.bytes.equals(entries[index - 1]?.written ?? Buffer.alloc(0)), `segment ${index} is left alone`);
        loader.release(before);
      }
      memories.add(segment.bytes.buffer);
      loader.prepare(entries[index + 1]);
      before = segment;
    }
    assert.ok(memories.size < entries.length, `${memories.size} pieces of memory`);
  });

  it('reads what it is asked for, whatever it has prepared', async () => {
    const loader = create();
    loader.prepare(entries[1]);
    assert.equal((await load(loader, 2)).header.segment, 3);
    assert.equal((await load(loader, 1)).header.segment, 2);
  });

  it('sets aside what is no segment when it is asked for it, and not before', async () => {
    const [, second] = entries;
    assert.ok(second);
    writeFileSync(second.path, 'no segment');
    const loader = create();
    loader.prepare(second);
    await load(loader, 2);
    loader.prepare(second);
    assert.ok(readdirSync(folder).includes('rest-0000000002.seg'));
    assert.deepEqual(await loader.load(second), { blocks: [], tailBytes: 10 });
    assert.ok(!readdirSync(folder).includes('rest-0000000002.seg'));
    assert.equal(await loader.load(second), 'gone');
  });
});
