import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createMatcher } from '../../../../src/archive/erase/criteria.ts';
import { eraseTuple, matchesTuple } from '../../../../src/archive/erase/erase-tuple.ts';
import { COLUMNS, splitTuples } from '../../../../src/archive/segments/copy-tuples.ts';

const LABELS = '"workspace":"w1"';

function tupleOf(metadata: string, error: string | undefined, columns: readonly string[] = COLUMNS): Buffer {
  const head = Buffer.alloc(2);
  head.writeInt16BE(columns.length);
  const fields = columns.flatMap((column) => {
    const text = column === 'metadata' ? `\u0001${metadata}` : column === 'error' ? error : column;
    const length = Buffer.alloc(4);
    length.writeInt32BE(text === undefined ? -1 : Buffer.byteLength(text));
    return [length, Buffer.from(text ?? '')];
  });
  return Buffer.concat([head, ...fields]);
}

const jsonOf = (tuple: Buffer) => {
  const text = tuple.toString('utf8');
  return JSON.parse(text.slice(text.lastIndexOf('\u0001{') + 1)) as Record<string, unknown>;
};

describe('eraseTuple', () => {
  const person = fc.record({
    user_id: fc.constant('zq-PERSON'),
    note: fc.string({ unit: 'binary' }),
    more: fc.jsonValue({ maxDepth: 2 }),
  });
  const order = fc.constantFrom(
    (own: string) => `{${LABELS},${own}}`,
    (own: string) => `{${own},${LABELS}}`,
    (own: string) => `{${own}}`,
  );
  const error = fc.option(
    fc.string({ unit: 'binary' }).map((text) => `zq-PERSON ${text}`),
    { nil: undefined },
  );

  it('leaves no byte of a person, no byte moved, and valid JSON with labels and mark', () => {
    fc.assert(
      fc.property(person, order, error, fc.boolean(), (own, arrange, text, knowsColumns) => {
        const metadata = arrange(JSON.stringify(own).slice(1, -1));
        const tuple = tupleOf(metadata, text);
        const columns = knowsColumns ? COLUMNS : undefined;
        const matcher = createMatcher([{ key: 'user_id', value: 'zq-PERSON' }]);
        assert.ok(matchesTuple(tuple, columns, matcher));
        const before = Buffer.from(tuple);
        eraseTuple(tuple, columns, Buffer.from(LABELS));
        assert.ok(!tuple.includes('PERSON'));
        assert.equal(splitTuples(Buffer.concat([tuple, tuple])).length, 2);
        assert.equal(before.indexOf(LABELS), tuple.indexOf(LABELS));
        const hasLabels = metadata.includes(LABELS);
        assert.deepEqual(jsonOf(tuple), { ...(hasLabels && { workspace: 'w1' }), 'keepwatch.erased': true });
        assert.ok(!matchesTuple(tuple, columns, matcher));
      }),
    );
  });

  it('erases what has no room for the mark', () => {
    const tuple = tupleOf('{"a":1}', 'x');
    eraseTuple(tuple, COLUMNS);
    assert.deepEqual(jsonOf(tuple), {});
  });

  it('finds the fields of other columns by name, and of a dead letter by their looks', () => {
    const matcher = createMatcher([{ key: 'a', value: '1' }]);
    const columns = ['metadata', 'error', 'name', 'end_time'];
    assert.ok(matchesTuple(tupleOf('{"a":1}', 'x', columns), columns, matcher));
    const older = [...COLUMNS.slice(0, 3), 'created_at', ...COLUMNS.slice(3)];
    const tuple = tupleOf('{"a":1,"b":"PERSON"}', 'PERSON', older);
    assert.ok(matchesTuple(tuple, undefined, matcher));
    eraseTuple(tuple, undefined);
    assert.ok(!tuple.includes('PERSON'));
  });

  it('takes bytes that are no JSON by the members that they hold', () => {
    const matcher = createMatcher([{ key: 'a.user_id', value: 'ü"1' }]);
    assert.ok(matchesTuple(tupleOf('{"x":1e999999,"user_id":"ü\\"1","y":}', undefined), COLUMNS, matcher));
    assert.ok(!matchesTuple(tupleOf('{"user_id":"ü","y":}', undefined), COLUMNS, matcher));
  });
});
