// scripts/forward-port.mjs, which docker-compose.yml puts before the demo: bytes go both ways, whoever is slow, and a side that ends takes the other along.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { freePort } from '../../support/postgres.ts';
import { type RunningProcess, startProgram } from '../../support/process.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('scripts/forward-port.mjs', () => {
  let forward: RunningProcess | undefined;
  afterEach(async () => {
    await forward?.end();
  });

  async function start(to: number): Promise<number> {
    const from = await freePort();
    forward = startProgram('scripts/forward-port.mjs', [String(from), String(to)]);
    await forward.printed(/forwarding/);
    return from;
  }

  it('gives requests to the loopback address and answers back, bodies whole', async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.socket.remoteAddress);
      request.pipe(response);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const port = await start((server.address() as AddressInfo).port);
    const body = 'x'.repeat(3_000_000);
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body })).text()),
    );
    assert.ok(answers.every((answer) => answer === body));
    assert.deepEqual(new Set(seen), new Set(['127.0.0.1']));
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });

  it('closes connections for which nobody listens, and goes on', async () => {
    const port = await start(await freePort());
    for (let turn = 0; turn < 3; turn++) {
      const socket = connect(port, '127.0.0.1');
      assert.equal(await text(socket.end('hello')).catch(() => ''), '');
    }
    assert.equal(forward?.output().split('\n').length, 2);
  });

  it('lets a side that went away take the other along', async () => {
    let isClosed = false;
    const server = createServer((request) => request.socket.on('close', () => (isClosed = true)));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const port = await start((server.address() as AddressInfo).port);
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'));
    socket.on('error', () => {});
    await waitFor(async () => (await new Promise<number>((done) => server.getConnections((_, count) => done(count)))) === 1);
    socket.resetAndDestroy();
    await waitFor(() => isClosed);
    await new Promise((done) => server.close(done));
  });

  it('refuses what is no port', async () => {
    const refused = startProgram('scripts/forward-port.mjs', ['8080']);
    assert.equal(await refused.exited, 2);
    assert.match(refused.output(), /usage: .*forward-port\.mjs <from port> <to port>/);
  });
});
