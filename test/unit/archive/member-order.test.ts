import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Encoder } from '../../../src/archive/encoding/encoder.ts';
import { COLUMNS, splitTuples } from '../../../src/archive/segments/copy-tuples.ts';
import { encodeSegmentHeader, finishBlock } from '../../../src/archive/segments/segment-format.ts';
import { readSegment } from '../../../src/archive/segments/segment-reader.ts';
import { ArrayBatch } from '../../support/array-batch.ts';

/** The metadata that a row has, of which the series and the event have these members. */
function encodeMetadata(shared: string, own: string, error?: string): string {
  const encoder = new Encoder(1n, 0);
  const series = { type: 'api', name: 'n', service: 's', metadata: shared } as const;
  encoder.encode(new ArrayBatch([{ series, metadata: own, error }]), 0);
  const { bytes: block } = encoder.takeBlock({ recorded: 1, sampledOut: 0, dropped: {} }, 0);
  const header = {
    sourceId: 1n,
    lane: 'rest',
    segment: 1,
    relation: 'observability_metrics',
    columns: COLUMNS,
    service: 's',
  } as const;
  const { bytes, seed } = encodeSegmentHeader(header);
  finishBlock(block, 1, seed);
  const [tuple] = splitTuples(readSegment(Buffer.concat([bytes, block]))?.blocks[0]?.frames ?? Buffer.alloc(0));
  assert.ok(tuple);
  // The last column, its length and jsonb's version before it. JSON has no such byte; a length may (379 is 01 7b, which reads `\u0001{`).
  const at = tuple.lastIndexOf('\u0001{');
  assert.equal(tuple.readInt32BE(at - 4), tuple.length - at);
  return tuple.subarray(at + 1).toString();
}

describe('the order of metadata', () => {
  const cases: readonly [string, string, string, string][] = [
    ['puts shorter names first', '"http_route":1,"http_method":2', '"user":3', '{"user":3,"http_route":1,"http_method":2}'],
    ['leaves longer names behind', '"a":1', '"user":3', '{"a":1,"user":3}'],
    ['leaves names of the same length behind', '"route":1', '"bytes":3', '{"route":1,"bytes":3}'],
    [
      'lets the own one of two equal names be the last',
      '"method":1,"route":2',
      '"id":3,"route":4',
      '{"method":1,"route":2,"id":3,"route":4}',
    ],
    [
      'lets it be the last however it is written',
      '"method":1,"route":2',
      '"id":3,"rout\\u0065":4',
      '{"method":1,"route":2,"id":3,"rout\\u0065":4}',
    ],
    ['has the own ones alone', '', '"user":3', '{"user":3}'],
    ['has the shared ones alone', '"route":1', '', '{"route":1}'],
  ];
  for (const [title, shared, own, metadata] of cases) {
    it(title, () => {
      assert.equal(encodeMetadata(shared, own), metadata);
      assert.equal(encodeMetadata(shared, own, 'Error: behind an error'), metadata);
    });
  }

  it('means what the members mean when the own ones are behind the shared ones', () => {
    const members = fc.dictionary(fc.constantFrom('a', 'bb', 'ccc', 'ä', '"', '\\', 'long name'), fc.jsonValue());
    fc.assert(
      fc.property(members, members, (shared, own) => {
        const [first, second] = [shared, own].map((object) => JSON.stringify(object).slice(1, -1)) as [string, string];
        assert.deepEqual(
          JSON.parse(encodeMetadata(first, second)),
          JSON.parse(`{${[first, second].filter((text) => text !== '').join()}}`),
        );
      }),
      { examples: [[{}, { a: 'x'.repeat(370) }]] },
    );
  });
});
