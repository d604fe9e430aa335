import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ExecutionOptions, TimedExecution } from '../../../src/instrument/execution-options.ts';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import { HOSTILE_ERRORS, HOSTILE_VALUES, HUGE_TEXT, REVOKED, UNREADABLE } from '../../support/hostile.ts';
import { type RecordedEvent, RecordingSink } from '../../support/recording-sink.ts';

const SMALL = Object.entries(HOSTILE_VALUES).flatMap(([title, value]) => (/million|100,000|proxy/.test(title) ? [] : [value]));
const refusing = fc.dictionary(fc.string(), fc.anything(), { minKeys: 1 }).map((members) => {
  const refuse = () => {
    throw new Error('no');
  };
  return Object.create({}, Object.fromEntries(Object.keys(members).map((key) => [key, { enumerable: true, get: refuse }])));
});
/** Whatever a library, a model or a client may hand on. */
const anything = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withNullPrototype: true, withSparseArray: true }),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom(Number.NaN, 'x'.repeat(10_000), ...SMALL),
  refusing,
);

describe('ObservabilityTracker, given what nobody expects', () => {
  let tracker: ObservabilityTracker;
  let sink: RecordingSink;
  beforeEach(() => {
    tracker = new ObservabilityTracker({ service: 'test' });
    sink = new RecordingSink();
    tracker.connect(sink);
  });

  function events(): readonly RecordedEvent[] {
    tracker.flush();
    const { recorded, handedOn } = tracker.counts();
    assert.equal(handedOn, recorded);
    for (const { name, type, error, metadata } of sink.events) {
      assert.ok(name.length <= 200 && type.length < 20 && (error ?? '').length <= 1000);
      assert.ok(Buffer.byteLength(JSON.stringify(metadata)) < 10_000);
      assert.doesNotMatch(`${name}${type}${error}${JSON.stringify(metadata)}`, /\0|\\u0000|\p{Surrogate}/u);
    }
    return sink.events;
  }

  for (const [title, value] of Object.entries(HOSTILE_VALUES)) {
    it(`records one event, bounded, for ${title} in every place`, () => {
      const hostile = value as never;
      const uses: (() => unknown)[] = [
        () => tracker.measure({ type: hostile, name: 'n' }, () => 1),
        () => tracker.measure({ type: 'tool', name: hostile }, () => 1),
        () => tracker.measure({ type: 'agent', name: 'n', labels: hostile }, () => 1),
        () => tracker.measure({ type: 'agent', name: 'n', labels: { workspace: hostile, more: hostile } }, () => 1),
        () => tracker.measure({ type: 'tool', name: 'n', metadata: hostile }, (execution) => execution.set(hostile)),
        () => tracker.measure({ type: 'llm', name: 'n' }, (execution) => execution.tokens(hostile)),
        () => tracker.measure(hostile, () => 1),
        () => tracker.track({ type: 'tool', name: hostile, metadata: hostile }, () => 1)(),
        () => tracker.start(hostile).end(),
        () => tracker.record({ type: 'tool', name: 'n' }, hostile),
        () => tracker.record({ type: 'tool', name: 'n' }, { durationMs: hostile, status: hostile, metadata: hostile }),
        () => tracker.endExecution(tracker.startExecution(hostile, hostile, hostile), hostile),
      ];
      for (const [index, use] of uses.entries()) {
        assert.doesNotThrow(use);
        assert.equal(events().length, index + 1, String(use));
      }
      tracker.endExecution(hostile);
    });
  }

  it('reads of its options what it knows, and does not list the rest', () => {
    let listed = 0;
    const ownKeys = () => {
      listed++;
      return [];
    };
    const options = new Proxy<ExecutionOptions>({ type: 'tool', name: 'n' }, { ownKeys });
    tracker.track(options, () => 1)();
    tracker.measure(options, () => 1);
    tracker.start(options).end();
    tracker.record(options, { durationMs: 1 });
    tracker.endExecution(tracker.startExecution('n', undefined, options));
    assert.equal(listed, 0);
    assert.deepEqual(
      events().map(({ type, name }) => `${type} ${name}`),
      Array.from({ length: 5 }, () => 'tool n'),
    );
  });

  it('records one event, bounded, for anything in any place, and counts it once', async function () {
    this.timeout(60_000);
    let ended = 0;
    fc.assert(
      fc.property(fc.array(anything, { minLength: 8, maxLength: 8 }), (given) => {
        const [type, name, provider, model, labels, metadata, end, error] = given as [
          never,
          never,
          never,
          never,
          never,
          never,
          never,
          never,
        ];
        tracker.measure({ type: 'llm', name, labels: { provider, model, other: model }, metadata }, (execution) =>
          execution.set(end).tokens({ input: labels, output: error }),
        );
        tracker.track({ type, name, labels, metadata }, () => 1)();
        tracker.record({ type: 'agent', name: 'n', labels: { workspace: model } }, end);
        tracker.record({ type: 'agent', name: 'n' }, { durationMs: end, status: type, error, metadata: labels });
        tracker.start({ type: 'tool', name, labels, metadata }).fail(error);
        tracker.endExecution(tracker.startExecution(name, metadata, { type, labels }), end);
        tracker.declare({ type: 'agent', names: [name], labels: { workspace: [provider] } });
        ended += 6;
        assert.equal(events().length, ended);
      }),
      { numRuns: 100 },
    );
    const text = await tracker.registry.metrics();
    assert.doesNotMatch(text, /\0|\p{Surrogate}|\[object/u);
    // Values may hold what ends a line elsewhere (CR, U+2028).
    const counted = text
      .split('\n')
      .filter((line) => /^(llm_requests_total|tool_calls_total|agent_execution_total)\{/.test(line));
    const fed = events().filter(({ type }) => type === 'llm' || type === 'tool' || type === 'agent');
    assert.equal(
      counted.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0),
      fed.length,
    );
    assert.match(text, /^keepwatch_labels_sanitized_total [1-9]/m);
  });

  for (const [title, error] of Object.entries(HOSTILE_ERRORS)) {
    it(`passes on what was thrown, unchanged: ${title}`, async () => {
      const thrower = () => {
        throw error;
      };
      const rejecter = async () => thrower();
      for (const run of [() => tracker.measure({ type: 'tool', name: 'n' }, thrower), tracker.track({ type: 'tool' }, thrower)]) {
        try {
          run();
          assert.fail('it has to throw');
        } catch (caught) {
          assert.ok(Object.is(caught, error));
        }
      }
      await tracker
        .track({ type: 'tool' }, rejecter)()
        .then(
          () => assert.fail('it has to reject'),
          (caught: unknown) => assert.ok(Object.is(caught, error)),
        );
      assert.deepEqual(
        events().map(({ status }) => status),
        ['failure', 'failure', 'failure'],
      );
    });
  }

  const lookalikes: Record<string, unknown> = {
    'a revoked proxy': REVOKED,
    'a proxy that throws': UNREADABLE,
    'an object with the prototype of promises': Object.create(Promise.prototype),
    'a proxy of a promise': new Proxy(Promise.resolve(1), {}),
  };
  for (const [title, value] of Object.entries(lookalikes)) {
    it(`returns what the function returned: ${title}`, () => {
      assert.ok(
        Object.is(
          tracker.measure({ type: 'tool', name: 'n' }, () => value),
          value,
        ),
      );
      assert.ok(Object.is(tracker.track({ type: 'tool', name: 'n' }, () => value)(), value));
      assert.deepEqual(
        events().map(({ status }) => status),
        ['success', 'success'],
      );
    });
  }

  it('records an unknown type as custom, and marks it', () => {
    for (const type of ['bogus', 'constructor', '__proto__', '__other__tool', '', HUGE_TEXT]) {
      tracker.measure({ type: type as 'tool', name: 'n' }, () => 1);
    }
    for (const event of events()) {
      assert.equal(event.type, 'custom');
      assert.deepEqual(Object.keys(event.metadata), ['keepwatch.type']);
    }
    assert.equal(sink.events.length, 6);
  });

  it('records a duration that cannot be as 0, and marks it; the sums stay finite', async () => {
    const durations = [Number.NaN, Number.POSITIVE_INFINITY, -1, 1e300, 10n, '5', null];
    for (const durationMs of durations) tracker.record({ type: 'tool', name: 'n' }, { durationMs } as TimedExecution);
    for (const { durationMs, metadata } of events()) {
      assert.ok(durationMs < 1000);
      assert.deepEqual(metadata, { 'keepwatch.invalid_duration': true });
    }
    const text = await tracker.registry.metrics();
    const sum = Number(/^tool_call_duration_seconds_sum\{.*\} (\S+)$/m.exec(text)?.[1]);
    assert.ok(sum < 1, `${sum}`);
  });

  it('gives a name that is too long one place, so that others keep theirs', function () {
    this.timeout(20_000);
    const long = 'select '.repeat(100);
    for (let round = 0; round < 11_000; round++) {
      tracker.measure({ type: 'db', name: long }, () => 1);
      tracker.measure({ type: 'db', name: Symbol('x') } as unknown as ExecutionOptions, () => 1);
      tracker.measure({ type: 'agent', name: 'a', labels: { workspace: long } }, () => 1);
      if (round % 1000 === 0) tracker.flush();
    }
    tracker.flush();
    tracker.measure({ type: 'db', name: 'later' }, () => 1);
    assert.equal(events().at(-1)?.name, 'later');
  });
});
