import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { createMetricsHandler } from '../../../src/instrument/metrics-handler.ts';
import type { MetricRegistry } from '../../../src/instrument/registry.ts';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';

describe('createMetricsHandler', () => {
  let server: Server;

  async function serve(registry: MetricRegistry): Promise<string> {
    server = createServer(createMetricsHandler(registry));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
  }

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });

  it('serves text 0.0.4, as the registry writes it', async () => {
    const { registry } = new ObservabilityTracker({ service: 'test', registry: new Registry() });
    const response = await fetch(await serve(registry));
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(await response.text(), await registry.metrics());
  });

  it('answers HEAD with the length alone', async () => {
    const { registry } = new ObservabilityTracker({ service: 'test', registry: new Registry() });
    const response = await fetch(await serve(registry), { method: 'HEAD' });
    assert.equal(response.status, 200);
    assert.equal(Number(response.headers.get('content-length')), (await registry.metrics()).length);
    assert.equal(await response.text(), '');
  });

  it('writes once for scrapers that come together', async () => {
    let passes = 0;
    let finish = (): void => {};
    const registry: MetricRegistry = Object.assign(new Registry(), {
      metrics: () => {
        passes++;
        return new Promise<string>((resolve) => {
          finish = () => resolve('x 1\n');
        });
      },
    });
    const url = await serve(registry);
    let arrived = 0;
    const all = new Promise<void>((done) => server.on('request', () => ++arrived === 3 && done()));
    const scrapes = [fetch(url), fetch(url), fetch(url)];
    await all;
    finish();
    for (const scrape of scrapes) assert.equal(await (await scrape).text(), 'x 1\n');
    assert.equal(passes, 1);
    const next = fetch(url);
    await new Promise((done) => server.once('request', done));
    finish();
    await next;
    assert.equal(passes, 2);
  });

  it('answers 500 when the metrics cannot be collected, and the next scrape may succeed', async () => {
    let isBroken = true;
    const registry: MetricRegistry = Object.assign(new Registry(), {
      metrics: async () => {
        if (isBroken) throw new Error('a collector of the app threw');
        return 'x 1\n';
      },
    });
    const url = await serve(registry);
    const response = await fetch(url);
    assert.deepEqual([response.status, await response.text()], [500, 'the metrics could not be collected\n']);
    isBroken = false;
    assert.equal((await fetch(url)).status, 200);
  });
});
