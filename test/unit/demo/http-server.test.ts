import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { listen } from '../../../demo/http-server.ts';

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
});
