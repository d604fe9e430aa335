import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Encoder } from '../../../src/archive/encoding/encoder.ts';
import { COLUMNS, readTimestampMs, splitTuples } from '../../../src/archive/segments/copy-tuples.ts';
import {
  encodeEmptyBlock,
  encodeSegmentHeader,
  FORMAT_VERSION,
  finishBlock,
  headerCrc,
  MAX_BLOCK_BYTES,
  type SegmentHeader,
} from '../../../src/archive/segments/segment-format.ts';
import { readSegment, type Segment } from '../../../src/archive/segments/segment-reader.ts';
import { KeepwatchError } from '../../../src/errors.ts';
import { EVENT_STATUSES, EVENT_TYPES, type EventBatch, type EventCounts, type Lane } from '../../../src/event.ts';
import { ArrayBatch, type ArrayEvent } from '../../support/array-batch.ts';

const SOURCE_ID = 0x0123_4567_89ab_cdefn;
const NOW_MS = Date.UTC(2026, 5, 1);

const eventArbitrary: fc.Arbitrary<ArrayEvent> = fc.record({
  series: fc.record({
    type: fc.constantFrom(...EVENT_TYPES),
    name: fc.string({ unit: 'binary', maxLength: 200 }),
    service: fc.string({ unit: 'grapheme', maxLength: 20 }),
    metadata: fc.constantFrom('', '"a":1', '"ä":"ö"'),
  }),
  status: fc.constantFrom(...EVENT_STATUSES),
  endMs: fc.integer({ min: 0, max: 4e12 * 1000 }).map((microseconds) => microseconds / 1000),
  durationMs: fc.integer({ min: 0, max: 1e9 }).map((microseconds) => microseconds / 1000),
  weight: fc.integer({ min: -1, max: 2 ** 31 }),
  metadata: fc.option(
    fc.string({ unit: 'binary', maxLength: 3000 }).map((text) => `"x":${JSON.stringify(text)}`),
    { nil: undefined },
  ),
  error: fc.option(fc.string({ unit: 'binary', maxLength: 1000 }), { nil: undefined }),
  traceId: fc.option(hex(16), { nil: undefined }),
  spanId: hex(8),
  parentSpanId: fc.option(hex(8), { nil: undefined }),
});

function hex(bytes: number): fc.Arbitrary<string> {
  return fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((value) => Buffer.from(value).toString('hex'));
}

/** All blocks of a batch, as the spool makes them. */
function encodeBlocks(batch: EventBatch, encoder = new Encoder(SOURCE_ID, 0)): Buffer[] {
  const blocks: Buffer[] = [];
  for (let next = 0; next < batch.size; ) {
    next = encoder.encode(batch, next).next;
    const counts: EventCounts = { recorded: next, sampledOut: 0, dropped: {} };
    blocks.push(encoder.takeBlock(counts, batch.lowWatermarkMs).bytes);
  }
  return blocks;
}

function encodeSegment(blocks: readonly Buffer[], header: Partial<SegmentHeader> = {}): Buffer {
  const whole: SegmentHeader = {
    sourceId: SOURCE_ID,
    lane: 'rest',
    segment: 1,
    relation: 'observability_metrics',
    columns: COLUMNS,
    service: 'test',
    ...header,
  };
  const { bytes, seed } = encodeSegmentHeader(whole);
  const last = encodeEmptyBlock({ recorded: 0, sampledOut: 0, dropped: {} }, NOW_MS, true);
  const all = [...blocks.map((block) => Buffer.from(block)), last];
  all.forEach((block, index) => {
    finishBlock(block, index + 1, seed);
  });
  return Buffer.concat([bytes, ...all]);
}

function read(bytes: Buffer): Segment {
  const segment = readSegment(bytes);
  assert.ok(segment);
  return segment;
}

/** The fields of a tuple; null where COPY says null. */
function fieldsOf(tuple: Buffer): (Buffer | null)[] {
  const fields: (Buffer | null)[] = [];
  for (let at = 2; at < tuple.length; ) {
    const length = tuple.readInt32BE(at);
    fields.push(length === -1 ? null : tuple.subarray(at + 4, at + 4 + length));
    at += 4 + Math.max(length, 0);
  }
  return fields;
}

describe('segments', () => {
  it('give back every event that was encoded, in order, in blocks of at most 64 KiB', () => {
    fc.assert(
      fc.property(fc.array(eventArbitrary, { maxLength: 60 }), (events) => {
        const blocks = encodeBlocks(new ArrayBatch(events, undefined, NOW_MS));
        assert.ok(blocks.every((block) => block.length <= MAX_BLOCK_BYTES));
        const segment = read(encodeSegment(blocks));
        assert.equal(segment.isComplete, true);
        assert.deepEqual([segment.damaged, segment.tailBytes], [[], 0]);
        const tuples = segment.blocks.flatMap((block) => splitTuples(block.frames));
        assert.equal(tuples.length, events.length);
        assert.equal(
          segment.blocks.reduce((rows, block) => rows + block.rows, 0),
          events.length,
        );
        tuples.forEach((tuple, index) => {
          assertTuple(tuple, events[index] ?? {});
        });
      }),
      { numRuns: 60 },
    );
  });

  it('number events with ids that are unique, ordered within a millisecond, and the same for the same source', () => {
    const events = Array.from({ length: 5000 }, () => ({ endMs: NOW_MS + 0.5 }));
    const ids = (sourceId: bigint) =>
      encodeBlocks(new ArrayBatch(events), new Encoder(sourceId, 0)).flatMap((block) =>
        read(encodeSegment([block])).blocks.flatMap(({ frames }) =>
          splitTuples(frames).map((tuple) => tuple.toString('hex', 6, 22)),
        ),
      );
    const first = ids(SOURCE_ID);
    assert.equal(new Set([...first, ...ids(SOURCE_ID + 1n), ...ids(SOURCE_ID + (1n << 41n))]).size, 15_000);
    assert.deepEqual(first, ids(SOURCE_ID));
    assert.deepEqual(first, first.toSorted());
    for (const id of first) assert.match(id, /^[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
    assert.equal(Number.parseInt(first[0]?.slice(0, 12) ?? '', 16), NOW_MS);
  });

  it('survive any damage: what is given back is true, and nothing throws', () => {
    const events = Array.from({ length: 300 }, (_, index) => ({ endMs: NOW_MS + index, metadata: `"i":${index}` }));
    const blocks = [0, 100, 200].flatMap((from) => encodeBlocks(new ArrayBatch(events.slice(from, from + 100))));
    const intact = encodeSegment(blocks);
    const framesOf = new Set(read(intact).blocks.map((block) => block.frames.toString('latin1')));
    const headerEnd = intact.indexOf('KWBK');
    const damage = fc.oneof(
      fc.record({ kind: fc.constant('flip'), at: fc.nat(intact.length - 1), bit: fc.nat(7) }),
      fc.record({ kind: fc.constant('cut'), at: fc.nat(intact.length - 1), bit: fc.constant(0) }),
      fc.record({ kind: fc.constant('zero'), at: fc.nat(intact.length - 1), bit: fc.nat(4000) }),
      fc.record({ kind: fc.constant('repeat'), at: fc.nat(intact.length - 1), bit: fc.nat(4000) }),
    );
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
        let bytes: Buffer = Buffer.from(intact);
        for (const { kind, at, bit } of damages) {
          if (kind === 'flip') bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
          if (kind === 'cut') bytes = bytes.subarray(0, at);
          if (kind === 'zero' && at < bytes.length) bytes.fill(0, at, Math.min(at + bit, bytes.length));
          if (kind === 'repeat') bytes = Buffer.concat([bytes.subarray(0, at + bit), bytes.subarray(at)]);
        }
        try {
          const segment = readSegment(bytes);
          for (const block of segment?.blocks ?? []) assert.ok(framesOf.has(block.frames.toString('latin1')));
          const numbers = segment?.blocks.map((block) => block.number) ?? [];
          assert.deepEqual(
            numbers,
            [...new Set(numbers)].sort((a, b) => a - b),
          );
          if (damages.length === 1 && (damages[0]?.at ?? 0) >= headerEnd)
            assert.ok(numbers.length >= (damages[0]?.kind === 'cut' ? 0 : 1));
        } catch (error) {
          assert.ok(error instanceof KeepwatchError && error.code === 'ERR_SEGMENT_INVALID', String(error));
        }
      }),
      { numRuns: 400 },
    );
  });

  it('name the damaged bytes between two blocks, and the bytes behind the last one', () => {
    const blocks = encodeBlocks(new ArrayBatch(Array.from({ length: 600 }, () => ({}))));
    assert.ok(blocks.length >= 2);
    const bytes = encodeSegment(blocks);
    const first = bytes.indexOf('KWBK');
    bytes[first + 60] = (bytes[first + 60] ?? 0) ^ 1;
    const cut = read(bytes.subarray(0, bytes.length - 1));
    assert.deepEqual(cut.damaged, [{ offset: first, length: blocks[0]?.length ?? 0 }]);
    assert.equal(cut.isComplete, false);
    assert.ok(cut.tailBytes > 0);
  });

  it('take no block of another segment for one of theirs', () => {
    const blocks = encodeBlocks(new ArrayBatch([{}]));
    const other = encodeSegment(blocks, { segment: 2 });
    const mixed = Buffer.concat([encodeSegment([]), other.subarray(other.indexOf('KWBK'))]);
    assert.equal(read(mixed).blocks.length, 1);
    assert.equal(read(mixed).tailBytes, other.length - other.indexOf('KWBK'));
  });

  it('wait for a newer process when a newer one wrote them', () => {
    const bytes = encodeSegment(encodeBlocks(new ArrayBatch([{}])));
    const end = bytes.indexOf('KWBK');
    bytes.writeUInt16BE(FORMAT_VERSION + 1, 4);
    assert.throws(() => readSegment(bytes), { code: 'ERR_SEGMENT_INVALID' });
    bytes.writeUInt32BE(headerCrc(bytes.subarray(0, end)), 12);
    assert.equal(readSegment(bytes), undefined);
  });

  for (const [what, header] of [
    ['another table', { relation: 'pg_authid' }],
    ['a column that is none', { columns: ['end_time', 'id) from program'] }],
    ['a column twice', { columns: ['end_time', 'id', 'id'] }],
    ['no column of the time that rows belong to', { columns: ['id'] }],
    ['no column at all', { columns: [] }],
    ['a lane that is a path', { lane: '../x' as Lane }],
  ] as const) {
    it(`are refused when their header names ${what}`, () => {
      assert.throws(() => readSegment(encodeSegment([], header)), { code: 'ERR_SEGMENT_INVALID' });
    });
  }

  for (const [what, header] of [
    ['a table', { relation: 'observability_logs' }],
    ['a column', { columns: [...COLUMNS, 'severity'] }],
    ['a lane', { lane: 'traces' as Lane }],
  ] as const) {
    it(`wait for a newer process when their header names ${what} that is not known yet`, () => {
      assert.equal(readSegment(encodeSegment([], header)), undefined);
    });
  }

  it('keep the column list that they were written with', () => {
    const columns = ['created_at', ...COLUMNS.filter((column) => column !== 'weight')];
    assert.deepEqual(read(encodeSegment([], { columns })).header.columns, columns);
  });

  for (const [what, bytes] of [
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('hello, this is no segment at all')],
    ['a header without end', encodeSegment([]).subarray(0, 40)],
  ] as const) {
    it(`refuse ${what}`, () => {
      assert.throws(() => readSegment(bytes), { code: 'ERR_SEGMENT_INVALID' });
    });
  }
});

describe('Encoder', () => {
  it('writes to no block that it has given away, until the block is given back', () => {
    const full = (text: string) =>
      new ArrayBatch(Array.from({ length: 400 }, () => ({ endMs: NOW_MS, metadata: `"a":"${text}"` })));
    const encoder = new Encoder(SOURCE_ID, 0);
    const take = (text: string) => {
      encoder.encode(full(text), 0);
      return encoder.takeBlock({ recorded: 1, sampledOut: 0, dropped: {} }, NOW_MS);
    };
    const first = take('first');
    const copy = Buffer.from(first.bytes);
    const others = ['second', 'third'].map(take);
    assert.deepEqual(first.bytes, copy);
    assert.equal(new Set([first, ...others].map(({ bytes }) => bytes.buffer)).size, 3);
    encoder.recycle(first);
    encoder.encode(full('fourth'), 0);
    const reused = [take('fifth'), take('sixth')].map(({ bytes }) => bytes.buffer);
    assert.ok(reused.includes(first.bytes.buffer));
  });

  it('keeps no page for a block of few events, of which thousands may wait for the disk', () => {
    const encoder = new Encoder(SOURCE_ID, 0);
    const batch = new ArrayBatch([{ endMs: NOW_MS }]);
    encoder.encode(batch, 0);
    const { bytes, page } = encoder.takeBlock(batch.counts, NOW_MS);
    assert.equal(page, undefined);
    assert.ok(bytes.buffer.byteLength < MAX_BLOCK_BYTES);
  });

  it('leaves out an event that cannot be read, and keeps the others whole', () => {
    const batch = new ArrayBatch(Array.from({ length: 10 }, () => ({ endMs: NOW_MS })));
    const encoder = new Encoder(SOURCE_ID, 0);
    const hostile = new Proxy<EventBatch>(batch, {
      get(target, key) {
        const value = target[key as keyof EventBatch] as unknown;
        if (typeof value !== 'function') return value;
        return (index: number, ...rest: unknown[]) => {
          if (key === 'status' && index === 3) return 'unheard of';
          if (key === 'error' && index === 7) throw new Error('no');
          return (value as (...given: unknown[]) => unknown).call(target, index, ...rest);
        };
      },
    });
    assert.deepEqual(encoder.encode(hostile, 0), { next: 10, rows: 8, failed: 2, minEndMs: NOW_MS });
    const [block] = read(encodeSegment([encoder.takeBlock(batch.counts, NOW_MS).bytes])).blocks;
    assert.equal(splitTuples(block?.frames ?? Buffer.alloc(0)).length, 8);
  });

  it('fits the largest event that it lets through in one block', () => {
    const event: ArrayEvent = {
      series: {
        type: 'custom',
        name: '\u20ac'.repeat(1e4),
        service: '\u20ac'.repeat(1e4),
        metadata: `"s":"${'\u20ac'.repeat(3990)}"`,
      },
      metadata: `"m":"${'\u20ac'.repeat(11_990)}"`,
      error: '\u20ac'.repeat(1e4),
      endMs: Number.NaN,
    };
    const blocks = encodeBlocks(new ArrayBatch([event, event]));
    assert.equal(blocks.length, 2);
    assert.ok(blocks.every((block) => block.length <= MAX_BLOCK_BYTES));
  });
});

function assertTuple(tuple: Buffer, event: ArrayEvent): void {
  assert.equal(tuple.readInt16BE(0), COLUMNS.length);
  const fields = fieldsOf(tuple);
  assert.equal(fields.length, COLUMNS.length);
  const field = (name: (typeof COLUMNS)[number]): Buffer | null => fields[COLUMNS.indexOf(name)] ?? null;
  const { series, endMs = 0, durationMs = 0 } = event;
  const isDurationValid = durationMs <= endMs;
  assert.equal(readTimestampMs(tuple, COLUMNS.indexOf('end_time')), Math.round(endMs * 1000) / 1000);
  const startMicroseconds = Math.round(endMs * 1000) - (isDurationValid ? Math.round(durationMs * 1000) : 0);
  assert.equal(readTimestampMs(tuple, COLUMNS.indexOf('start_time')), startMicroseconds / 1000);
  assert.equal(field('duration_ms')?.readDoubleBE(), isDurationValid ? durationMs : 0);
  assert.equal(field('source_id')?.readBigInt64BE(), SOURCE_ID);
  const { weight = 1 } = event;
  assert.equal(field('weight')?.readInt32BE(), Math.min(Math.max(weight, 1), 2 ** 31 - 1));
  for (const name of ['name', 'type', 'service'] as const) {
    assert.equal(field(name)?.toString(), withoutUnstorable(series?.[name] ?? ''));
  }
  assert.equal(field('status')?.toString(), event.status);
  assert.equal(field('error')?.toString(), event.error === undefined ? undefined : withoutUnstorable(event.error));
  const hasTrace = event.traceId !== undefined;
  assert.equal(field('trace_id')?.toString('hex'), event.traceId);
  assert.equal(field('span_id')?.toString('hex'), hasTrace ? event.spanId : undefined);
  assert.equal(field('parent_span_id')?.toString('hex'), hasTrace ? event.parentSpanId : undefined);
  const metadata = field('metadata');
  assert.equal(metadata?.[0], 1);
  const json = metadata?.subarray(1).toString() ?? '';
  const own = JSON.parse(
    `{${[series?.metadata, event.metadata].filter((text) => text !== undefined && text !== '').join()}}`,
  ) as {
    x?: string;
  };
  const given = [series?.name, series?.service, event.error, own.x].map((text) => text ?? '');
  assert.deepEqual(JSON.parse(json), {
    ...own,
    ...(own.x === undefined ? {} : { x: withoutUnstorable(own.x) }),
    ...(given.some((text) => withoutUnstorable(text) !== text) ? { 'keepwatch.replaced': true } : {}),
    ...(isDurationValid ? {} : { 'keepwatch.invalid_time': true }),
    ...(weight >= 1 && weight < 2 ** 31 ? {} : { 'keepwatch.invalid_weight': true }),
  });
}

function withoutUnstorable(text: string): string {
  return Buffer.from(text.replaceAll('\0', '\ufffd')).toString();
}
