import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  encodeEmptyBlock,
  encodeSegmentHeader,
  finishBlock,
  MAX_BLOCK_BYTES,
} from '../../../src/archive/segments/segment-format.ts';
import { readSegment } from '../../../src/archive/segments/segment-reader.ts';
import { encodeSeriesBlocks, readSeriesCounts } from '../../../src/archive/segments/series-blocks.ts';
import { type SeriesCount, SeriesCounts, seriesName } from '../../../src/archive/segments/series-counts.ts';
import type { EventSeries } from '../../../src/event.ts';

const COUNTS = { recorded: 1, sampledOut: 0, dropped: {} };
/** The last two differ in their labels only. */
const SERIES = ['a', 'b', 'c', 'c'].map(
  (name, index): EventSeries => ({ type: 'tool', name, service: 'test', metadata: `"label":${index}` }),
);

/** The counts after a segment was written with these blocks and read again. */
function roundTrip(blocks: readonly Buffer[]): SeriesCount[] {
  const header = encodeSegmentHeader({
    sourceId: 7n,
    lane: 'rest',
    segment: 1,
    relation: 'observability_metrics',
    columns: ['end_time'],
    service: 'test',
  });
  const all = [...blocks, encodeEmptyBlock(COUNTS, 0, true)];
  all.forEach((block, index) => {
    finishBlock(block, index + 1, header.seed);
  });
  const segment = readSegment(Buffer.concat([header.bytes, ...all]));
  assert.ok(segment?.isComplete);
  assert.deepEqual(
    segment.blocks.map(({ rows, frames }) => [rows, frames.length]),
    all.map(() => [0, 0]),
  );
  return readSeriesCounts(segment.blocks);
}

describe('SeriesCounts', () => {
  it('tells in the end what was noted, whatever was told in between, and no block ahead of its time', () => {
    const index = fc.nat(SERIES.length - 1);
    const operation = fc.oneof(
      fc.record({ kind: fc.constant('note' as const), index }),
      fc.record({ kind: fc.constant('drop' as const), index }),
      fc.record({ kind: fc.constant('given' as const), index, events: fc.nat(5) }),
      fc.record({ kind: fc.constantFrom('block' as const, 'write' as const, 'tell' as const, 'lose' as const) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const counts = new SeriesCounts();
        const given = SERIES.map(() => 0);
        /** Noted, and carried by blocks that are written. */
        const noted = new Map<string, [number, number]>();
        let written = new Map<string, [number, number]>();
        const told = new Map<string, [number, number]>();
        let blocks: { deltas: ReturnType<SeriesCounts['takeNoted']>; state: typeof noted }[] = [];
        const add = (series: EventSeries, recorded: number, dropped: number) => {
          const [before, beforeDropped] = noted.get(series.name) ?? [0, 0];
          noted.set(series.name, [before + recorded, beforeDropped + dropped]);
        };
        const tell = (isLost: boolean) => {
          const untold = counts.untold();
          if (!isLost) for (const { name, recorded, dropped } of untold) told.set(name, [recorded, dropped]);
          if (isLost) counts.retell();
          else counts.noteTold(untold);
        };
        const write = () => {
          for (const { deltas, state } of blocks) {
            counts.add(deltas);
            written = state;
          }
          blocks = [];
        };
        const run = (each: (typeof operations)[number]) => {
          const series = SERIES['index' in each ? each.index : 0] as EventSeries;
          if (each.kind === 'note') {
            counts.note(series);
            add(series, 1, 0);
          } else if (each.kind === 'drop') {
            counts.noteDropped(series);
            add(series, 1, 1);
          } else if (each.kind === 'given') {
            given[each.index] = (given[each.index] ?? 0) + each.events;
            counts.noteGivenDrops(series, given[each.index] ?? 0);
            add(series, each.events, each.events);
          } else if (each.kind === 'block') blocks.push({ deltas: counts.takeNoted(), state: new Map(noted) });
          else if (each.kind === 'write') write();
          else tell(each.kind === 'lose');
        };
        for (const each of operations) {
          run(each);
          for (const [name, [recorded]] of told) assert.ok(recorded <= (written.get(name)?.[0] ?? 0), name);
        }
        run({ kind: 'block' });
        write();
        tell(false);
        const expected = [...noted].filter(([, [recorded]]) => recorded > 0);
        assert.deepEqual(new Map(told), new Map(expected));
        assert.equal(counts.hasUntold, false);
      }),
    );
  });

  it('begins where another source of the process has ended', () => {
    const first = new SeriesCounts();
    const [series] = SERIES as [EventSeries];
    first.noteGivenDrops(series, 5);
    const second = new SeriesCounts(first.givenDrops);
    second.noteGivenDrops(series, 7);
    first.noteGivenDrops(series, 6);
    second.add(second.takeNoted());
    assert.deepEqual(second.untold(), [{ type: 'tool', name: 'a', recorded: 2, dropped: 2 }]);
  });
});

describe('blocks of series', () => {
  it('give back what they were made of, in as many blocks as it needs', () => {
    const series = Array.from({ length: 3000 }, (_, index) => ({
      type: 'api',
      name: seriesName(`${index} ${'ä"\\\n\0'.repeat(50)}`),
      recorded: Number.MAX_SAFE_INTEGER - index,
      dropped: index,
    }));
    const blocks = encodeSeriesBlocks(series, COUNTS, 0);
    assert.ok(blocks.length > 10 && blocks.every(({ length }) => length <= MAX_BLOCK_BYTES));
    assert.deepEqual(roundTrip(blocks), series);
    assert.deepEqual(roundTrip([]), []);
  });

  it('give the larger counts of a series that comes twice', () => {
    const tell = (recorded: number, dropped: number) =>
      encodeSeriesBlocks([{ type: 'api', name: 'a', recorded, dropped }], COUNTS, 0);
    assert.deepEqual(roundTrip([...tell(5, 1), ...tell(9, 2), ...tell(7, 1)]), [
      { type: 'api', name: 'a', recorded: 9, dropped: 2 },
    ]);
  });

  it('say nothing when they hold something else', () => {
    const nonsense = ['', 'x', '[1]', '{"a":1}', '[["api","a",-1,0]]', '[["api","a",1.5,0]]', `[["${'t'.repeat(51)}","a",1,0]]`];
    assert.deepEqual(readSeriesCounts(nonsense.map((text) => ({ series: Buffer.from(text) }))), []);
  });
});
