// Where the ambient execution goes by itself, and where it has to be bound: twelve ways in which work changes hands.
import assert from 'node:assert/strict';
import { EventEmitter, on } from 'node:events';
import { readFile } from 'node:fs';
import { pipeline, Readable, Transform } from 'node:stream';
import { setImmediate as nextRound, setTimeout as sleep } from 'node:timers/promises';
import { ObservabilityTracker } from '../../../../src/instrument/tracker.ts';
import { RecordingSink } from '../../../support/recording-sink.ts';

/** Work that may begin in another context than it was asked for in. */
type Way = (tracker: ObservabilityTracker, work: () => void) => Promise<void>;

/** Runs what it is given one after the other, in the context of whoever came first. */
class Pool {
  readonly #waiting: (() => void)[] = [];
  #isRunning = false;

  add(work: () => void): void {
    this.#waiting.push(work);
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#drain();
  }

  async #drain(): Promise<void> {
    for (let work = this.#waiting.shift(); work !== undefined; work = this.#waiting.shift()) {
      await nextRound();
      work();
    }
    this.#isRunning = false;
  }
}

/** Awaits by a `then` of its own, which settles from a timer that runs outside of any execution. */
class OwnThenable {
  static readonly #settle: (() => void)[] = [];
  static #timer: NodeJS.Timeout | undefined;

  static start(): void {
    OwnThenable.#timer = setInterval(() => {
      for (const settle of OwnThenable.#settle.splice(0)) settle();
    }, 1);
  }
  static stop(): void {
    clearInterval(OwnThenable.#timer);
  }
  // biome-ignore lint/suspicious/noThenProperty: the subject of the test
  then(onFulfilled: (value: number) => void): void {
    OwnThenable.#settle.push(() => onFulfilled(7));
  }
}

describe('the ambient execution', () => {
  const emitter = new EventEmitter();
  let pool: Pool;
  before(() => OwnThenable.start());
  after(() => OwnThenable.stop());
  beforeEach(() => {
    pool = new Pool();
    pool.add(() => {});
  });

  const ways: [string, Way][] = [
    [
      'an async function, over await',
      async (_, work) => {
        await sleep(1);
        work();
      },
    ],
    [
      'microtasks and ticks',
      async (_, work) => {
        await new Promise<void>((done) => queueMicrotask(() => process.nextTick(() => done(work()))));
      },
    ],
    [
      'timers',
      async (_, work) => {
        await new Promise<void>((done) => setTimeout(() => setImmediate(() => done(work())), 1));
      },
    ],
    [
      'callbacks of Node',
      async (_, work) => {
        await new Promise<void>((done) => readFile(import.meta.filename, () => done(work())));
      },
    ],
    [
      'an async generator, between its values',
      async (_, work) => {
        const generate = async function* () {
          yield 1;
          await sleep(1);
          work();
          yield 2;
        };
        for await (const value of generate()) void value;
      },
    ],
    [
      'a consumer of an async generator that others feed',
      async (_, work) => {
        const source = new EventEmitter();
        setTimeout(() => source.emit('value'), 1);
        for await (const value of on(source, 'value')) {
          void value;
          work();
          break;
        }
      },
    ],
    [
      'a stream',
      async (_, work) => {
        const transform = new Transform({
          transform(chunk: unknown, _encoding, done) {
            work();
            done(null, chunk);
          },
        });
        await new Promise<void>((done) => pipeline(Readable.from(['x']), transform, () => done()).resume());
      },
    ],
    [
      'a thenable of its own kind',
      async (_, work) => {
        // oxlint-disable-next-line typescript/await-thenable -- the subject of the test
        await (new OwnThenable() as unknown as PromiseLike<number>);
        work();
      },
    ],
    [
      'promises that settle together',
      async (_, work) => {
        await Promise.all([sleep(1), nextRound()]).then(() => Promise.race([sleep(1)]));
        work();
      },
    ],
    [
      'an emitter, bound',
      async (tracker, work) => {
        await new Promise<void>((done) =>
          emitter.once(
            'done',
            tracker.bind(() => done(work())),
          ),
        );
      },
    ],
    [
      'a pool that is drained by another, bound',
      async (tracker, work) => {
        await new Promise<void>((done) => pool.add(tracker.bind(() => done(work()))));
      },
    ],
    [
      'a callback that a later execution calls, bound',
      async (tracker, work) => {
        const callbacks = [tracker.bind(work)];
        await tracker.measure({ type: 'custom', name: 'later' }, async () => {
          await sleep(1);
          for (const callback of callbacks) callback();
        });
      },
    ],
  ];

  for (const [name, way] of ways) {
    it(`is the parent in ${name}`, async () => {
      const sink = new RecordingSink();
      const tracker = new ObservabilityTracker({ service: 'test' });
      tracker.connect(sink);
      const emitting = setInterval(() => emitter.emit('done'), 1);
      const work = tracker.track({ type: 'tool', name: 'work' }, () => {});
      await Promise.all(
        ['one', 'two', 'three'].map((which) => tracker.measure({ type: 'agent', name: which }, () => way(tracker, work))),
      );
      clearInterval(emitting);
      tracker.flush();
      const parents = sink.events.filter((event) => event.type === 'agent').map((event) => event.spanId);
      const children = sink.events.filter((event) => event.type === 'tool').map((event) => event.parentSpanId);
      assert.equal(children.length, 3);
      assert.deepEqual(new Set(children), new Set(parents));
    });
  }

  it('is lost in a pool where nothing is bound: the test can tell', async () => {
    const sink = new RecordingSink();
    const tracker = new ObservabilityTracker({ service: 'test' });
    tracker.connect(sink);
    const work = tracker.track({ type: 'tool', name: 'work' }, () => {});
    await tracker.measure({ type: 'agent', name: 'one' }, () => new Promise<void>((done) => pool.add(() => done(work()))));
    tracker.flush();
    assert.equal(sink.events.find((event) => event.type === 'tool')?.parentSpanId, undefined);
  });
});

describe('bind', () => {
  it('passes on this, arguments, value and error, and leaves the caller its own execution', () => {
    const tracker = new ObservabilityTracker({ service: 'test' });
    const error = new Error('thrown');
    const bound = tracker.measure({ type: 'custom', name: 'bound' }, () =>
      tracker.bind(function (this: { factor: number }, ...values: number[]) {
        if (values.length === 0) throw error;
        return { ids: tracker.currentTraceContext(), product: values.map((value) => value * this.factor) };
      }),
    );
    tracker.measure({ type: 'custom', name: 'caller' }, (caller) => {
      const { ids, product } = bound.call({ factor: 2 }, 3, 4);
      assert.deepEqual(product, [6, 8]);
      assert.notEqual(ids?.spanId, caller.traceIds?.spanId);
      assert.throws(() => bound.call({ factor: 2 }), error);
      assert.deepEqual(tracker.currentTraceContext(), caller.traceIds);
    });
    assert.equal(tracker.currentTraceContext(), undefined);
  });

  it('binds to no execution outside of one, and gives the function itself when tracing is off', () => {
    const tracker = new ObservabilityTracker({ service: 'test' });
    const bound = tracker.bind(() => tracker.currentTraceContext());
    assert.equal(tracker.measure({ type: 'custom', name: 'caller' }, bound), undefined);
    const fn = () => 7;
    assert.equal(new ObservabilityTracker({ service: 'test', tracing: false }).bind(fn), fn);
  });
});
