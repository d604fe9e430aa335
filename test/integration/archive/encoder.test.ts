import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Encoder } from '../../../src/archive/encoding/encoder.ts';
import { COLUMNS, COPY_HEADER, COPY_TRAILER } from '../../../src/archive/segments/copy-tuples.ts';
import { readRowSeries } from '../../../src/archive/segments/row-series.ts';
import { BLOCK_PREFIX_BYTES } from '../../../src/archive/segments/segment-format.ts';
import { inTransaction } from '../../../src/db/database.ts';
import { EVENT_STATUSES, EVENT_TYPES, type EventBatch } from '../../../src/event.ts';
import { boundedMembers } from '../../../src/instrument/bounded-json.ts';
import { ArrayBatch, type ArrayEvent } from '../../support/array-batch.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const NOW_MS = Date.UTC(2026, 5, 1);
const MAX_END_MS = Date.UTC(9999, 0, 1);
const COUNTS = { recorded: 0, sampledOut: 0, dropped: {} };

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 50 }),
  fc
    .array(fc.constantFrom('\0', '\ud800', '\udc00', '😀', '\\', '\\u0000', '"', '\u007f', '\uffff', 'ä'))
    .map((parts) => parts.join('')),
  fc.constantFrom('n'.repeat(10_000), '€'.repeat(10_000), '\0'.repeat(3000), '😀'.repeat(2001), `${'x'.repeat(999)}😀`),
);
const number = fc.oneof(
  fc.double(),
  fc.constantFrom(
    0,
    -0,
    -1,
    -Infinity,
    Infinity,
    Number.NaN,
    2 ** 40,
    2 ** 63,
    1e308,
    5e-324,
    NOW_MS,
    Date.UTC(9999, 11, 31),
    8.64e15,
  ),
);
const members = fc.oneof(
  fc.constant(''),
  fc.dictionary(text, fc.oneof(text, fc.jsonValue())).map((value) => JSON.stringify(value).slice(1, -1)),
  fc.dictionary(fc.string(), fc.anything()).map((value) => boundedMembers(value).members),
  fc.constantFrom(
    '"a":"'.concat('b'.repeat(13_000), '"'),
    `"a":"${'\\u0000'.repeat(1500)}"`,
    '"a":1,"a":"\\ud83d\\ud83d\\ude00"',
  ),
);
const hostileEvent: fc.Arbitrary<ArrayEvent> = fc.record({
  series: fc.record({ type: fc.constantFrom(...EVENT_TYPES), name: text, service: text, metadata: members }),
  status: fc.constantFrom(...EVENT_STATUSES),
  endMs: number,
  durationMs: number,
  weight: number,
  metadata: fc.option(members, { nil: undefined }),
  error: fc.option(text, { nil: undefined }),
  traceId: fc.constantFrom(undefined, '0'.repeat(32), 'f'.repeat(32)),
  spanId: fc.constantFrom('0'.repeat(16), 'f'.repeat(16)),
  parentSpanId: fc.constantFrom(undefined, '0'.repeat(16)),
});

interface Row {
  readonly name: string;
  readonly service: string;
  readonly error: string | null;
  readonly duration_ms: number;
  readonly weight: number;
  readonly end_ms: number;
  readonly start_ms: number;
  readonly metadata: Record<string, unknown>;
}

describe('Encoder, and what Postgres says to its rows', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());

  /** Through COPY into a table like the archive's, and back. */
  function store(events: readonly ArrayEvent[]): Promise<Row[]> {
    const frames = encode(new ArrayBatch(events, undefined, NOW_MS));
    return inTransaction(test.database, async (transaction) => {
      await transaction.none(
        'create temp table stored on commit drop as select *, 0 as place from keepwatch.observability_metrics limit 0',
      );
      const statement = `copy stored (${COLUMNS.join()}) from stdin with (format binary)`;
      assert.equal(await transaction.copyFrom(statement, [COPY_HEADER, ...frames, COPY_TRAILER]), events.length);
      return transaction.any<Row>(
        `select name, service, error, duration_ms, weight, metadata, extract(epoch from start_time)::float8 * 1000 as start_ms,
           extract(epoch from end_time)::float8 * 1000 as end_ms
         from stored order by ctid`,
      );
    });
  }

  it('takes every one of them: bounded, and marked where something had to give', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(hostileEvent, { minLength: 1, maxLength: 40 }), async (events) => {
        const rows = await store(events);
        rows.forEach((row, index) => {
          assertBounded(row, events[index] ?? {});
        });
      }),
      { numRuns: 60 },
    );
  });
});

function encode(batch: EventBatch): Buffer[] {
  const encoder = new Encoder(1n, 0);
  const frames: Buffer[] = [];
  for (let next = 0; next < batch.size; ) {
    const encoded = encoder.encode(batch, next);
    assert.equal(encoded.failed, 0);
    assert.ok(encoded.next > next);
    next = encoded.next;
    const { bytes } = encoder.takeBlock(COUNTS, NOW_MS);
    const content = readRowSeries(bytes.subarray(BLOCK_PREFIX_BYTES + bytes.readUInt16BE(22)), encoded.rows);
    assert.ok(content);
    frames.push(content.frames);
  }
  return frames;
}

function assertBounded(row: Row, event: ArrayEvent): void {
  const { name = '', service = '', metadata: seriesMetadata = '' } = event.series ?? {};
  const { endMs = 0, durationMs = 0, weight = 1, metadata = '' } = event;
  const texts = [
    { stored: row.name, given: name, max: 1000 },
    { stored: row.service, given: service, max: 1000 },
    { stored: row.error ?? '', given: event.error ?? '', max: 2000 },
  ];
  for (const { stored, given, max } of texts) {
    assert.ok(stored.length <= max);
    assert.equal(stored, Buffer.from(given.slice(0, stored.length).replaceAll('\0', '\ufffd')).toString());
  }
  const isCut = texts.some(({ given, max }) => given.length > max) || seriesMetadata.length > 4000 || metadata.length > 12_000;
  const isReplaced = texts.some(({ stored, given }) => stored !== given.slice(0, stored.length));
  if (isCut) assert.equal(row.metadata['keepwatch.truncated'], true);
  if (isReplaced) assert.equal(row.metadata['keepwatch.replaced'], true);
  assert.ok(JSON.stringify(row.metadata).length < 50_000);
  assert.ok(row.end_ms >= 0 && row.end_ms <= MAX_END_MS && row.start_ms <= row.end_ms);
  assert.ok(row.duration_ms >= 0 && Number.isFinite(row.duration_ms));
  const isTimeKept = endMs >= 0 && endMs <= MAX_END_MS && durationMs >= 0 && durationMs <= endMs;
  if (isTimeKept) assert.ok(row.duration_ms === durationMs && Math.abs(row.end_ms - endMs) < 0.1);
  assert.equal(row.metadata['keepwatch.invalid_time'] ?? false, !isTimeKept);
  assert.ok(row.weight >= 1);
  assert.equal(row.metadata['keepwatch.invalid_weight'] ?? false, row.weight !== weight);
}
