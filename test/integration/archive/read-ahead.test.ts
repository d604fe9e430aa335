// Batches that are prepared beside the commit of those before them, over the borders of segments too, by drainers that are in each other's way
// and share their memory.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DrainContext, drainSegments } from '../../../src/archive/drain/drain.ts';
import { createPartitions } from '../../../src/archive/drain/partitions.ts';
import { SegmentMemory } from '../../../src/archive/drain/segment-memory.ts';
import { KnownSeries } from '../../../src/archive/rollups/series.ts';
import { createSource, formatSourceId } from '../../../src/archive/spool/source.ts';
import { listSegments, segmentPath } from '../../../src/archive/spool/spool-folder.ts';
import { silentLogger } from '../../../src/logger.ts';
import { makeSegment } from '../../support/damaged-segments.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { compareRollups } from '../../support/rollup-oracle.ts';
import { createSpoolDir } from '../../support/test-archive.ts';

/** Rows of the blocks of each segment. */
const ROWS = [[7, 1, 30], [4], [], [2, 12, 3, 3], [1], [200, 100], [5, 5, 5]];

describe('Archive, batches that are prepared ahead', () => {
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());
  beforeEach(() => {
    spool = createSpoolDir();
  });
  afterEach(() => spool.remove());

  async function drain(batchRows: readonly number[], given: Partial<DrainContext> = {}): Promise<void> {
    const source = createSource({ service: 'test', instance: 'test:1', startedAtMs: Date.now() });
    const folder = join(spool.path, formatSourceId(source.sourceId));
    mkdirSync(folder);
    let events = 0;
    for (const [index, rows] of ROWS.entries()) {
      const { header, bytes } = makeSegment({ sourceId: source.sourceId, segment: index + 1 }, rows, events);
      writeFileSync(segmentPath(folder, header.lane, header.segment, 'seg'), bytes);
      events += rows.reduce((sum, count) => sum + count, 0);
    }
    const segments = await listSegments(folder);
    const context = { database: test.database, spoolDir: spool.path, logger: silentLogger, ...given };
    const results = await Promise.all(
      batchRows.map((rows) =>
        drainSegments(source, 'rest', segments, { ...context, partitions: createPartitions(test.database), batchRows: rows }),
      ),
    );
    assert.ok(results.every(({ isDone }) => isDone));
    const found = await test.database.map<number>(
      `select (metadata->>'number')::int as number from keepwatch.observability_metrics where source_id = $1 order by 1`,
      [source.sourceId],
      ({ number }: { number: number }) => number,
    );
    assert.deepEqual(
      found,
      Array.from({ length: events }, (_, index) => index + 1),
    );
    assert.deepEqual(await compareRollups(test.database), []);
  }

  it('holds each row once, in the table and in the rollups, whatever the batches are', async () => {
    const shared = { series: new KnownSeries(), memory: new SegmentMemory() };
    for (const batchRows of [1, 3, 20, 1000]) await drain([batchRows], shared);
  });

  it('holds each row once when several drainers, whose batches differ, take what is ahead from each other', async () => {
    const shared = { series: new KnownSeries(), memory: new SegmentMemory() };
    for (let time = 0; time < 5; time++) await drain([7, 20, 1000], shared);
  });
});
