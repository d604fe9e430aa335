// Segments of other versions: files that the first version wrote, lists of fewer columns and of more, and what only a newer process can read.
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drainLeftovers } from '../../../src/archive/drain/leftovers.ts';
import { createPartitions } from '../../../src/archive/drain/partitions.ts';
import { COLUMNS } from '../../../src/archive/segments/copy-tuples.ts';
import {
  encodeEmptyBlock,
  encodeSegment,
  FORMAT_VERSION,
  headerCrc,
  type SegmentHeader,
  writeBlockPrefix,
} from '../../../src/archive/segments/segment-format.ts';
import { createSource, formatSource, formatSourceId } from '../../../src/archive/spool/source.ts';
import { bytesOfOthers, removeSource } from '../../../src/archive/spool/spool-folder.ts';
import { verifySpool } from '../../../src/archive/spool/spool-inspection.ts';
import { verifyArchive } from '../../../src/archive/verify/verify.ts';
import { silentLogger } from '../../../src/logger.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir } from '../../support/test-archive.ts';

const FIXTURE = fileURLToPath(new URL('../../fixtures/spool-version-1', import.meta.url));
const FIXTURE_SOURCE = '0123456789abcdef';

describe('Archive, segments of other versions', () => {
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  before(async function () {
    this.timeout(30_000);
    test = await createTestDatabase();
  });
  beforeEach(() => {
    spool = createSpoolDir();
  });
  afterEach(() => spool.remove());
  after(() => test.drop());

  const newer: string[] = [];
  const drain = () =>
    drainLeftovers({
      onNewer: (path) => newer.push(path),
      database: test.database,
      partitions: createPartitions(test.database),
      spoolDir: spool.path,
      logger: silentLogger,
    });

  async function verified(sourceId: bigint) {
    const report = await verifyArchive({ database: test.database, spoolDir: spool.path });
    const lanes = report.sources.filter((source) => source.sourceId === String(sourceId));
    assert.deepEqual(
      lanes.flatMap(({ problems }) => problems),
      [],
    );
    return lanes;
  }

  /** A tuple of one text or binary field each, null where it is undefined. */
  function tuple(fields: readonly Buffer[]): Buffer {
    const count = Buffer.alloc(2);
    count.writeInt16BE(fields.length);
    const parts = fields.map((field) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(field.length);
      return Buffer.concat([length, field]);
    });
    return Buffer.concat([count, ...parts]);
  }

  /** A source of a dead process with one segment, of one event with the columns named. */
  function writeSource({ columns, header = {} }: { columns: readonly string[]; header?: Partial<SegmentHeader> }): bigint {
    const source = { ...createSource({ service: 'old', instance: 'old:1', startedAtMs: Date.now() }), bootId: 'another boot' };
    const { sourceId } = source;
    const folder = join(spool.path, formatSourceId(sourceId));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'source.json'), formatSource(source));
    utimesSync(join(folder, 'source.json'), 0, 0);
    const endMs = Date.now();
    const values: Record<string, Buffer> = {
      id: Buffer.from('019e0000000070008000040000000001', 'hex'), // number 1 of its source: lanes take turns, and rest has the odd ones
      start_time: timestamp(endMs - 5),
      end_time: timestamp(endMs),
      created_at: timestamp(endMs + 1000),
      duration_ms: Buffer.from('4014000000000000', 'hex'),
      source_id: bigint(sourceId),
      name: Buffer.from('old'),
      type: Buffer.from('custom'),
      status: Buffer.from('success'),
      service: Buffer.from('old'),
      metadata: Buffer.from('\u0001{}'),
    };
    const frames = tuple(columns.map((column) => values[column] ?? Buffer.alloc(0)));
    const counts = { recorded: 1, sampledOut: 0, dropped: {} };
    const json = Buffer.from(JSON.stringify(counts));
    const block = Buffer.concat([Buffer.alloc(48), json, frames]);
    const head = { number: 0, rows: 1, isLast: false, counts, minEndMs: endMs, maxEndMs: endMs, lowWatermarkMs: endMs };
    writeBlockPrefix(block, head, json.length);
    const whole = {
      sourceId,
      lane: 'rest',
      segment: 1,
      relation: 'observability_metrics',
      columns,
      service: 'old',
      ...header,
    } as const;
    const bytes = encodeSegment(whole, [block], encodeEmptyBlock(counts, endMs, true));
    writeFileSync(join(folder, 'rest-0000000001.seg'), bytes);
    return sourceId;
  }

  it('archives what the first version wrote, sealed or not, to the field', async () => {
    cpSync(FIXTURE, spool.path, { recursive: true });
    utimesSync(join(spool.path, FIXTURE_SOURCE, 'source.json'), 0, 0);
    await drain();
    const rows = await test.database.any<Record<string, unknown>>(
      `select name, type, status, duration_ms, weight, error, metadata, trace_id::text, encode(span_id, 'hex') as span_id,
         encode(parent_span_id, 'hex') as parent_span_id, extract(epoch from end_time)::float8 * 1000 as end_ms
       from keepwatch.observability_quarantine where service = 'fixture' order by end_time`,
    );
    const none = { error: null, trace_id: null, span_id: null, parent_span_id: null, weight: 1 };
    const chat = { ...none, name: 'GET /chats/:id', type: 'api', metadata: { http_route: '/chats/:id' } };
    const noon = Date.UTC(2026, 5, 1, 12);
    assert.deepEqual(rows, [
      {
        ...chat,
        status: 'success',
        duration_ms: 12.5,
        trace_id: '0af76519-16cd-43dd-8448-eb211c80319c',
        span_id: 'b7ad6b7169203331',
        parent_span_id: '00f067aa0ba902b7',
        end_ms: noon + 0.125,
      },
      {
        ...none,
        name: 'søk',
        type: 'tool',
        status: 'success',
        duration_ms: 0.001,
        weight: 3,
        metadata: { tokens: 42 },
        end_ms: noon + 1,
      },
      { ...chat, status: 'failure', duration_ms: 2500, error: 'TimeoutError: no answer', end_ms: noon + 3 },
      { ...chat, status: 'aborted', duration_ms: 30, end_ms: noon + 5 },
    ]);
    const lanes = await verified(BigInt(`0x${FIXTURE_SOURCE}`));
    assert.deepEqual(
      lanes.map(({ lane, recorded, sampledOut, quarantined, dropped, closed }) => [
        lane,
        recorded,
        sampledOut,
        quarantined,
        dropped,
        closed,
      ]),
      [
        ['keep', 1, 0, 1, {}, true],
        ['rest', 5, 1, 3, { ring_full: 1 }, true],
      ],
    );
  });

  it('archives rows of fewer columns, the others by their defaults, and of created_at as it is given', async () => {
    const columns = COLUMNS.filter((column) => !['weight', 'trace_id', 'span_id', 'parent_span_id', 'error'].includes(column));
    const older = writeSource({ columns });
    const other = writeSource({ columns: ['created_at', ...columns] });
    await drain();
    const rows = await test.database.any<{ source_id: string; weight: number; is_given: boolean }>(
      `select source_id, weight, created_at = end_time + interval '1 second' as is_given
       from keepwatch.observability_metrics where service = 'old' and source_id in ($1, $2)`,
      [older, other],
    );
    assert.deepEqual(
      new Map(rows.map((row) => [row.source_id, [row.weight, row.is_given]])),
      new Map([
        [String(older), [1, false]],
        [String(other), [1, true]],
      ]),
    );
    for (const sourceId of [older, other]) assert.equal((await verified(sourceId))[0]?.archived, 1);
  });

  for (const [what, header] of [
    ['a column', { columns: [...COLUMNS, 'severity'] }],
    ['a relation', { relation: 'observability_logs' }],
  ] as const) {
    it(`leaves a segment with ${what} that it does not know to a newer process, and shows it`, async () => {
      const sourceId = writeSource({ columns: COLUMNS, header });
      await assertWaiting(sourceId, 'rest-0000000001.seg');
    });
  }

  it('drains the lanes that it knows, and leaves others with their folder to a newer process', async () => {
    const sourceId = writeSource({ columns: COLUMNS.filter((column) => !/trace|span|error|weight/.test(column)) });
    const folder = join(spool.path, formatSourceId(sourceId));
    writeFileSync(join(folder, 'traces-0000000001.seg'), 'of a newer version');
    for (let pass = 0; pass < 2; pass++) await drain();
    assert.ok((await bytesOfOthers(spool.path, [])) > 0, 'it counts as bytes that wait');
    assert.deepEqual(readdirSync(spool.path), [formatSourceId(sourceId)]);
    assert.ok(readdirSync(folder).includes('traces-0000000001.seg'));
    const [lane] = await verified(sourceId);
    assert.deepEqual([lane?.archived, lane?.closed], [1, false]);
    assert.equal(await removeSource(folder), false);
    assert.ok(readdirSync(folder).includes('traces-0000000001.seg'));
  });

  it('leaves a segment of a newer format to a newer process, and shows it', async () => {
    const sourceId = writeSource({ columns: COLUMNS });
    const path = join(spool.path, formatSourceId(sourceId), 'rest-0000000001.seg');
    const bytes = Buffer.alloc(200);
    bytes.write('KWSG', 0);
    bytes.writeUInt16BE(FORMAT_VERSION + 1, 4);
    bytes.writeUInt32BE(100, 8);
    bytes.writeUInt32BE(headerCrc(bytes.subarray(0, 116)), 12);
    writeFileSync(path, bytes);
    await assertWaiting(sourceId, 'rest-0000000001.seg');
  });

  async function assertWaiting(sourceId: bigint, name: string): Promise<void> {
    newer.length = 0;
    await drain();
    assert.deepEqual(newer, [join(spool.path, formatSourceId(sourceId), name)]);
    assert.ok((await bytesOfOthers(spool.path, [])) > 0, 'it counts as bytes that wait');
    assert.ok(existsSync(join(spool.path, formatSourceId(sourceId), name)));
    assert.deepEqual(readdirSync(spool.path), [formatSourceId(sourceId)]);
    const [lane] = await verifySpool(spool.path);
    assert.match(lane?.problems[0] ?? '', /written by a newer version; it waits for a newer process$/);
  }
});

function timestamp(ms: number): Buffer {
  return bigint(BigInt(Math.round(ms * 1000)) - 946_684_800_000_000n);
}

function bigint(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}
