// The series of rows, through the encoder and back from the bytes of a segment.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Encoder } from '../../../../src/archive/encoding/encoder.ts';
import { BatchRollups } from '../../../../src/archive/rollups/batch-rollups.ts';
import { canonicalLabels, halvesOf, KnownSeries, seriesId } from '../../../../src/archive/rollups/series.ts';
import { COLUMNS, splitTuples } from '../../../../src/archive/segments/copy-tuples.ts';
import { LANE_RELATIONS } from '../../../../src/archive/segments/relations.ts';
import { encodeEmptyBlock, encodeSegment } from '../../../../src/archive/segments/segment-format.ts';
import { type Block, readSegment } from '../../../../src/archive/segments/segment-reader.ts';
import { EVENT_STATUSES, type EventSeries } from '../../../../src/event.ts';
import { ArrayBatch, type ArrayEvent } from '../../../support/array-batch.ts';

const COUNTS = { recorded: 0, sampledOut: 0, dropped: {} };
const { name: relation, columns } = LANE_RELATIONS.rest;
const HEADER = { sourceId: 7n, lane: 'rest', segment: 1, relation, columns, service: 'test' } as const;

const label = fc.string({ minLength: 1, maxLength: 5, unit: 'grapheme' });
const members = fc
  .dictionary(label, fc.oneof(fc.string({ maxLength: 8 }), fc.boolean()), { maxKeys: 3 })
  .map((object) => JSON.stringify(object).slice(1, -1));
const series = fc.record({
  type: fc.constantFrom<EventSeries['type']>('api', 'tool'),
  name: fc.string({ maxLength: 6 }),
  service: fc.constantFrom('a', 'b'),
  metadata: members,
});
const events = fc
  .tuple(
    fc.array(series, { minLength: 1, maxLength: 6 }),
    fc.array(fc.tuple(fc.nat(), fc.option(members), fc.constantFrom(...EVENT_STATUSES)), { minLength: 1, maxLength: 900 }),
  )
  .map(([all, rows]): ArrayEvent[] =>
    rows.map(([place, metadata, status]) => ({
      series: all[place % all.length] as EventSeries,
      metadata: metadata ?? undefined,
      status,
      ...(place % 3 === 0 && { traceId: '1'.repeat(32), spanId: '2'.repeat(16) }),
      ...(place % 5 === 0 && { error: 'broken' }),
    })),
  );

function blocksOf(given: readonly ArrayEvent[]): readonly Block[] {
  const encoder = new Encoder(7n, 1);
  const batch = new ArrayBatch(given, COUNTS, Date.UTC(2026, 0, 1));
  const blocks: Buffer[] = [];
  for (let next = 0; next < batch.size; ) {
    next = encoder.encode(batch, next).next;
    blocks.push(Buffer.from(encoder.takeBlock(COUNTS, 0).bytes));
  }
  return readSegment(encodeSegment(HEADER, blocks, encodeEmptyBlock(COUNTS, 0, true)))?.blocks ?? [];
}

describe('the series of rows', () => {
  it('come back with each row as they were, labels among other metadata', () => {
    fc.assert(
      fc.property(events, (given) => {
        let index = 0;
        for (const { frames, rowSeries } of blocksOf(given)) {
          const tuples = splitTuples(frames);
          tuples.forEach((_, row) => {
            const expected = given[index++]?.series;
            assert.ok(rowSeries && expected);
            const entry = rowSeries.entry(rowSeries.entryOf(row));
            const at = entry.rowAt + entry.labelsAt;
            const labels = frames.toString('utf8', at, at + entry.labelsLength);
            assert.equal(canonicalLabels(labels), canonicalLabels(expected.metadata));
            const { service, type, name } = expected;
            const storable = Buffer.from(name.replaceAll('\0', '\ufffd')).toString();
            const id = seriesId(service, type, storable, canonicalLabels(expected.metadata));
            assert.deepEqual([entry.idHigh, entry.idLow], halvesOf(id));
            assert.equal(EVENT_STATUSES[entry.status], given[index - 1]?.status);
            assert.ok(frames.includes(`"keepwatch`) || entry.labelsLength === Buffer.byteLength(expected.metadata));
          });
        }
        assert.equal(index, given.length);
      }),
      { numRuns: 60 },
    );
  });

  it('leave room for themselves in every block', () => {
    const given = Array.from({ length: 5000 }, (_, index) => ({
      series: { type: 'api', name: `${index}`, service: '', metadata: '' } as const,
    }));
    for (const { rows, rowSeries } of blocksOf(given)) assert.ok(rows === 0 || rowSeries?.count === rows);
  });

  it('know nothing of a series that differs in a label only', () => {
    assert.notEqual(seriesId('s', 'api', 'n', canonicalLabels('"a":"1"')), seriesId('s', 'api', 'n', canonicalLabels('"a":"2"')));
    assert.equal(canonicalLabels('"b":1,"a":true'), canonicalLabels('"a":true,"b":1'));
  });

  it('have no labels where they are not what jsonb takes, or no flat values', () => {
    for (const bad of ['"a":{"b":1}', '"a":1e999', '"a"', '"a":"\\u0000"', '"a":"\\ud800"', '"a":0.1']) {
      assert.equal(canonicalLabels(bad), '{}', bad);
    }
  });

  it('are asked for once while the database surely has them, and again when that is in doubt', () => {
    const known = new KnownSeries();
    const statementsOf = () => {
      const rollups = new BatchRollups(COLUMNS, known);
      for (const { frames, rowSeries } of blocksOf([{}, {}])) {
        rollups.add({ row: 1, frames, named: rowSeries && { frames, rowSeries } });
      }
      return rollups;
    };
    const first = statementsOf();
    assert.equal(first.statements().length, 2);
    assert.equal(statementsOf().statements().length, 2); // the first one is not committed
    first.noteCommit();
    assert.equal(statementsOf().statements().length, 1);
    known.distrust();
    assert.equal(statementsOf().statements().length, 2);
  });
});
