import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { isOpen, writeExposition } from '../../../../src/instrument/exposition/exposition.ts';
import { Exemplars } from '../../../../src/instrument/metrics/exemplars.ts';
import type { SpanWords } from '../../../../src/instrument/recording/ring.ts';
import { ObservabilityTracker } from '../../../../src/instrument/tracker.ts';

function spanOf(trace0: number): SpanWords {
  return { trace0, trace1: 0, trace2: -1, trace3: 1, span0: 0x80000000 | 0, span1: 2, parent0: 0, parent1: 0, hasParent: false };
}

describe('Exemplars', () => {
  it('formats ids, value and time as OpenMetrics wants them, within 128 characters of labels', () => {
    const exemplars = new Exemplars();
    exemplars.note(3, 0.25, spanOf(255), 1_700_000_000_123.4);
    assert.equal(
      exemplars.text(3),
      ' # {trace_id="000000ff00000000ffffffff00000001",span_id="8000000000000002"} 0.25 1700000000.123',
    );
    const { trace_id, span_id } = exemplars.get(3)?.labelSet ?? { trace_id: '', span_id: '' };
    assert.ok(`trace_id${trace_id}span_id${span_id}`.length <= 128);
    assert.deepEqual([exemplars.text(2), exemplars.get(4000)], ['', undefined]);
  });

  it('keeps the exemplar of a bucket for a second, then takes the next observation', () => {
    const exemplars = new Exemplars();
    exemplars.note(0, 1, spanOf(1), 5000);
    exemplars.note(0, 2, spanOf(2), 5999);
    exemplars.note(1, 3, spanOf(3), 5999);
    assert.deepEqual([exemplars.get(0)?.value, exemplars.get(1)?.value], [1, 3]);
    exemplars.note(0, 4, spanOf(4), 6000);
    assert.deepEqual([exemplars.get(0)?.value, exemplars.get(1)?.value], [4, 3]);
  });

  it('holds one for each of many buckets, and none after they are cleared', () => {
    const exemplars = new Exemplars();
    for (let bucket = 2999; bucket >= 0; bucket--) exemplars.note(bucket, bucket, spanOf(bucket), 1);
    for (let bucket = 0; bucket < 3000; bucket++) {
      assert.match(exemplars.text(bucket), new RegExp(`"${bucket.toString(16).padStart(8, '0')}.* ${bucket} 0.001$`));
    }
    exemplars.clear();
    assert.equal(exemplars.text(17), '');
    exemplars.note(17, 9, spanOf(9), 2);
    assert.deepEqual([exemplars.get(17)?.value, exemplars.get(18)], [9, undefined]);
  });
});

describe('the exemplar of an execution', () => {
  async function openMetrics(tracker: ObservabilityTracker): Promise<string> {
    const pieces: string[] = [];
    if (!isOpen(tracker.registry)) throw new Error('a registry of prom-client can be written in parts');
    for await (const piece of writeExposition(tracker.registry, 'openmetrics')) pieces.push(piece);
    return pieces.join('');
  }

  it('has the ids of its event', async () => {
    const tracker = new ObservabilityTracker({ service: 'test', registry: new Registry() });
    const ids = tracker.measure({ type: 'tool', name: 'search' }, () => tracker.currentTraceContext());
    const text = await openMetrics(tracker);
    assert.match(text, new RegExp(`_bucket\\{le=.*\\} 1 # \\{trace_id="${ids?.traceId}",span_id="${ids?.spanId}"\\} `));
    assert.equal(text.split(' # {').length, 2);
  });

  it('is not there when tracing is off', async () => {
    const tracker = new ObservabilityTracker({ service: 'test', registry: new Registry(), tracing: false });
    tracker.measure({ type: 'tool', name: 'search' }, () => 1);
    assert.match(await openMetrics(tracker), /tool_call_duration_seconds_count\{.*\} 1\n/);
    assert.doesNotMatch(await openMetrics(tracker), / # \{/);
  });
});
