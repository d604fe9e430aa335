import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { createClock } from '../../../src/instrument/clock.ts';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import { RecordingSink } from '../../support/recording-sink.ts';

/** A promise of a subclass, as SDKs have them: with a method of its own. */
class ApiPromise<T> extends Promise<T> {
  asResponse(): string {
    return 'response';
  }
}

/** Work that begins when somebody waits for it, like a query builder. */
class LazyQuery {
  #runs = 0;
  readonly #value: unknown;
  readonly #fails: boolean;

  constructor(value: unknown, fails: boolean) {
    this.#value = value;
    this.#fails = fails;
  }

  get runs(): number {
    return this.#runs;
  }

  where(): this {
    return this;
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a thenable
  then(onFulfilled?: (value: unknown) => unknown, onRejected?: (error: unknown) => unknown): Promise<unknown> {
    this.#runs++;
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- anything can be thrown
    const promise = this.#fails ? Promise.reject(this.#value) : Promise.resolve(this.#value);
    return promise.then(onFulfilled, onRejected);
  }
}

const KINDS = [
  'return',
  'throw',
  'resolve',
  'reject',
  'async',
  'async throw',
  'subclass',
  'subclass reject',
  'lazy',
  'lazy reject',
  'frozen',
] as const;
type Kind = (typeof KINDS)[number];

/** What the world sees of one call. */
interface Sight {
  readonly log: unknown[];
  readonly isSync: boolean;
  readonly prototype: unknown;
}

function makeFunction(kind: Kind, value: unknown, log: unknown[]): (this: unknown, ...args: unknown[]) => unknown {
  return function subject(this: unknown, ...args: unknown[]): unknown {
    log.push('called', this, ...args);
    switch (kind) {
      case 'return':
        return value;
      case 'throw':
        throw value;
      case 'resolve':
        return Promise.resolve(value);
      case 'reject':
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- anything can be thrown
        return Promise.reject(value);
      case 'async':
        return (async () => {
          await Promise.resolve();
          log.push('went on');
          return value;
        })();
      case 'async throw':
        return (async () => {
          await Promise.resolve();
          throw value;
        })();
      case 'subclass':
        return ApiPromise.resolve(value);
      case 'subclass reject':
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- anything can be thrown
        return ApiPromise.reject(value);
      case 'lazy':
        return new LazyQuery(value, false);
      case 'lazy reject':
        return new LazyQuery(value, true);
      case 'frozen':
        return Object.freeze(new LazyQuery(value, false));
    }
  };
}

async function look(
  fn: (this: unknown, ...args: unknown[]) => unknown,
  self: unknown,
  args: unknown[],
  log: unknown[],
): Promise<Sight> {
  let result: unknown;
  try {
    result = Reflect.apply(fn, self, args);
    log.push('returned');
  } catch (error) {
    log.push('threw', error);
    return { log, isSync: true, prototype: undefined };
  }
  const isSync = result === null || typeof result !== 'object' || !('then' in result);
  if (result instanceof ApiPromise) log.push(result.asResponse());
  if (result instanceof LazyQuery && !Object.isFrozen(result)) log.push(result.where() === result, result.runs);
  try {
    log.push('value', await result);
  } catch (error) {
    log.push('rejected', error);
  }
  if (result instanceof LazyQuery) log.push(result.runs);
  const prototype: unknown = isSync ? undefined : Object.getPrototypeOf(result);
  return { log, isSync, prototype };
}

const errorOrValue = fc.oneof(
  fc.constantFrom(undefined, null, 0, 'text'),
  fc.object({ maxDepth: 1 }),
  fc.constant(new TypeError('bad')),
);
const call = fc.record({
  kind: fc.constantFrom(...KINDS),
  value: errorOrValue,
  self: fc.oneof(fc.constant(undefined), fc.object({ maxKeys: 1 })),
  args: fc.array(fc.anything(), { maxLength: 3 }),
});

/** Ways in which our own parts break. */
const FAULTS = [
  'none',
  'sink throws',
  'clock throws',
  'logger throws',
  'registry is full of others',
  'disabled',
  'no tracing',
] as const;
type Fault = (typeof FAULTS)[number];

function createTracker(fault: Fault): { tracker: ObservabilityTracker; sink: RecordingSink; breakNow(): void } {
  let isBroken = false;
  const fail = (): never => {
    throw new Error('ours');
  };
  const real = createClock();
  const clock = createClock({ monotonicMs: () => (isBroken && fault === 'clock throws' ? fail() : real.monotonicMs()) });
  const logger = { debug: fail, info: fail, warn: fail, error: fail };
  const registry = new Registry();
  if (fault === 'registry is full of others') {
    for (const name of ['tool_calls_total', 'tool_call_duration_seconds']) registry.registerMetric({ name, get: fail } as never);
  }
  const tracker = new ObservabilityTracker({
    service: 'test',
    registry,
    clock,
    ringCapacity: 16,
    tracing: fault !== 'no tracing',
    enabled: fault !== 'disabled',
    ...(fault === 'logger throws' || fault === 'sink throws' ? { logger } : {}),
  });
  const sink = new RecordingSink();
  if (fault === 'sink throws' || fault === 'logger throws') sink.failure = new Error('ours');
  tracker.connect(sink);
  return { tracker, sink, breakNow: () => (isBroken = true) };
}

/** What Node reports of promises that nobody handles. mocha's own listeners, which would end the test, stand aside meanwhile. */
async function reportedBy(work: () => Promise<never>[]): Promise<unknown[]> {
  const reported: unknown[] = [];
  const events = ['unhandledRejection', 'uncaughtException'] as const;
  const listeners = events.map((event) => process.rawListeners(event));
  for (const event of events) {
    process.removeAllListeners(event);
    process.on(event, (reason: unknown) => reported.push([event, reason]));
  }
  try {
    void work();
    await nextTurn();
    await nextTurn();
  } finally {
    for (const [index, event] of events.entries()) {
      process.removeAllListeners(event);
      for (const listener of listeners[index] ?? []) process.on(event, listener as () => void);
    }
  }
  return reported;
}

describe('The wrapping law', () => {
  for (const fault of FAULTS) {
    it(`holds for tracked functions of all kinds: ${fault}`, async () => {
      const { tracker, breakNow } = createTracker(fault);
      breakNow();
      await fc.assert(
        fc.asyncProperty(call, async ({ kind, value, self, args }) => {
          const bareLog: unknown[] = [];
          const bare = await look(makeFunction(kind, value, bareLog), self, args, bareLog);
          const log: unknown[] = [];
          const tracked = tracker.track({ type: 'tool', name: kind }, makeFunction(kind, value, log));
          const seen = await look(tracked, self, args, log);
          tracker.flush();
          assert.equal(seen.log.length, bare.log.length);
          for (const [index, item] of bare.log.entries()) assert.ok(Object.is(seen.log[index], item), `${kind}: step ${index}`);
          assert.equal(seen.isSync, bare.isSync);
          assert.equal(seen.prototype, bare.prototype);
        }),
        { numRuns: Number(process.env['LAW_RUNS'] ?? 200) },
      );
    });

    it(`holds for measured blocks of all kinds: ${fault}`, async () => {
      const { tracker, breakNow } = createTracker(fault);
      breakNow();
      await fc.assert(
        fc.asyncProperty(call, async ({ kind, value, args }) => {
          const bareLog: unknown[] = [];
          const bare = await look(makeFunction(kind, value, bareLog), undefined, args, bareLog);
          const log: unknown[] = [];
          const block = makeFunction(kind, value, log);
          const seen = await look(
            () => tracker.measure({ type: 'tool', name: kind }, () => Reflect.apply(block, undefined, args)),
            undefined,
            [],
            log,
          );
          tracker.flush();
          assert.equal(seen.log.length, bare.log.length);
          for (const [index, item] of bare.log.entries()) assert.ok(Object.is(seen.log[index], item), `${kind}: step ${index}`);
          assert.equal(seen.prototype, bare.prototype);
        }),
        { numRuns: Number(process.env['LAW_RUNS'] ?? 100) },
      );
    });
  }

  it('records every call once, with its outcome', async () => {
    const { tracker, sink } = createTracker('none');
    await fc.assert(
      fc.asyncProperty(call, async ({ kind, value, args }) => {
        sink.events.length = 0;
        const log: unknown[] = [];
        await look(tracker.track({ type: 'tool', name: 'subject' }, makeFunction(kind, value, log)), undefined, args, log);
        tracker.flush();
        const isFailure = kind.endsWith('throw') || kind.endsWith('reject');
        assert.deepEqual(
          sink.events.map(({ name, status }) => [name, status]),
          [['subject', isFailure ? 'failure' : 'success']],
        );
      }),
    );
    const { recorded, handedOn } = tracker.counts();
    assert.equal(recorded, handedOn);
    assert.equal(tracker.numbers().internalErrors > 0, true, 'frozen thenables are noted');
  });

  it('leaves unhandled rejections unhandled, reported as often as without us', async () => {
    const { tracker } = createTracker('none');
    const error = new Error('nobody waits');
    const fail = async (): Promise<never> => {
      throw error;
    };
    const failSubclass = (): Promise<never> => ApiPromise.reject(error);
    const bare = await reportedBy(() => [fail(), failSubclass()]);
    const tracked = await reportedBy(() =>
      [fail, failSubclass].map((fn) => tracker.track<() => Promise<never>>({ type: 'tool', name: 'x' }, fn)()),
    );
    assert.ok(bare.length >= 2);
    assert.deepEqual(tracked, bare);
  });

  it('keeps what hangs on a native promise', async () => {
    const { tracker } = createTracker('none');
    const cancel = (): string => 'cancelled';
    const promise = tracker.track({ type: 'tool', name: 'x' }, () => Object.assign(Promise.resolve(1), { cancel, child: 2 }))();
    assert.deepEqual([promise.cancel(), promise.child, await promise], ['cancelled', 2, 1]);
  });

  it('never asks a lazy query to run', async () => {
    const { tracker, sink } = createTracker('none');
    const query = tracker.track({ type: 'db', name: 'q' }, () => new LazyQuery(1, false))();
    await nextTurn();
    tracker.flush();
    assert.deepEqual([query.runs, sink.events.length], [0, 0]);
    await query;
    await query;
    tracker.flush();
    assert.deepEqual([query.runs, sink.events.length], [2, 1]);
  });

  it('ends every call that returned a memoised thenable, and wraps it once', async () => {
    const { tracker, sink } = createTracker('none');
    const promise = ApiPromise.resolve('client');
    const connect = tracker.track({ type: 'tool', name: 'connect' }, () => promise);
    for (let call = 1; call < 20_000; call++) void connect();
    assert.equal(await connect(), 'client');
    assert.equal(tracker.counts().recorded, 20_000);
    assert.equal(await connect(), 'client');
    assert.equal(tracker.counts().recorded, 20_001);
    tracker.flush();
    assert.ok(sink.events.every(({ status }) => status === 'success'));
  });

  it('gives back what cannot even be asked whether it is a promise', () => {
    const { tracker, sink } = createTracker('none');
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const trapped = Object.defineProperty(Promise.resolve(1), 'then', {
      get: () => {
        throw new Error('the app asked for its then');
      },
    });
    for (const value of [proxy, trapped]) {
      assert.ok(Object.is(tracker.track({ type: 'tool', name: 'tracked' }, () => value)(), value));
      assert.ok(
        Object.is(
          tracker.measure({ type: 'tool', name: 'measured' }, () => value),
          value,
        ),
      );
    }
    tracker.flush();
    assert.deepEqual(
      sink.events.map(({ name, status }) => [name, status]),
      [
        ['tracked', 'success'],
        ['measured', 'success'],
        ['tracked', 'success'],
        ['measured', 'success'],
      ],
    );
  });

  it('runs lazy work inside the execution, and what waits for it outside', async () => {
    const { tracker } = createTracker('none');
    const seen: unknown[] = [];
    await tracker.measure({ type: 'agent', name: 'outer' }, async (outer) => {
      let inner: unknown;
      const thenable = tracker.track({ type: 'db', name: 'inner' }, () => {
        inner = tracker.currentTraceContext();
        return {
          // biome-ignore lint/suspicious/noThenProperty: it is a thenable
          then(onFulfilled: (value: unknown) => void) {
            seen.push(tracker.currentTraceContext());
            onFulfilled(1);
          },
        };
      })() as unknown as { then(handler: () => void): void };
      // oxlint-disable-next-line typescript/no-floating-promises -- it is no promise
      thenable.then(() => seen.push(tracker.currentTraceContext()));
      assert.deepEqual(seen, [inner, outer.traceIds]);
    });
  });

  it('keeps name, length, own properties, prototype and construction', () => {
    const { tracker } = createTracker('none');
    const options = { type: 'tool', name: 'x' } as const;
    class Model {
      readonly kind: string;
      constructor(kind: string) {
        this.kind = kind;
      }
      static make(): string {
        return 'made';
      }
    }
    function classic(_a: number, _b: number): void {}
    const functions = [
      Object.assign((_a: number) => 1, { extra: 'kept' }),
      async function named(_a: unknown, _b: unknown) {},
      classic,
      function* generator() {},
      Model as unknown as () => unknown,
      { method(_a: number) {} }.method,
    ];
    for (const fn of functions as ((...args: never[]) => unknown)[]) {
      const tracked = tracker.track(options, fn);
      assert.deepEqual(Object.getOwnPropertyDescriptors(tracked), Object.getOwnPropertyDescriptors(fn));
      assert.equal(Object.getPrototypeOf(tracked), Object.getPrototypeOf(fn));
    }
    const Tracked = tracker.track(options, Model as unknown as () => unknown) as unknown as typeof Model;
    assert.ok(new Tracked('a') instanceof Model);
    assert.ok(new Tracked('a') instanceof Tracked);
    class Derived extends Tracked {}
    assert.deepEqual([new Derived('b').kind, new Derived('b') instanceof Derived, Tracked.make()], ['b', true, 'made']);
    assert.throws(() => (Tracked as unknown as () => void)(), TypeError);
    assert.throws(
      () =>
        Reflect.construct(
          tracker.track(options, () => 1),
          [],
        ),
      TypeError,
    );
  });
});
