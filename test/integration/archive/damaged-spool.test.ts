// Spools of damaged segments, drained into Postgres: every event whose block is whole is archived once, all others are counted, and verify
// agrees before and after. SPOOL_FUZZ_DRAINS: how many spools, default 40.
import assert from 'node:assert/strict';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { drainLeftovers } from '../../../src/archive/drain/leftovers.ts';
import { createPartitions } from '../../../src/archive/drain/partitions.ts';
import { createSource, formatSource, formatSourceId } from '../../../src/archive/spool/source.ts';
import { segmentPath } from '../../../src/archive/spool/spool-folder.ts';
import { listSpool, verifySpool } from '../../../src/archive/spool/spool-inspection.ts';
import { repairSpool } from '../../../src/archive/spool/spool-repair.ts';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
import { silentLogger } from '../../../src/logger.ts';
import { anyMishaps, damage, type IntactSegment, intactBlocks, makeSegment } from '../../support/damaged-segments.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir } from '../../support/test-archive.ts';

const RUNS = Number(process.env['SPOOL_FUZZ_DRAINS'] ?? 40);
const ROWS_OF = [7, 1, 30, 2, 12];

describe('Archive, spools of damaged segments', function () {
  this.timeout(30_000 + RUNS * 500);
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

  /** The spool of a dead process: three segments, of which the last one is whole and tells the counts of all. */
  function makeSpool(): { sourceId: bigint; segments: readonly IntactSegment[]; pathOf: (segment: IntactSegment) => string } {
    const source = { ...createSource({ service: 'test', instance: 'test:1', startedAtMs: Date.now() }), bootId: 'another' };
    const folder = join(spool.path, formatSourceId(source.sourceId));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'source.json'), formatSource(source));
    utimesSync(join(folder, 'source.json'), 0, 0);
    const total = ROWS_OF.reduce((sum, rows) => sum + rows, 0);
    const segments = [1, 2, 3].map((segment) =>
      makeSegment({ sourceId: source.sourceId, segment }, segment === 3 ? [] : ROWS_OF, Math.min(segment - 1, 2) * total),
    );
    const pathOf = ({ header }: IntactSegment) => segmentPath(folder, header.lane, header.segment, 'seg');
    for (const segment of segments) writeFileSync(pathOf(segment), segment.bytes);
    return { sourceId: source.sourceId, segments, pathOf };
  }

  const drain = () =>
    drainLeftovers({
      database: test.database,
      partitions: createPartitions(test.database),
      spoolDir: spool.path,
      logger: silentLogger,
      batchRows: 10,
    });

  async function numbersOf(sourceId: bigint): Promise<number[]> {
    const rows = await test.database.any<{ number: number }>(
      `select (metadata->>'number')::int as number from keepwatch.observability_metrics where source_id = $1 order by 1`,
      [sourceId],
    );
    return rows.map(({ number }) => number);
  }

  it('archive each whole event once, and count the others as damaged, to the event', async () => {
    await fc.assert(
      fc.asyncProperty(anyMishaps, anyMishaps, fc.boolean(), fc.boolean(), async (first, second, isSecondHurt, isRepaired) => {
        const { sourceId, segments, pathOf } = makeSpool();
        const [one, two] = segments;
        assert.ok(one && two);
        const damaged = [
          { segment: one, bytes: damage(one, two, first) },
          { segment: two, bytes: isSecondHurt ? damage(two, one, second) : two.bytes },
        ];
        for (const { segment, bytes } of damaged) writeFileSync(pathOf(segment), bytes);
        const expected = damaged.flatMap(({ segment, bytes }) => wholeNumbers(segment, bytes, segment === one ? two : one));
        const told = (await verifySpool(spool.path)).find(({ folder }) => folder === formatSourceId(sourceId));
        assert.equal(told?.events, expected.length);
        const recorded = 2 * ROWS_OF.reduce((sum, rows) => sum + rows, 0);
        // A file that ends with a block may have been given up there: only the counts of the next one tell.
        const isHurt = damaged.some(({ segment, bytes }) =>
          intactBlocks(bytes, segment).some(({ number }, index) => number !== index + 1),
        );
        assert.ok(!isHurt || told.problems.length > 0, 'verify names what is lost');
        if (isRepaired) await repairSpool(spool.path);

        await drain();
        assert.deepEqual(await numbersOf(sourceId), expected);
        const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
        const source = report.sources.find((each) => each.sourceId === String(sourceId));
        assert.deepEqual(source?.problems, []);
        const { archived, dropped } = source;
        assert.deepEqual(
          { recorded: source.recorded, archived, damaged: dropped['damaged'] ?? 0 },
          { recorded, archived: expected.length, damaged: recorded - expected.length },
        );
        assert.deepEqual(await listSpool(spool.path), []);
        await drain();
      }),
      { numRuns: RUNS },
    );
  });
});

/** The numbers of the events in blocks that are whole; none when the file begins as a segment of another place. */
function wholeNumbers(segment: IntactSegment, bytes: Buffer, other: IntactSegment): number[] {
  const start = (segment.header.segment - 1) * ROWS_OF.reduce((sum, rows) => sum + rows, 0);
  if (bytes.subarray(0, other.headerEnd).equals(other.bytes.subarray(0, other.headerEnd))) return [];
  const whole = new Set(intactBlocks(bytes, segment).map(({ number }) => number));
  let next = start;
  return segment.blocks.flatMap(({ number, rows }) => {
    const numbers = Array.from({ length: rows }, () => ++next);
    return whole.has(number) ? numbers : [];
  });
}
