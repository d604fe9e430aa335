import assert from 'node:assert/strict';
import fc from 'fast-check';
import { boundedMembers, MAX_METADATA_BYTES, mergeMembers } from '../../../src/instrument/bounded-json.ts';

function parse(metadata: unknown): Record<string, unknown> {
  return JSON.parse(`{${boundedMembers(metadata).members}}`) as Record<string, unknown>;
}

/** The rules of Postgres for jsonb text that JavaScript's own parser does not share. */
function assertStorable(members: string): void {
  assert.ok(Buffer.byteLength(members) <= MAX_METADATA_BYTES);
  assert.doesNotMatch(members, /\\u0000/);
  assert.doesNotMatch(members, /\\ud[89a-f]/i);
  assert.doesNotMatch(members, /\p{Surrogate}/u);
  JSON.parse(`{${members}}`);
}

const throwing = {
  get broken(): never {
    throw new Error('no');
  },
  kept: 1,
};
const cyclic: Record<string, unknown> = { name: 'loop' };
cyclic['self'] = cyclic;
cyclic['list'] = [cyclic, 1];
const revoked = Proxy.revocable({}, {});
revoked.revoke();

describe('boundedMembers', () => {
  const table: [string, unknown, Record<string, unknown>, boolean][] = [
    [
      'plain values',
      { a: 1, b: 'x', c: true, d: null, e: [1, 'y'], f: { g: 2 } },
      { a: 1, b: 'x', c: true, d: null, e: [1, 'y'], f: { g: 2 } },
      false,
    ],
    ['nothing at all', undefined, {}, false],
    ['an empty object', {}, {}, false],
    ['what JSON leaves out', { a: undefined, b() {}, c: Symbol('c'), d: [undefined, () => {}] }, { d: [null, null] }, false],
    ['numbers that are none', { a: Number.NaN, b: -Infinity, c: -0, d: 1e308 }, { a: null, b: null, c: 0, d: 1e308 }, false],
    ['a bigint', { a: 12345678901234567890n }, { a: '12345678901234567890' }, false],
    ['a bigint without measure', { a: 1n << 4000n, b: 1 }, { b: 1, 'keepwatch.truncated': true }, true],
    ['dates', { a: new Date(0), b: new Date(Number.NaN) }, { a: '1970-01-01T00:00:00.000Z', b: null }, false],
    ['toJSON', { a: { toJSON: () => ({ b: 1 }) } }, { a: { b: 1 } }, false],
    ['a toJSON that throws', { a: { toJSON: () => assert.fail() }, b: 1 }, { b: 1, 'keepwatch.truncated': true }, true],
    [
      'a toJSON that gives itself',
      {
        a: Object.assign(
          Object.create({
            toJSON() {
              return this;
            },
          }),
          { b: 1 },
        ),
      },
      { a: { b: 1 } },
      false,
    ],
    ['a getter that throws', throwing, { kept: 1, 'keepwatch.truncated': true }, true],
    ['a proxy that is no more', { a: revoked.proxy, b: 1 }, { b: 1, 'keepwatch.truncated': true }, true],
    ['cycles', cyclic, { name: 'loop', self: '[circular]', list: ['[circular]', 1] }, false],
    ['errors', { a: new TypeError('bad') }, { a: 'TypeError: bad' }, false],
    ['binary data', { a: Buffer.alloc(1e6) }, { a: '[binary: 1000000 bytes]', 'keepwatch.truncated': true }, true],
    [
      'NUL and lone surrogates',
      { 'k\u0000': 'a\u0000b\ud800c\udc00', d: '😀' },
      { 'k\uFFFD': 'a\uFFFDb\uFFFDc\uFFFD', d: '😀' },
      false,
    ],
    [
      'too deep',
      { a: { b: { c: { d: { e: { f: { g: 1 } } } } } } },
      { a: { b: { c: { d: { e: {} } } } }, 'keepwatch.truncated': true },
      true,
    ],
    ['no object', 'text', { 'keepwatch.truncated': true }, true],
    ['an object without prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }, false],
    [
      'a key named __proto__',
      JSON.parse('{"__proto__":1,"a":2}'),
      JSON.parse('{"__proto__":1,"a":2}') as Record<string, unknown>,
      false,
    ],
  ];
  for (const [title, metadata, expected, isTruncated] of table) {
    it(`writes ${title}`, () => {
      const result = boundedMembers(metadata);
      assertStorable(result.members);
      assert.deepEqual(JSON.parse(`{${result.members}}`), expected);
      assert.equal(result.isTruncated, isTruncated);
    });
  }

  it('cuts long text and says so', () => {
    const { a, ...rest } = parse({ a: 'x'.repeat(5000) });
    assert.equal(String(a).length, 1000);
    assert.deepEqual(rest, { 'keepwatch.truncated': true });
  });

  it('keeps what fits of too much, in the order given', () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`key${index}`, 'v'.repeat(20)]));
    const members = boundedMembers(many).members;
    assertStorable(members);
    const kept = Object.keys(parse(many));
    assert.equal(kept[0], 'key0');
    assert.equal(kept.at(-1), 'keepwatch.truncated');
    assert.ok(Buffer.byteLength(members) > MAX_METADATA_BYTES - 100);
  });

  it('looks at a bounded number of values, however large the object', () => {
    let reads = 0;
    const item = {
      get value() {
        reads++;
        return undefined;
      },
    };
    parse({ list: Array.from({ length: 100_000 }, () => item) });
    assert.ok(reads < 5000);
    const wide = Object.defineProperties(
      {},
      Object.fromEntries(
        Array.from({ length: 20_000 }, (_, index) => [`key${index}`, { enumerable: true, get: () => void reads++ }]),
      ),
    );
    reads = 0;
    assert.deepEqual(parse(wide), { 'keepwatch.truncated': true });
    assert.ok(reads < 5000);
    const sparse: unknown[] = [];
    sparse.length = 1e9;
    assertStorable(boundedMembers({ sparse }).members);
    assertStorable(boundedMembers({ text: 'x'.repeat(1_000_000), wide: '\u{1F600}'.repeat(500_000) }).members);
  });

  it('asks a bounded number of getters that throw', () => {
    let asked = 0;
    const hostile = {};
    for (let index = 0; index < 10_000; index++) {
      Object.defineProperty(hostile, `key${index}`, {
        enumerable: true,
        get() {
          asked++;
          throw new Error('no');
        },
      });
    }
    assert.deepEqual(boundedMembers(hostile), { members: '"keepwatch.truncated":true', isTruncated: true });
    assert.ok(asked <= 2001, `${asked} getters were asked`);
  });

  it('gives valid, bounded JSON for anything', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withNullPrototype: true,
          withSparseArray: true,
          maxDepth: 9,
          stringUnit: 'binary',
        }),
        (value) => {
          assertStorable(boundedMembers({ value, again: [value, value] }).members);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('gives what JSON.stringify gives for JSON that fits', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ maxLength: 10 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 }), (value) => {
        const json = JSON.stringify(value);
        fc.pre(json.length < 2000 && !/\\u0000|\\ud[89a-f]/i.test(json));
        assert.deepEqual(parse(value), JSON.parse(json));
      }),
    );
  });
});

describe('mergeMembers', () => {
  it('puts members in the order of jsonb, which spares Postgres the sorting: shorter names first, then by their bytes', () => {
    const { members } = boundedMembers({ status: 1, user: { zone: 1, id: 2 }, bytes: 3, cache: 4, 10: 5, '': 6 });
    assert.equal(members, '"":6,"10":5,"user":{"id":2,"zone":1},"bytes":3,"cache":4,"status":1');
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`k${(index * 7) % 40}`, index]));
    const names = Object.keys(JSON.parse(`{${boundedMembers(many).members}}`) as object);
    const inOrder = names.toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1));
    assert.deepEqual(names, inOrder);
  });

  it('replaces keys that are there and keeps the others', () => {
    assert.deepEqual(mergeMembers('"a":1,"b":2', '"b":3,"c":4'), { members: '"a":1,"b":3,"c":4', isTruncated: false });
    assert.deepEqual(mergeMembers('', '"b":3'), { members: '"b":3', isTruncated: false });
    assert.deepEqual(mergeMembers('"b":3', ''), { members: '"b":3', isTruncated: false });
  });
});
