import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { addAbortSignal, Duplex, type DuplexOptions, PassThrough, pipeline, Readable, Transform, Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { reportedWhile } from '../../../support/reported.ts';
import { collectGarbage, Tracked } from '../../../support/tracked.ts';
import { waitFor } from '../../../support/wait-for.ts';

const boom = new Error('boom');
const sink = () => new Writable({ objectMode: true, write: (_chunk, _encoding, done) => done() });
const broken = () => new Writable({ objectMode: true, write: (_chunk, _encoding, done) => done(boom) });
const endless = () =>
  new Readable({
    objectMode: true,
    read() {
      this.push('x');
    },
  });
const failing = () =>
  new Readable({
    objectMode: true,
    read() {
      this.destroy(boom);
    },
  });

/** What a consumer does with a stream, and how its execution ends. */
const CONSUMERS: Readonly<Record<string, { make?: () => Readable; use: (stream: Readable) => unknown; ends: unknown[][] }>> = {
  'iterated to its end': { use: (stream) => stream.toArray(), ends: [['success', 3]] },
  'flowing to its end': {
    use: (stream) =>
      once(
        stream.on('data', () => undefined),
        'end',
      ),
    ends: [['success', 3]],
  },
  'read by hand': {
    use: (stream) => {
      stream.on('readable', () => {
        while (stream.read() !== null);
      });
      return once(stream, 'end');
    },
    ends: [['success', 3]],
  },
  piped: { use: (stream) => once(stream.pipe(sink()), 'finish'), ends: [['success', 3]] },
  'left early': {
    use: async (stream) => {
      for await (const _ of stream) break;
    },
    ends: [['aborted', 1]],
  },
  'destroyed before it was read': { use: (stream) => once(stream.destroy(), 'close'), ends: [['aborted', 0]] },
  'destroyed with an error': {
    use: (stream) => assert.rejects(once(stream.destroy(boom), 'close'), boom),
    ends: [['failure', 0]],
  },
  'aborted by a signal': {
    make: endless,
    use: async (stream) => {
      const controller = new AbortController();
      addAbortSignal(controller.signal, stream);
      const closed = assert.rejects(once(stream, 'close'), { name: 'AbortError' });
      controller.abort();
      await closed;
    },
    ends: [['aborted', 0]],
  },
  failing: { make: failing, use: (stream) => assert.rejects(stream.toArray(), boom), ends: [['failure', 0]] },
  'in a pipeline that fails elsewhere': {
    make: endless,
    use: (stream) => new Promise((resolve) => void pipeline(stream, broken(), resolve)),
    ends: [['failure', 1]],
  },
  'never read': { use: () => undefined, ends: [] },
};

describe('A followed Node stream', () => {
  for (const [what, { make = () => Readable.from([1, 2, 3]), use, ends }] of Object.entries(CONSUMERS)) {
    it(`ends its execution once: ${what}`, async () => {
      for (const isAsync of [false, true]) {
        const tracked = new Tracked();
        const open = make();
        const stream = isAsync ? await tracked.track(async () => open)() : tracked.track(() => open)();
        assert.equal(stream, open);
        await use(stream);
        await nextTurn();
        await nextTurn();
        assert.deepEqual(
          tracked.endings().map(([status, items]) => [status, what.includes('fails') ? 1 : items]),
          ends,
        );
        stream.destroy();
        await nextTurn();
        const after = tracked.endings();
        assert.deepEqual(after, ends.length === 0 ? [['aborted', 0]] : []);
      }
    });
  }

  it('adds no listener, does not let it flow, and stays what it was', async () => {
    const tracked = new Tracked();
    const added: unknown[] = [];
    const open = new PassThrough();
    const bare = { keys: Object.keys(open), events: open.eventNames(), emit: [open.emit.name, open.emit.length] };
    open.on('newListener', (event) => added.push(event));
    const stream = tracked.track(() => open)();
    open.removeAllListeners('newListener');
    assert.deepEqual([added, stream.readableFlowing], [[], null]);
    assert.deepEqual(
      { keys: Object.keys(stream), events: stream.eventNames(), emit: [stream.emit.name, stream.emit.length] },
      bare,
    );
    assert.ok(stream instanceof Transform);
    assert.throws(() => stream.emit('error', boom), boom);
    await nextTurn();
    assert.deepEqual(tracked.endings(), [['failure', 0]]);
  });

  it('leaves an error that nobody handles to the process', async () => {
    const tracked = new Tracked();
    const destroy = (open: () => Readable) => reportedWhile(() => open().destroy(boom));
    const bare = await destroy(() => new PassThrough());
    assert.deepEqual(bare, [['uncaughtException', boom]]);
    assert.deepEqual(await destroy(tracked.track(() => new PassThrough())), bare);
    assert.deepEqual(tracked.endings(), [['failure', 0]]);
  });

  it('tells of streams that emit no close, that were over before, and that are never read', async () => {
    const tracked = new Tracked();
    const track = (stream: Readable) => tracked.track(() => stream)();
    track(new Readable({ emitClose: false, read() {} })).destroy();
    assert.deepEqual(tracked.endings(), [['aborted', 0]]);
    const read = Readable.from([1]);
    await read.toArray();
    track(read);
    assert.deepEqual(tracked.endings(), [['success', 0]]);
    const destroyed = new PassThrough().destroy();
    await once(destroyed, 'close');
    track(destroyed);
    assert.deepEqual(tracked.endings(), [['aborted', 0]]);
    const writeOnly = track(
      new Duplex({ readable: false, write: (_chunk, _encoding, done) => done() } as DuplexOptions),
    ) as Duplex;
    writeOnly.end('x');
    await once(writeOnly, 'close');
    assert.deepEqual(tracked.endings(), [['success', 0]]);
  });

  it('follows files and what a server answers; a socket is a value', async () => {
    const tracked = new Tracked();
    const file = tracked.track(() => createReadStream(import.meta.filename))();
    file.resume();
    await once(file, 'close');
    assert.equal(tracked.endings()[0]?.[0], 'success');

    const server = createServer((_request, response) => {
      response.write('a');
      setImmediate(() => response.destroy());
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const fetchIt = tracked.track(async () => {
      const [message] = (await once(get({ port, host: '127.0.0.1', agent: false }), 'response')) as [IncomingMessage];
      return message;
    });
    const message = await fetchIt();
    assert.deepEqual(tracked.endings(), []);
    await assert.rejects(message.toArray(), { code: 'ECONNRESET' });
    assert.deepEqual(
      tracked.endings().map(([status]) => status),
      ['failure'],
    );

    const socket = tracked.track(() => connect(port, '127.0.0.1'))();
    assert.equal(tracked.endings().length, 1);
    socket.destroy();
    server.close();
    await once(server, 'close');
  });

  it('is abandoned when it is garbage', async function () {
    this.timeout(20_000);
    const tracked = new Tracked();
    (() => void tracked.track(() => new PassThrough())())();
    await waitFor(async () => {
      await collectGarbage();
      return tracked.events().some(({ status, metadata }) => status === 'aborted' && metadata['keepwatch.abandoned'] === true);
    });
  });
});
