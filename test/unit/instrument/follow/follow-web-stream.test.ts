import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { reportedWhile } from '../../../support/reported.ts';
import { collectGarbage, Tracked } from '../../../support/tracked.ts';
import { waitFor } from '../../../support/wait-for.ts';

const boom = new Error('boom');
const three = () => ReadableStream.from([1, 2, 3]);
const bytes = () => new Response('abc').body as ReadableStream<Uint8Array>;
const failing = () => new ReadableStream({ pull: () => Promise.reject(boom) });
const endless = () => new ReadableStream({ pull: (controller) => controller.enqueue('x') });
const brokenSink = () => new WritableStream({ write: () => Promise.reject(boom) });

async function readAll(stream: ReadableStream): Promise<unknown[]> {
  const reader = stream.getReader();
  const items: unknown[] = [];
  for (let step = await reader.read(); !step.done; step = await reader.read()) items.push(step.value);
  await reader.closed;
  return items;
}

/** What a consumer does with a stream, and how its execution ends. */
const CONSUMERS: Readonly<
  Record<string, { make?: () => ReadableStream; use: (stream: ReadableStream) => unknown; ends: unknown[] }>
> = {
  'read to its end': { use: async (stream) => assert.deepEqual(await readAll(stream), [1, 2, 3]), ends: ['success'] },
  'iterated to its end': { use: (stream) => Readable.from(stream).toArray(), ends: ['success'] },
  'left early': {
    make: endless,
    use: async (stream) => {
      for await (const _ of stream) break;
    },
    ends: ['aborted'],
  },
  'left early and kept': {
    use: async (stream) => {
      for await (const item of stream.values({ preventCancel: true })) if (item === 1) break;
      assert.deepEqual(await readAll(stream), [2, 3]);
    },
    ends: ['success'],
  },
  cancelled: { use: (stream) => stream.cancel(), ends: ['aborted'] },
  'cancelled by its reader': { use: (stream) => stream.getReader().cancel(boom), ends: ['aborted'] },
  'locked, so that cancel is refused': {
    use: async (stream) => {
      const reader = stream.getReader();
      await assert.rejects(stream.cancel(), TypeError);
      await reader.read();
      reader.releaseLock();
      assert.deepEqual(await readAll(stream), [2, 3]);
    },
    ends: ['success'],
  },
  failing: { make: failing, use: (stream) => assert.rejects(readAll(stream), boom), ends: ['failure'] },
  'failing while it is iterated': {
    make: failing,
    use: (stream) => assert.rejects(Readable.from(stream).toArray(), boom),
    ends: ['failure'],
  },
  piped: { use: (stream) => stream.pipeTo(new WritableStream()), ends: ['success'] },
  'piped into what breaks': { use: (stream) => assert.rejects(stream.pipeTo(brokenSink()), boom), ends: ['failure'] },
  'piped until it is aborted': {
    use: async (stream) => {
      const controller = new AbortController();
      const piped = stream.pipeTo(new WritableStream({ write: () => controller.abort() }), { signal: controller.signal });
      await assert.rejects(piped, { name: 'AbortError' });
    },
    ends: ['aborted'],
  },
  'piped through': {
    use: async (stream) => assert.deepEqual(await readAll(stream.pipeThrough(new TransformStream())), [1, 2, 3]),
    ends: ['success'],
  },
  'teed, both read': {
    use: async (stream) => {
      const [a, b] = stream.tee();
      assert.deepEqual(await Promise.all([readAll(a), readAll(b)]), [
        [1, 2, 3],
        [1, 2, 3],
      ]);
    },
    ends: ['success'],
  },
  'teed, one read': { use: async (stream) => void (await readAll(stream.tee()[1])), ends: ['success'] },
  'teed, both cancelled': { use: (stream) => Promise.all(stream.tee().map((branch) => branch.cancel())), ends: ['aborted'] },
  'the body of a response': {
    make: bytes,
    use: async (stream) => assert.equal(await new Response(stream).text(), 'abc'),
    ends: ['success'],
  },
  'the body of a cloned response': {
    make: bytes,
    use: async (stream) => {
      const response = new Response(stream);
      assert.equal((await response.clone().text()) + (await response.text()), 'abcabc');
    },
    ends: ['success'],
  },
  'made a Node stream': { use: (stream) => Readable.fromWeb(stream as never, { objectMode: true }).toArray(), ends: ['success'] },
  'never read': { use: () => undefined, ends: [] },
};

describe('A followed web stream', () => {
  for (const [what, { make = three, use, ends }] of Object.entries(CONSUMERS)) {
    it(`ends its execution once: ${what}`, async () => {
      const open = make();
      const tracked = new Tracked();
      const stream = await tracked.track(async () => open)();
      assert.equal(stream, open);
      assert.equal(stream.locked, false);
      await use(stream);
      await nextTurn();
      assert.deepEqual(
        tracked.events().map(({ status }) => status),
        ends,
      );
      if (!stream.locked) await stream.cancel().catch(() => undefined);
      assert.equal(tracked.events().length, ends.length === 0 ? 1 : 0);
    });
  }

  it('counts items, of branches once', async () => {
    const tracked = new Tracked();
    const [a, b] = tracked.track(three)().tee();
    await readAll(a);
    await readAll(b);
    const [event] = tracked.events();
    assert.deepEqual([event?.metadata['item_count'], typeof event?.metadata['time_to_first_ms']], [3, 'number']);
  });

  it('stays a stream that can be handed to another thread', async () => {
    const tracked = new Tracked();
    const stream = tracked.track(three)();
    assert.ok(stream instanceof ReadableStream);
    assert.deepEqual(Object.keys(stream), Object.keys(three()));
    const moved = structuredClone(stream, { transfer: [stream as never] });
    assert.deepEqual(await readAll(moved), [1, 2, 3]);
  });

  it('leaves rejections to those who have to handle them', async () => {
    const tracked = new Tracked();
    const neglect = (open: () => ReadableStream) =>
      reportedWhile(() => {
        void open().getReader().read();
        void open().pipeTo(new WritableStream());
      });
    const bare = await neglect(failing);
    assert.ok(bare.length >= 2);
    assert.deepEqual(await neglect(tracked.track(failing)), bare);
    assert.deepEqual(
      tracked.events().map(({ status }) => status),
      ['failure', 'failure'],
    );
  });

  it('is abandoned when it is garbage, but not while a branch of it lives', async function () {
    this.timeout(20_000);
    const tracked = new Tracked();
    const branches = (() => {
      tracked.track(endless, 'lost')();
      return tracked.track(three, 'kept')().tee();
    })();
    await waitFor(async () => {
      await collectGarbage();
      return tracked.events().some(({ name, metadata }) => name === 'lost' && metadata['keepwatch.abandoned'] === true);
    });
    await collectGarbage();
    assert.deepEqual(tracked.events(), []);
    await readAll(branches[0]);
    assert.deepEqual(tracked.endings(), [['success', 3]]);
  });
});
