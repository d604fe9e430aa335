import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listen } from '../../../src/server/listen.ts';

describe('listen', () => {
  it('says which port is in use and what to do', async () => {
    const first = await listen(createServer(), '127.0.0.1', 0);
    await assert.rejects(listen(createServer(), '127.0.0.1', first.port), {
      name: 'KeepwatchError',
      code: 'ERR_PORT_IN_USE',
      message: `127.0.0.1:${first.port} is in use by another process; stop it, or choose another port: KEEPWATCH_PORT=${first.port + 1}`,
    });
    await first.stop();
  });

  it('refuses an address that this machine does not have', async () => {
    await assert.rejects(listen(createServer(), '192.0.2.1', 3000), { code: 'ERR_CONFIG_INVALID', message: /192\.0\.2\.1:3000/ });
  });

  it('stops at once although keep-alive connections are open, and may be stopped twice', async () => {
    const server = await listen(
      createServer((_, response) => response.end('hello')),
      '127.0.0.1',
      0,
    );
    await (await fetch(server.url)).text();
    await Promise.all([server.stop(), server.stop()]);
    await assert.rejects(fetch(server.url));
  });

  it('lets a running request finish, then closes its connection without waiting for the keep-alive timeout', async () => {
    const http = createServer();
    const server = await listen(http, '127.0.0.1', 0);
    const arrived = once(http, 'request');
    const answer = fetch(server.url);
    const [, response] = (await arrived) as [IncomingMessage, ServerResponse];
    const startedAt = performance.now();
    const stopped = server.stop();
    response.end('late');
    assert.equal(await (await answer).text(), 'late');
    await stopped;
    assert.ok(performance.now() - startedAt < 2000);
  });
});
