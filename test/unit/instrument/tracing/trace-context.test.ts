import assert from 'node:assert/strict';
import { formatTraceIds, SpanSource } from '../../../../src/instrument/tracing/trace-context.ts';
import { formatTraceparent } from '../../../../src/instrument/tracing/trace-headers.ts';

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
