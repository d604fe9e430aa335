// The header cases of the W3C's own suite (https://github.com/w3c/trace-context/blob/main/test/test.py), and what a hostile client adds.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatTraceIds, SpanSource } from '../../../../src/instrument/tracing/trace-context.ts';
import {
  formatTraceHeaders,
  formatTraceparent,
  parseTraceparent,
  parseTracestate,
} from '../../../../src/instrument/tracing/trace-headers.ts';

const TRACE = '12345678901234567890123456789012';
const SPAN = '1234567890123456';

describe('parseTraceparent', () => {
  const accepted: [string, number][] = [
    [`00-${TRACE}-${SPAN}-01`, 1],
    [`00-${TRACE}-${SPAN}-00`, 0],
    [`00-${TRACE}-${SPAN}-02`, 2],
    [`00-${TRACE}-${SPAN}-ff`, 3],
    [`cc-${TRACE}-${SPAN}-01`, 1],
    [`cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, 1],
    [` 00-${TRACE}-${SPAN}-01`, 1],
    [`\t00-${TRACE}-${SPAN}-01`, 1],
    [`00-${TRACE}-${SPAN}-01 `, 1],
    [`00-${TRACE}-${SPAN}-01\t`, 1],
    [`\t 00-${TRACE}-${SPAN}-01 \t`, 1],
  ];
  for (const [header, flags] of accepted) {
    it(`accepts ${JSON.stringify(header)}`, () => {
      const parent = parseTraceparent(header);
      assert.ok(parent);
      assert.equal(parent.flags, flags);
      assert.deepEqual(formatTraceIds(parent), { traceId: TRACE, spanId: SPAN });
    });
  }

  const refused: unknown[] = [
    undefined,
    7,
    [`00-${TRACE}-${SPAN}-01`],
    '',
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-`,
    `00-${TRACE}-${SPAN}-01.`,
    `00-${TRACE}-${SPAN}-01-what-the-future-will-be-like`,
    `cc-${TRACE}-${SPAN}-01.what-the-future-will-be-like`,
    `ff-${TRACE}-${SPAN}-01`,
    `.0-${TRACE}-${SPAN}-01`,
    `0.-${TRACE}-${SPAN}-01`,
    `000-${TRACE}-${SPAN}-01`,
    `0000-${TRACE}-${SPAN}-01`,
    `0-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-.2345678901234567890123456789012-${SPAN}-01`,
    `00-1234567890123456789012345678901.-${SPAN}-01`,
    `00-${TRACE}3-${SPAN}-01`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-.234567890123456-01`,
    `00-${TRACE}-123456789012345.-01`,
    `00-${TRACE}-${SPAN}7-01`,
    `00-${TRACE}-${SPAN.slice(1)}-01`,
    `00-${TRACE}-${SPAN}-.0`,
    `00-${TRACE}-${SPAN}-0.`,
    `00-${TRACE}-${SPAN}-001`,
    `00-${TRACE}-${SPAN}-1`,
    `00-ABCDEF78901234567890123456789012-${SPAN}-01`,
    `00-${TRACE}-ABCDEF7890123456-01`,
    `CC-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
    `cc-${TRACE}-${SPAN}-01, cc-${TRACE}-${SPAN}-01`,
    `00 ${TRACE} ${SPAN} 01`,
    `cc-${TRACE}-${SPAN}-01-${'x'.repeat(100_000)}`,
    `00-${TRACE}-${SPAN}-01${' '.repeat(100_000)}`,
  ];
  for (const header of refused) {
    it(`refuses ${JSON.stringify(header)?.slice(0, 90)}`, () => assert.equal(parseTraceparent(header), undefined));
  }

  it('throws at nothing, and gives what it reads back as it was', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.string({ unit: 'binary', maxLength: 600 })), (h) => void parseTraceparent(h)),
    );
    const hex = (length: number) =>
      fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
    fc.assert(
      fc.property(hex(32), hex(16), fc.constantFrom('00', '01', '02', '03'), (trace, span, flags) => {
        const header = `00-${trace}-${span}-${flags}`;
        const parent = parseTraceparent(header);
        assert.equal(parent && formatTraceparent(parent), /^0+$/.test(trace) || /^0+$/.test(span) ? undefined : header);
      }),
    );
  });
});

describe('parseTracestate', () => {
  const ALL_OF_KEY = 'abcdefghijklmnopqrstuvwxyz0123456789_-*/';
  const ALL_OF_VALUE = Array.from({ length: 0x7f - 0x20 }, (_, index) => String.fromCharCode(0x20 + index))
    .join('')
    .replace(/[,=]/g, '');
  const members = (count: number) => Array.from({ length: count }, (_, index) => `bar${index}=${index}`).join(',');
  const carried: string[] = [
    'foo=1',
    'foo=1,bar=2',
    'foo=1, ',
    ', foo=1',
    'foo=1,,bar=2',
    'foo=1,bar=2, rojo=1,congo=2, baz=3',
    'foo=1 \t , \t bar=2, \t baz=3',
    'foo=1\t \t,\t \tbar=2,\t \tbaz=3',
    ' foo=1',
    '\tfoo=1',
    'foo=1 ',
    '\t foo=1 \t',
    'foo= 1',
    `${ALL_OF_KEY}=${ALL_OF_VALUE}`,
    `${ALL_OF_KEY}@a-z0-9_-*/=${ALL_OF_VALUE}`,
    '0tenant@vendor=1',
    `foo=1, t@${'v'.repeat(15)}=1`,
    `foo=1, ${'t'.repeat(242)}@v=1`,
    '0foo=1',
    'foo=1, foo=2',
    'foo=1,foo=1',
    'foo@bar@baz=1,bar=2',
    'foo@@bar=1,bar=2',
    'foo@=1,bar=2',
    members(32),
    `foo=1, ${'z'.repeat(256)}=1`,
    `foo=1, ${'t'.repeat(241)}@${'v'.repeat(14)}=1`,
    `foo=${'v'.repeat(256)}`,
  ];
  for (const header of carried) {
    it(`carries on ${JSON.stringify(header).slice(0, 90)}, unchanged`, () => assert.equal(parseTracestate(header), header));
  }

  const nothing: unknown[] = [undefined, '', ' ', ',', ' , \t'];
  for (const header of nothing) {
    it(`has nothing to carry of ${JSON.stringify(header)}`, () => assert.equal(parseTracestate(header), undefined));
  }

  const dropped: unknown[] = [
    7,
    ['foo=1'],
    'foo',
    '=1',
    'foo =1',
    'FOO=1',
    'foo.bar=1',
    '@foo=1,bar=2',
    'foo=bar=baz',
    'foo=,bar=3',
    'foo=\u0007',
    'foo=ü',
    members(33),
    `foo=1, ${'z'.repeat(257)}=1`,
    `foo=${'v'.repeat(257)}`,
    `foo=${'v'.repeat(250)},bar=${'v'.repeat(250)},x=1`,
    ','.repeat(100_000),
  ];
  for (const header of dropped) {
    it(`drops ${JSON.stringify(header).slice(0, 90)} whole`, () => assert.equal(parseTracestate(header), false));
  }

  it('throws at nothing, and what it carries on is bounded and fit for a header', () => {
    const text = fc.oneof(
      fc.anything(),
      fc.string({ unit: fc.constantFrom(...'ab1@=, \t_-*/\n\u0000é'), maxLength: 700 }),
      fc
        .array(fc.tuple(fc.string({ unit: 'binary-ascii' }), fc.string({ unit: 'binary-ascii' })).map((pair) => pair.join('=')))
        .map(String),
    );
    fc.assert(
      fc.property(text, (header) => {
        const carriedOn = parseTracestate(header);
        if (typeof carriedOn !== 'string') return;
        assert.equal(carriedOn, header);
        assert.match(carriedOn, /^[\t\x20-\x7e]{1,512}$/);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('formatTraceHeaders', () => {
  it('has a tracestate only where the caller sent one', () => {
    const span = new SpanSource().create(undefined);
    assert.deepEqual(formatTraceHeaders(span), { traceparent: formatTraceparent(span) });
    const outside = { traceState: 'foo=1', openTelemetry: undefined };
    assert.deepEqual(formatTraceHeaders({ ...span, outside }), { traceparent: formatTraceparent(span), tracestate: 'foo=1' });
  });
});
