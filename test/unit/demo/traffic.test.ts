import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import { startTraffic } from '../../../demo/traffic.ts';
import { listen, type RunningServer } from '../../../src/server/listen.ts';

describe('startTraffic', () => {
  let server: RunningServer | undefined;
  let connections = 0;

  async function serve(listener: RequestListener): Promise<string> {
    const http = createServer(listener);
    connections = 0;
    http.on('connection', () => connections++);
    server = await listen(http, '127.0.0.1', 0);
    return server.url;
  }

  afterEach(async () => {
    await server?.stop();
    server = undefined;
  });

  it('sends exactly the given number and counts every answer by class', async () => {
    let served = 0;
    const statuses = [200, 204, 302, 404, 500];
    const url = await serve((_, response) => response.writeHead(statuses[served++ % 5] ?? 200).end());
    const totals = await startTraffic({ url, count: 100, rate: Number.POSITIVE_INFINITY, concurrency: 7 }).done;
    assert.equal(served, 100);
    assert.deepEqual(totals, { sent: 100, status2xx: 40, status3xx: 20, status4xx: 20, status5xx: 20, transportErrors: 0 });
    assert.ok(connections <= 7, `${connections} connections`);
  });

  it('never has more in flight than its concurrency', async () => {
    let inFlight = 0;
    let most = 0;
    const url = await serve((_, response) => {
      most = Math.max(most, ++inFlight);
      setTimeout(() => {
        inFlight--;
        response.end();
      }, 5);
    });
    await startTraffic({ url, count: 60, rate: Number.POSITIVE_INFINITY, concurrency: 4 }).done;
    assert.equal(most, 4);
  });

  it('counts a cut connection and a cut body as transport errors', async () => {
    let served = 0;
    const url = await serve((request, response) => {
      if (served++ % 2 === 0) request.socket.destroy();
      else {
        response.writeHead(200, { 'content-length': '100' }).write('half');
        setImmediate(() => request.socket.destroy());
      }
    });
    const totals = await startTraffic({ url, count: 10, rate: Number.POSITIVE_INFINITY, concurrency: 1 }).done;
    assert.equal(totals.transportErrors, 10);
  });

  it('counts an app that is not there', async () => {
    const url = await serve(() => {});
    await server?.stop();
    const totals = await startTraffic({ url, count: 3, rate: 1000 }).done;
    assert.deepEqual([totals.sent, totals.transportErrors], [3, 3]);
  });

  it('waits at stop until the answers of all sent requests are in', async () => {
    let answered = 0;
    const url = await serve((_, response) => {
      setTimeout(() => {
        answered++;
        response.end();
      }, 50);
    });
    const traffic = startTraffic({ url, rate: Number.POSITIVE_INFINITY, concurrency: 5 });
    const totals = await traffic.stop();
    assert.equal(totals.sent, 5);
    assert.equal(answered, 5);
    assert.equal(totals.status2xx, 5);
    assert.deepEqual(await traffic.stop(), totals);
  });

  it('keeps to its rate', async () => {
    const url = await serve((_, response) => response.end());
    const startedAt = performance.now();
    await startTraffic({ url, count: 100, rate: 500 }).done;
    const elapsedMs = performance.now() - startedAt;
    assert.ok(elapsedMs > 100, `100 requests at 500/s took ${elapsedMs} ms`);
  });
});

describe('traffic-main', () => {
  function run(...args: string[]) {
    const child = spawn(process.execPath, ['--import', 'tsx', 'demo/traffic-main.ts', ...args], { stdio: 'pipe' });
    return Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  }

  it('prints the totals as a JSON line', async () => {
    const server = await listen(
      createServer((_, response) => response.end()),
      '127.0.0.1',
      0,
    );
    const [stdout, stderr, [code]] = await run('--url', server.url, '--rate', 'max', '--count', '40', '--mix', 'clean');
    await server.stop();
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), {
      sent: 40,
      status2xx: 40,
      status3xx: 0,
      status4xx: 0,
      status5xx: 0,
      transportErrors: 0,
    });
  }).timeout(20_000);

  it('refuses bad arguments with exit code 2', async () => {
    const [, stderr, [code]] = await run('--url', 'http://127.0.0.1:1', '--rate', '0');
    assert.equal(code, 2);
    assert.match(stderr, /^--rate: got "0"; allowed: a number above 0/);
  }).timeout(20_000);
});
