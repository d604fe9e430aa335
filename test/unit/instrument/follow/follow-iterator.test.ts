import assert from 'node:assert/strict';
import { collectGarbage, Tracked } from '../../../support/tracked.ts';
import { waitFor } from '../../../support/wait-for.ts';

const boom = new Error('boom');

describe('A followed generator', () => {
  it('ends its execution when it is done, thrown, returned or thrown into, and not before', () => {
    const tracked = new Tracked();
    const count = tracked.track(function* (to: number) {
      for (let item = 1; item <= to; item++) yield item;
      return 'end';
    });
    assert.deepEqual([...count(3)], [1, 2, 3]);
    assert.deepEqual(tracked.endings(), [['success', 3]]);

    for (const item of count(3)) if (item === 2) break;
    const [first] = count(3);
    assert.equal(first, 1);
    assert.deepEqual(tracked.endings(), [
      ['aborted', 2],
      ['aborted', 1],
    ]);

    const thrownInto = count(3);
    thrownInto.next();
    assert.deepEqual(tracked.endings(), []);
    assert.throws(() => thrownInto.throw(boom), boom);
    assert.deepEqual(tracked.endings(), [['failure', 1]]);
    assert.deepEqual(
      [thrownInto.next(), thrownInto.return('x')],
      [
        { value: undefined, done: true },
        { value: 'x', done: true },
      ],
    );
    assert.deepEqual(tracked.endings(), []);

    const failing = tracked.track(function* () {
      yield 1;
      throw boom;
    });
    assert.throws(() => [...failing()], boom);
    const [event] = tracked.events();
    assert.deepEqual([event?.status, event?.error, event?.metadata['item_count']], ['failure', 'Error: boom', 1]);
  });

  it('goes on when it catches what is thrown into it, or yields in its finally', () => {
    const tracked = new Tracked();
    const stubborn = tracked.track(function* (): Generator<string, string, unknown> {
      try {
        yield 'a';
      } catch {
        yield 'caught';
      } finally {
        yield 'finally';
      }
      return 'end';
    });
    const steps = stubborn();
    steps.next();
    assert.equal(steps.throw(boom).value, 'caught');
    assert.equal(steps.return('given up').value, 'finally');
    assert.deepEqual(tracked.endings(), []);
    assert.deepEqual(steps.next(), { value: 'given up', done: true });
    assert.equal(tracked.endings().length, 1);
  });

  it('stays the object that it was, and is not started by us', () => {
    const tracked = new Tracked();
    let started = 0;
    let made: unknown;
    function* work() {
      started++;
      yield 1;
    }
    const tracked1 = tracked.track(() => (made = work()));
    const generator = tracked1() as Generator<number>;
    assert.equal(generator, made);
    assert.equal(Object.getPrototypeOf(generator), work.prototype);
    assert.equal(generator[Symbol.iterator](), generator);
    assert.deepEqual(Object.keys(generator), []);
    assert.deepEqual(
      [generator.next, generator.return, generator.throw].map(({ name, length }) => [name, length]),
      [
        ['next', 1],
        ['return', 1],
        ['throw', 1],
      ],
    );
    assert.equal(started, 0);
    assert.deepEqual(generator.return(7), { value: 7, done: true });
    assert.equal(started, 0);
    assert.deepEqual(tracked.endings(), [['aborted', 0]]);
  });

  it('survives being called while it runs', () => {
    const tracked = new Tracked();
    const self: { generator?: Generator<unknown> } = {};
    self.generator = tracked.track(function* (): Generator<unknown> {
      assert.throws(() => self.generator?.next(), /already running/);
      yield 1;
    })();
    assert.deepEqual([...self.generator], [1]);
    assert.deepEqual(tracked.endings(), [['success', 1]]);
  });

  it('delegates, and is measured where it is delegated to', () => {
    const tracked = new Tracked();
    const inner = tracked.track(function* () {
      const got: unknown = yield 1;
      return got;
    }, 'inner');
    const outer = tracked.track(function* (): Generator<number, unknown, unknown> {
      return yield* inner();
    }, 'outer');
    const steps = outer();
    steps.next();
    assert.deepEqual(steps.next('sent'), { value: 'sent', done: true });
    const events = tracked.events();
    assert.deepEqual(
      events.map(({ name, status }) => [name, status]),
      [
        ['inner', 'success'],
        ['outer', 'success'],
      ],
    );
    assert.equal(events[0]?.parentSpanId, events[1]?.spanId);
  });

  it('says when the first item came', () => {
    let nowMs = 0;
    const tracked = new Tracked({ clock: { now: () => nowMs, monotonicMs: () => nowMs, anchorMs: 0, adjust: () => 0 } });
    const slow = tracked.track(function* () {
      nowMs += 20;
      yield 1;
      nowMs += 30;
      yield 2;
    });
    const generator = slow();
    nowMs += 5;
    assert.deepEqual([...generator], [1, 2]);
    const [event] = tracked.events();
    assert.deepEqual([event?.durationMs, event?.metadata], [55, { item_count: 2, time_to_first_ms: 25 }]);
  });

  it('is abandoned when it is garbage', async function () {
    this.timeout(20_000);
    const tracked = new Tracked();
    const endless = tracked.track(function* () {
      for (;;) yield 1;
    });
    const asyncEndless = tracked.track(async function* () {
      for (;;) yield 1;
    });
    (() => {
      endless().next();
      endless();
      void asyncEndless().next();
    })();
    const events: ReturnType<Tracked['events']> = [];
    await waitFor(async () => {
      await collectGarbage();
      return events.push(...tracked.events()) === 3;
    });
    assert.ok(events.every(({ status, metadata }) => status === 'aborted' && metadata['keepwatch.abandoned'] === true));
  });

  it('runs each step in the execution, and its consumer outside', async () => {
    const tracked = new Tracked();
    const { tracker } = tracked;
    const inside = new Set<string | undefined>();
    const outside = new Set<string | undefined>();
    const here = (): string | undefined => tracker.currentTraceContext()?.spanId;
    const both = async function* () {
      inside.add(here());
      yield 1;
      await Promise.resolve();
      inside.add(here());
      try {
        yield 2;
      } finally {
        await Promise.resolve();
        inside.add(here());
      }
    };
    await tracker.measure({ type: 'agent', name: 'consumer' }, async (consumer) => {
      for await (const item of tracked.track(both)()) {
        outside.add(here());
        if (item === 2) break;
      }
      outside.add(here());
      assert.deepEqual([...outside], [consumer.traceIds?.spanId]);
    });
    const [event, consumer] = tracked.events();
    assert.deepEqual([...inside], [event?.spanId]);
    assert.equal(event?.parentSpanId, consumer?.spanId);
  });
});

describe('A followed async generator', () => {
  it('ends its execution when it is done, thrown or left early', async () => {
    const tracked = new Tracked();
    const count = tracked.track(async function* (to: number) {
      for (let item = 1; item <= to; item++) yield await Promise.resolve(item);
      if (to === 0) throw boom;
    });
    const seen: number[] = [];
    for await (const item of count(2)) seen.push(item);
    assert.deepEqual(seen, [1, 2]);
    assert.deepEqual(tracked.endings(), [['success', 2]]);
    for await (const item of count(2)) if (item === 1) break;
    assert.deepEqual(tracked.endings(), [['aborted', 1]]);
    await assert.rejects(async () => {
      for await (const item of count(0)) seen.push(item);
    }, boom);
    assert.deepEqual(tracked.endings(), [['failure', 0]]);
  });

  it('answers calls that are made at once in their order', async () => {
    const tracked = new Tracked();
    const count = tracked.track(async function* () {
      yield 1;
      yield 2;
    });
    const generator = count();
    const calls = [generator.next(), generator.next(), generator.next(), generator.next()];
    assert.deepEqual(
      (await Promise.all(calls)).map(({ value, done }) => [value, done]),
      [
        [1, false],
        [2, false],
        [undefined, true],
        [undefined, true],
      ],
    );
    assert.deepEqual(tracked.endings(), [['success', 2]]);
  });

  it('is aborted, not failed, when a signal stops it', async () => {
    const tracked = new Tracked();
    const controller = new AbortController();
    const wait = tracked.track(async function* (signal: AbortSignal) {
      yield 1;
      signal.throwIfAborted();
    });
    await assert.rejects(async () => {
      for await (const _ of wait(controller.signal)) controller.abort();
    });
    assert.deepEqual(tracked.endings(), [['aborted', 1]]);
  });

  it('is followed when a promise gives it, and by `measure`', async () => {
    const tracked = new Tracked();
    async function* items() {
      yield 1;
    }
    const generator = await tracked.track(async () => items())();
    assert.deepEqual(tracked.endings(), []);
    for await (const _ of generator) assert.deepEqual(tracked.endings(), []);
    assert.deepEqual(tracked.endings(), [['success', 1]]);
    const measured = tracked.tracker.measure({ type: 'tool', name: 'm' }, (execution) => {
      execution.set({ kept: true });
      return items();
    });
    for await (const _ of measured) assert.deepEqual(tracked.endings(), []);
    const [event] = tracked.events();
    assert.deepEqual([event?.metadata['kept'], event?.metadata['item_count']], [true, 1]);
  });

  it('ends all executions that returned it', async () => {
    const tracked = new Tracked();
    const shared = (async function* () {
      yield 1;
    })();
    const give = tracked.track(() => shared);
    for (let call = 0; call < 5; call++) give();
    for await (const _ of give()) assert.deepEqual(tracked.endings(), []);
    assert.equal(tracked.endings().length, 6);
    give();
    assert.equal(tracked.endings().length, 1);
  });
});

describe('What else a function returns', () => {
  it('is followed when it is an object written as an iterator', () => {
    const tracked = new Tracked();
    const iterator = (log: string[]) => {
      let left = 2;
      return {
        next: () => ({ value: left, done: left-- === 0 }),
        return: (value: unknown) => {
          log.push('return');
          return { value, done: true };
        },
        [Symbol.iterator]() {
          return this;
        },
      };
    };
    const log: string[] = [];
    const make = tracked.track(() => iterator(log));
    assert.deepEqual([...make()], [2, 1]);
    for (const _ of make()) break;
    assert.deepEqual(log, ['return']);
    assert.deepEqual(tracked.endings(), [
      ['success', 2],
      ['aborted', 1],
    ]);
  });

  it('is a value when it is a collection, a cursor or a proxy', () => {
    const tracked = new Tracked();
    let asked = 0;
    class Cursor {
      next() {
        return { done: true, value: 1 };
      }
      get controller() {
        asked++;
        return new AbortController();
      }
      [Symbol.iterator]() {
        return this;
      }
    }
    const ask = (): unknown => asked++;
    const proxy = new Proxy({}, { get: (_, key) => (key === 'then' ? undefined : ask), ownKeys: () => [String(ask())] });
    const values = [[1], new Map().values(), 'text', new Set(), new Cursor(), proxy, { next: 1 }, Object.create(null) as object];
    for (const value of values) assert.equal(tracked.track(() => value)(), value);
    assert.equal(tracked.events().filter(({ status }) => status === 'success').length, values.length);
    assert.equal(asked, 0);
  });

  it('is a value when it is frozen, and is noted', () => {
    const tracked = new Tracked();
    const frozen = Object.freeze(
      (function* () {
        yield 1;
      })(),
    );
    assert.deepEqual([...tracked.track(() => frozen)()], [1]);
    assert.deepEqual(tracked.endings(), [['success', undefined]]);
    assert.equal(tracked.tracker.numbers().internalErrors, 1);
  });
});
