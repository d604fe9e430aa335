import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatTraceIds, formatTraceparent, parseTraceparent, SpanSource } from '../../../src/instrument/trace-context.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN_ID = 'b7ad6b7169203331';

describe('parseTraceparent', () => {
  const accepted: [string, number][] = [
    [`00-${TRACE_ID}-${SPAN_ID}-01`, 1],
    [`00-${TRACE_ID}-${SPAN_ID}-00`, 0],
    [`00-${TRACE_ID}-${SPAN_ID}-ff`, 1],
    [`cc-${TRACE_ID}-${SPAN_ID}-01-what-the-future-brings`, 1],
  ];
  for (const [header, flags] of accepted) {
    it(`accepts ${header}`, () => {
      const parent = parseTraceparent(header);
      const child = new SpanSource().create(parent);
      assert.equal(parent?.flags, flags);
      assert.equal(formatTraceIds(child).traceId, TRACE_ID);
      assert.equal(formatTraceIds({ ...child, span0: child.parent0, span1: child.parent1 }).spanId, SPAN_ID);
    });
  }

  const refused: unknown[] = [
    undefined,
    7,
    '',
    `00-${TRACE_ID}-${SPAN_ID}`,
    `00-${TRACE_ID}-${SPAN_ID}-01-`,
    `00-${TRACE_ID}-${SPAN_ID}-01.`,
    `cc-${TRACE_ID}-${SPAN_ID}-01.`,
    `ff-${TRACE_ID}-${SPAN_ID}-01`,
    `00-${'0'.repeat(32)}-${SPAN_ID}-01`,
    `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
    `00-${TRACE_ID.toUpperCase()}-${SPAN_ID}-01`,
    `00-${TRACE_ID}-${SPAN_ID}-0g`,
    `00-${TRACE_ID}-${SPAN_ID}-01, 00-${TRACE_ID}-${SPAN_ID}-01`,
    `cc-${TRACE_ID}-${SPAN_ID}-01-${'x'.repeat(100_000)}`,
  ];
  for (const header of refused) {
    it(`refuses ${String(header).slice(0, 70)}`, () => assert.equal(parseTraceparent(header), undefined));
  }

  it('throws at nothing', () => {
    fc.assert(fc.property(fc.anything(), (header) => void parseTraceparent(header)));
  });
});

describe('SpanSource', () => {
  it('makes ids that differ, in traces that go on', () => {
    const source = new SpanSource();
    const root = source.create(undefined);
    assert.equal(root.hasParent, false);
    assert.match(formatTraceparent(root), /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    const spanIds = new Set<string>();
    const traceIds = new Set<string>();
    for (let index = 0; index < 5000; index++) {
      const child = source.create(root);
      spanIds.add(formatTraceIds(child).spanId);
      traceIds.add(formatTraceIds(source.create(undefined)).traceId);
      assert.equal(formatTraceIds(child).traceId, formatTraceIds(root).traceId);
      assert.deepEqual([child.hasParent, child.parent0, child.parent1], [true, root.span0, root.span1]);
    }
    assert.equal(spanIds.size, 5000);
    assert.equal(traceIds.size, 5000);
  });
});
