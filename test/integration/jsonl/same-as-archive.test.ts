// The same events in both stores: a line of JSON is the row that Postgres has, whatever is in it.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { createArchiveQueries } from '../../../src/archive/queries.ts';
import { EVENT_STATUSES, EVENT_TYPES, LANES } from '../../../src/event.ts';
import type { EventRow } from '../../../src/event-row.ts';
import { boundedMembers } from '../../../src/instrument/bounded-json.ts';
import { createJsonlQueries } from '../../../src/jsonl/jsonl-queries.ts';
import type { ArrayEvent } from '../../support/array-batch.ts';
import { createJsonlFolder, createTestStore, readFolder } from '../../support/jsonl-folder.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { createSpoolDir, createTestArchive } from '../../support/test-archive.ts';

const EVENTS = 400;

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 50 }),
  fc
    .array(
      fc.constantFrom(
        '\0',
        '\ud800',
        '\udc00',
        '😀',
        '\\',
        '\\u0000',
        '"',
        '\n',
        '\r',
        '\u0085',
        '\u2028',
        '\u2029',
        '\uffff',
        'ä',
      ),
    )
    .map((parts) => parts.join('')),
  fc.constantFrom('', 'n'.repeat(10_000), '€'.repeat(10_000), '\0'.repeat(3000), '😀'.repeat(2001), `${'x'.repeat(999)}😀`),
);
const members = fc.oneof(
  fc.constant(''),
  fc.dictionary(text, fc.oneof(text, fc.jsonValue()), { maxKeys: 5 }).map((value) => JSON.stringify(value).slice(1, -1)),
  fc.dictionary(fc.string(), fc.anything(), { maxKeys: 5 }).map((value) => boundedMembers(value).members),
  fc.constantFrom(
    `"a":"${'b'.repeat(13_000)}"`,
    `"a":"${'\\u0000'.repeat(1500)}"`,
    '"a":1,"a":"\\ud83d\\ud83d\\ude00"',
    '"same":1',
    '"same":{"b":[1,\n2]},\r\n"c":"\u2028"',
    '"__proto__":{"polluted":true}',
  ),
);
const event: fc.Arbitrary<ArrayEvent> = fc.record({
  lane: fc.constantFrom(...LANES),
  series: fc.record({ type: fc.constantFrom(...EVENT_TYPES), name: text, service: text, metadata: members }),
  status: fc.constantFrom(...EVENT_STATUSES),
  durationMs: fc.oneof(
    fc.double(),
    fc.constantFrom(0, -1, Number.NaN, Infinity, 1.2345, 1e15),
    fc.double({ min: 0, max: 1e6, noNaN: true }),
  ),
  metadata: fc.option(members, { nil: undefined }),
  error: fc.option(text, { nil: undefined }),
  traceId: fc.constantFrom(undefined, '0'.repeat(32), '0af7651916cd43dd8448eb211c80319c'),
  spanId: fc.constantFrom('0'.repeat(16), 'b7ad6b7169203331'),
  parentSpanId: fc.constantFrom(undefined, '00f067aa0ba902b7'),
});

describe('events in JSONL files, and in Postgres', function () {
  this.timeout(120_000);
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  let folder: ReturnType<typeof createJsonlFolder>;
  before(async () => {
    test = await createTestDatabase();
    spool = createSpoolDir();
    folder = createJsonlFolder();
  });
  after(async () => {
    await test.drop();
    spool.remove();
    folder.remove();
  });

  it('are the same, hostile ones too', async () => {
    const nowMs = Date.now();
    // The weight tells which is which.
    const events = fc
      .sample(event, EVENTS)
      .map((given, index): ArrayEvent => ({ ...given, weight: index + 1, endMs: nowMs - index * 0.25 }));
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    tracker.record(...events);
    await archive.stop({ timeoutMs: 60_000 });
    const files = createTestStore(folder.path);
    files.tracker.record(...events);
    await files.store.stop({ timeoutMs: 5000 });

    const rows = await createArchiveQueries(test.database).recent({ limit: 1000 });
    const lines = await createJsonlQueries({ folder: folder.path, onBroken: ({ first }) => assert.fail(first) }).recent({
      limit: 1000,
    });
    assert.equal(rows.length, EVENTS);
    assert.equal(lines.length, EVENTS);
    assert.deepEqual(lines.map(({ weight }) => weight).sort(byNumber), rows.map(({ weight }) => weight).sort(byNumber));
    for (const row of rows) assert.deepEqual(comparable(lines.find(({ weight }) => weight === row.weight)), comparable(row));
    // As they stand in the file, for readers that end lines elsewhere too.
    const texts = readdirSync(folder.path).map((name) => readFileSync(join(folder.path, name), 'utf8'));
    assert.ok(!/[\r\u0085\u2028\u2029]/.test(texts.join('')), 'no other end of a line');
    assert.equal(readFolder(folder.path).broken.length, 0);
  });

  it('have the same quantiles, to the bucket', async () => {
    const nowMs = Date.now();
    const us = fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 2 ** 31 - 1 }));
    const series = { type: 'tool', name: 'measured', service: 'test', metadata: '' } as const;
    const events = fc.sample(us, EVENTS).map(
      (given, index): ArrayEvent => ({
        series,
        durationMs: given / 1000,
        weight: 1 + (index % 3),
        endMs: nowMs - index * 0.25,
      }),
    );
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    tracker.record(...events);
    await archive.stop({ timeoutMs: 60_000 });
    const files = createTestStore(folder.path);
    files.tracker.record(...events);
    await files.store.stop({ timeoutMs: 5000 });

    const asked = { from: new Date(nowMs - 60_000), to: new Date(nowMs + 1), name: 'measured' };
    const [row] = await createArchiveQueries(test.database).summary(asked);
    const [line] = await createJsonlQueries({ folder: folder.path }).summary(asked);
    const keys = ['p50_ms', 'p95_ms', 'p99_ms', 'avg_ms', 'min_ms', 'max_ms'] as const;
    for (const key of keys)
      assert.ok(Math.abs((line?.[key] ?? -1) / (row?.[key] ?? 0) - 1) < 1e-9 || line?.[key] === row?.[key], key);
    assert.equal(line?.count, row?.count);
  });
});

function byNumber(a: number, b: number): number {
  return a - b;
}

/** Without what tells the source; through JSON, which knows no -0 nor infinity. Of the id what is not the source's: moment and number. */
function comparable(row: EventRow | undefined): unknown {
  assert.ok(row !== undefined);
  const { id, source_id, ...rest } = row;
  assert.match(source_id, /^\d+$/);
  const hex = id.replaceAll('-', '');
  return JSON.parse(
    JSON.stringify({ ...rest, moment: hex.slice(0, 16), number: (Number.parseInt(hex.slice(16, 24), 16) >>> 10) & 0xf_ffff }),
  );
}
