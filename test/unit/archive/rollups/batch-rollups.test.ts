// What a batch adds to the rollups, against brute force over its events, and with blocks that say of their rows what is not true.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Encoder } from '../../../../src/archive/encoding/encoder.ts';
import { BatchRollups } from '../../../../src/archive/rollups/batch-rollups.ts';
import { canonicalLabels, KnownSeries, seriesId } from '../../../../src/archive/rollups/series.ts';
import { COLUMNS, splitTuples } from '../../../../src/archive/segments/copy-tuples.ts';
import { ENTRY_BYTES, readRowSeries } from '../../../../src/archive/segments/row-series.ts';
import { BLOCK_PREFIX_BYTES } from '../../../../src/archive/segments/segment-format.ts';
import { bucketOf, toMicroseconds } from '../../../../src/duration-buckets.ts';
import { EVENT_STATUSES, type EventSeries } from '../../../../src/event.ts';
import { ArrayBatch, type ArrayEvent } from '../../../support/array-batch.ts';

const COUNTS = { recorded: 0, sampledOut: 0, dropped: {} };
const NOON_MS = Date.UTC(2026, 0, 1, 12);
const MINUTE_MS = 60_000;

const members = fc.constantFrom('', '"method":"GET"', '"method":"GET","code":200', '"z":true,"a":"é"');
const series = fc.record({
  type: fc.constantFrom<EventSeries['type']>('api', 'tool'),
  name: fc.string({ maxLength: 4, unit: 'binary' }),
  service: fc.constantFrom('a', 'b'),
  metadata: members,
});
const durationMs = fc.oneof(fc.double({ min: 0, max: 1e6 }), fc.constantFrom(0, 0.001, 1, 9e18), fc.double());
const weight = fc.oneof(
  { weight: 5, arbitrary: fc.constant(1) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 2 ** 31 - 1 }) },
);
const row = fc.record({
  place: fc.nat(),
  minute: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: -10_080, max: 60 }) }),
  durationMs,
  weight,
  status: fc.constantFrom(...EVENT_STATUSES),
  error: fc.option(fc.constant('broken')),
});
const events = fc
  .tuple(fc.array(series, { minLength: 1, maxLength: 8 }), fc.array(row, { minLength: 1, maxLength: 400 }))
  .map(([all, rows]): ArrayEvent[] =>
    rows.map(({ place, minute, error, ...row }) => ({
      ...row,
      series: all[place % all.length] as EventSeries,
      endMs: NOON_MS + minute * MINUTE_MS + (place % 1000),
      error: error ?? undefined,
    })),
  );

/** Rows, and what is behind them in their block. */
function contentsOf(given: readonly ArrayEvent[]): { content: Buffer; rows: number }[] {
  const encoder = new Encoder(7n, 1);
  const batch = new ArrayBatch(given, COUNTS, NOON_MS);
  const contents: { content: Buffer; rows: number }[] = [];
  for (let next = 0; next < batch.size; ) {
    const encoded = encoder.encode(batch, next);
    const { bytes } = encoder.takeBlock(COUNTS, 0);
    contents.push({ content: Buffer.from(bytes.subarray(BLOCK_PREFIX_BYTES + bytes.readUInt16BE(22))), rows: encoded.rows });
    next = encoded.next;
  }
  return contents;
}

function rollUp(contents: ReturnType<typeof contentsOf>, known: KnownSeries, rowByRow = false): BatchRollups {
  const rollups = new BatchRollups(COLUMNS, known);
  for (const { content, rows } of contents) {
    const named = readRowSeries(content, rows);
    const frames = named?.frames ?? content;
    const parts = rowByRow ? splitTuples(frames) : [frames];
    parts.forEach((part, index) => {
      rollups.add({ row: index + 1, frames: part, named });
    });
  }
  return rollups;
}

interface Sums {
  rows: bigint;
  count: bigint;
  sum: bigint;
  min: bigint;
  max: bigint;
  readonly buckets: Map<number, bigint>;
}

/** The tuples that go to Postgres, each with its minute, series and status. */
function deltasOf(rollups: BatchRollups): [string, Sums][] {
  const bytes = Buffer.concat(rollups.statements().at(-1)?.chunks?.slice(1, 2) ?? []);
  return splitTuples(bytes).map((tuple) => {
    const [minute, id, status, rows, count, sum, min, max, hb, hc] = fieldsOf(tuple) as [Buffer, ...Buffer[]] &
      Record<number, Buffer>;
    assert.ok(id && status && rows && count && sum && min && max && hb && hc);
    const counts = elementsOf(hc);
    const keys = elementsOf(hb).map((element) => element.readInt16BE());
    assert.deepEqual(
      keys,
      [...new Set(keys)].toSorted((a, b) => a - b),
    );
    const sums = {
      rows: rows.readBigInt64BE(),
      count: count.readBigInt64BE(),
      sum: sum.readBigInt64BE(),
      min: min.readBigInt64BE(),
      max: max.readBigInt64BE(),
      buckets: new Map(keys.map((key, index) => [key, counts[index]?.readBigInt64BE() ?? 0n])),
    };
    return [`${minute.readBigInt64BE()} ${id.readBigInt64BE()} ${status.toString()}`, sums];
  });
}

function fieldsOf(tuple: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 2; at < tuple.length; ) {
    const length = tuple.readInt32BE(at);
    fields.push(tuple.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return fields;
}

/** Of an array of one dimension. */
function elementsOf(array: Buffer): Buffer[] {
  const elements: Buffer[] = [];
  for (let at = 20; at < array.length; at += 4 + array.readInt32BE(at))
    elements.push(array.subarray(at + 4, at + 4 + array.readInt32BE(at)));
  assert.equal(elements.length, array.readInt32BE(12));
  return elements;
}

/** The same, event by event. */
function bruteForce(given: readonly ArrayEvent[]): Map<string, Sums> {
  const found = new Map<string, Sums>();
  for (const { series: of, status = '', endMs = 0, durationMs: ms = 0, weight: of1 = 1 } of given) {
    assert.ok(of);
    const name = Buffer.from(of.name.replaceAll('\0', '\ufffd')).toString();
    const minuteUs = (BigInt(Math.floor(endMs / MINUTE_MS)) * 60n - 946_684_800n) * 1_000_000n;
    const key = `${minuteUs} ${seriesId(of.service, of.type, name, canonicalLabels(of.metadata))} ${status}`;
    const us = BigInt(toMicroseconds(storedMs(ms, endMs)));
    const sums = found.get(key) ?? { rows: 0n, count: 0n, sum: 0n, min: us, max: us, buckets: new Map<number, bigint>() };
    found.set(key, sums);
    sums.rows++;
    sums.count += BigInt(of1);
    sums.sum += us * BigInt(of1);
    if (us < sums.min) sums.min = us;
    if (us > sums.max) sums.max = us;
    const bucket = bucketOf(Number(us));
    sums.buckets.set(bucket, (sums.buckets.get(bucket) ?? 0n) + BigInt(of1));
  }
  for (const sums of found.values()) if (sums.sum > 2n ** 63n - 1n) sums.sum = 2n ** 63n - 1n;
  return found;
}

/** The encoder takes no longer ones, nor NaN. */
function storedMs(ms: number, endMs: number): number {
  return ms >= 0 && ms <= endMs ? ms : 0;
}

describe('BatchRollups', () => {
  it('adds up what brute force does, from blocks as from single rows, by ids as by texts', () => {
    fc.assert(
      fc.property(events, (given) => {
        const contents = contentsOf(given);
        const expected = bruteForce(given);
        const known = new KnownSeries();
        assert.deepEqual(new Map(deltasOf(rollUp(contents, known))), expected);
        assert.deepEqual(new Map(deltasOf(rollUp(contents, known))), expected);
        assert.deepEqual(new Map(deltasOf(rollUp(contents, known, true))), expected);
      }),
      { numRuns: 60 },
    );
  });

  it('counts every row once, whatever a block says of their series', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 40 });
    const known = new KnownSeries();
    fc.assert(
      fc.property(events, changes, (given, changed) => {
        const contents = contentsOf(given);
        for (const { content, rows } of contents) {
          const named = readRowSeries(content, rows);
          assert.ok(named);
          const from = named.frames.length;
          const length = named.rowSeries.count * ENTRY_BYTES + rows * 2;
          for (const [place, value] of changed) content[from + (place % length)] = value;
        }
        for (const rowByRow of [false, true]) {
          const deltas = deltasOf(rollUp(contents, known, rowByRow));
          assert.equal(
            deltas.reduce((sum, [, { rows }]) => sum + rows, 0n),
            BigInt(given.length),
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is not stopped by bytes that are no rows', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 400 });
    fc.assert(
      fc.property(events, changes, fc.nat(2000), (given, changed, claimed) => {
        const contents = contentsOf(given).map(({ content }) => {
          for (const [place, value] of changed) content[place % content.length] = value;
          return { content, rows: claimed };
        });
        assert.doesNotThrow(() => rollUp(contents, new KnownSeries()).statements());
      }),
      { numRuns: 60 },
    );
  });
});
