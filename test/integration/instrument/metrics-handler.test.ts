import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gunzipSync } from 'node:zlib';
import { Gauge, Registry } from 'prom-client';
import { createMetricsHandler } from '../../../src/instrument/exposition/metrics-handler.ts';
import { Counter } from '../../../src/instrument/metrics/counter.ts';
import { Histogram } from '../../../src/instrument/metrics/histogram.ts';
import type { MetricRegistry } from '../../../src/instrument/metrics/registry.ts';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import type { Logger } from '../../../src/logger.ts';
import { type MetricsServer, serveMetrics } from '../../support/scrape.ts';
import { waitFor } from '../../support/wait-for.ts';

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
const OPENMETRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

describe('createMetricsHandler', () => {
  let served: MetricsServer;

  async function serve(registry: MetricRegistry, options?: Parameters<typeof createMetricsHandler>[1]): Promise<MetricsServer> {
    served = await serveMetrics(createMetricsHandler(registry, options));
    return served;
  }

  afterEach(() => served.stop());

  it('serves text 0.0.4 and OpenMetrics 1.0 from one registry, as each scraper asks', async () => {
    const { registry } = new ObservabilityTracker({ service: 'test', registry: new Registry() });
    const { scrape } = await serve(registry);
    const text = await scrape();
    assert.deepEqual([text.status, text.headers['content-type'], text.text], [200, TEXT, await registry.metrics()]);
    assert.equal(Number(text.headers['content-length']), text.body.length);
    const open = await scrape({ Accept: 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2' });
    assert.deepEqual([open.status, open.headers['content-type']], [200, OPENMETRICS]);
    assert.match(open.text, /# TYPE keepwatch_events_recorded counter\nkeepwatch_events_recorded_total 0\n[\s\S]*\n# EOF\n$/);
    assert.equal(open.headers['vary'], 'Accept, Accept-Encoding');
    assert.equal((await scrape()).text, await registry.metrics());
    assert.equal((await scrape({ Accept: 'image/png' })).status, 200);
  });

  it('answers HEAD with the length alone', async () => {
    const registry = largeRegistry(20_000);
    const { scrape } = await serve(registry);
    const { status, headers, body } = await scrape({}, 'HEAD');
    assert.deepEqual([status, body.length], [200, 0]);
    assert.equal(Number(headers['content-length']), (await registry.metrics()).length);
  });

  it('sends a large exposition in chunks, whole, and as gzip to those who ask', async () => {
    const registry = largeRegistry(20_000);
    const { scrape } = await serve(registry);
    const expected = await registry.metrics();
    const plain = await scrape();
    assert.equal(plain.headers['transfer-encoding'], 'chunked');
    assert.ok(plain.text === expected);
    const [first, second] = await Promise.all([scrape({ 'Accept-Encoding': 'gzip' }), scrape({ 'Accept-Encoding': 'gzip' })]);
    for (const { headers, body } of [first, second]) {
      assert.equal(headers['content-encoding'], 'gzip');
      assert.ok(body.length < expected.length / 5);
      assert.ok(gunzipSync(body).toString() === expected);
    }
  });

  it('sends gzip whole to two at once when the last chunk is empty', async () => {
    let nowMs = 0;
    const { registry, finish } = waitingRegistry();
    const gauge = new Gauge({ name: 'x', help: 'x', labelNames: ['a'], registers: [registry] });
    for (let index = 0; index < 250; index++) gauge.set({ a: `${index}`.padEnd(100) }, index);
    const { scrape, server } = await serve(registry, { monotonicMs: () => (nowMs += 10) });
    const plain = scrape();
    await once(server, 'request');
    const both = [scrape({ 'Accept-Encoding': 'gzip' }), scrape({ 'Accept-Encoding': 'gzip' })];
    for (const _ of both) await once(server, 'request');
    finish();
    const { text } = await plain;
    for (const { body } of await Promise.all(both)) assert.ok(gunzipSync(body).toString() === text);
  });

  it('compresses a small exposition too, with its length', async () => {
    const { scrape } = await serve(new Registry());
    const { headers, body } = await scrape({ 'Accept-Encoding': 'gzip' });
    assert.equal(Number(headers['content-length']), body.length);
    assert.equal(gunzipSync(body).toString(), '\n');
  });

  it('writes once for scrapers that come together, in one format', async () => {
    const { registry, passes, finish } = waitingRegistry();
    const { scrape, server } = await serve(registry);
    let arrived = 0;
    const all = new Promise<void>((done) => server.on('request', () => ++arrived === 3 && done()));
    const scrapes = [scrape(), scrape(), scrape()];
    await all;
    finish();
    for (const { text } of await Promise.all(scrapes)) assert.match(text, /^slow 1$/m);
    assert.equal(passes(), 1);
    const next = scrape();
    await once(server, 'request');
    finish();
    assert.match((await next).text, /^slow 2$/m);
  });

  it('begins anew for a scraper that comes when a collect has hung for a second', async () => {
    let nowMs = 0;
    const { registry, passes, finish } = waitingRegistry();
    const { scrape, server } = await serve(registry, { monotonicMs: () => nowMs });
    const first = scrape();
    await once(server, 'request');
    nowMs = 1000;
    const second = scrape();
    await once(server, 'request');
    await waitFor(() => passes() === 2);
    finish();
    assert.deepEqual(await Promise.all([first, second].map(async (sent) => (await sent).status)), [200, 200]);
  });

  it('gives up what nobody waits for any more, and nothing of what another waits for', async () => {
    const { registry, passes, finish } = waitingRegistry();
    const { scrape, server, port } = await serve(registry);
    const leaver = connect(port, '127.0.0.1');
    leaver.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(server, 'request');
    const stayer = scrape();
    await once(server, 'request');
    leaver.destroy();
    await waitFor(async () => (await connections(server)) === 1);
    finish();
    assert.match((await stayer).text, /^slow 1$/m);

    const alone = connect(port, '127.0.0.1');
    alone.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(server, 'request');
    alone.destroy();
    await waitFor(async () => (await connections(server)) === 0);
    const later = scrape();
    await once(server, 'request');
    await waitFor(() => passes() === 3);
    finish();
    assert.equal((await later).status, 200);
  });

  it('waits for a scraper that reads slowly, and lets others pass', async function () {
    this.timeout(20_000);
    const registry = largeRegistry(100_000, 120);
    const { scrape, port, server } = await serve(registry);
    const expected = await registry.metrics();
    const slow = connect({ port, host: '127.0.0.1' });
    slow.pause();
    slow.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const [, response] = await once(server, 'request');
    await waitFor(() => response.writableNeedDrain === true);
    assert.ok(response.writableLength < 500_000, `${response.writableLength} bytes wait in the socket`);
    assert.ok((await scrape()).text === expected);
    assert.equal(response.writableFinished, false);
    let received = 0;
    slow.on('data', (data: Buffer) => {
      received += data.length;
    });
    slow.resume();
    await once(slow, 'end');
    assert.ok(received > expected.length, `${received} of ${expected.length} bytes`);
  });

  it('is not disturbed by scrapers that leave in the middle, and keeps nothing for them', async function () {
    this.timeout(30_000);
    const registry = largeRegistry(60_000);
    const { scrape, port, server } = await serve(registry);
    const expected = await registry.metrics();
    const leave = async (encoding: string) => {
      const leaver = connect(port, '127.0.0.1');
      leaver.write(`GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ${encoding}\r\n\r\n`);
      await once(leaver, 'data');
      leaver.destroy();
    };
    let before = 0;
    for (let round = 0; round < 18; round++) {
      if (round === 3) before = memoryUsed();
      const stayer = scrape();
      await Promise.all([leave('gzip'), leave('identity'), leave('identity')]);
      assert.ok((await stayer).text === expected);
    }
    await waitFor(async () => (await connections(server)) === 0);
    const grownBytes = memoryUsed() - before;
    assert.ok(grownBytes < 2 * expected.length, `grown by ${grownBytes} bytes; an exposition has ${expected.length}`);
  });

  it('keeps a few writings at most, and cuts off those who read the oldest', async function () {
    this.timeout(20_000);
    let nowMs = 0;
    const { scrape, port, server } = await serve(largeRegistry(60_000, 120), { monotonicMs: () => nowMs });
    const sockets = [];
    const slow = [];
    for (let index = 0; index < 12; index++) {
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      socket.pause();
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      const [, response] = await once(server, 'request');
      slow.push(response);
      await waitFor(() => response.writableNeedDrain === true);
      nowMs += 1000;
    }
    assert.deepEqual(
      slow.map((response) => response.destroyed),
      slow.map((_, index) => index < 4),
    );
    assert.equal((await scrape()).status, 200);
    assert.equal(slow.filter((response) => response.destroyed).length, 5);
    for (const socket of sockets) socket.destroy();
  });

  it('fails when a collect never settles, and says whose in the log', async () => {
    const { registry } = waitingRegistry();
    const lines: string[] = [];
    const { scrape } = await serve(registry, { collectTimeoutMs: 50, logger: recordingLogger(lines) });
    assert.equal((await scrape()).status, 500);
    assert.match(lines.join(), /slow: its collect took more than 50 ms/);
  });

  it('keeps the lines of a series in agreement while it is observed, and lets I/O in', async function () {
    this.timeout(20_000);
    const histogram = new Histogram({ name: 'x_seconds', help: 'x', labels: ['i'], buckets: [1, 2], maxSeries: 50_000 });
    const slots = Array.from({ length: 20_000 }, (_, index) => histogram.resolve(`${index}`));
    const registry = new Registry();
    registry.registerMetric(histogram as never);
    const { scrape } = await serve(registry);
    let turns = 0;
    const observe = () => {
      for (const slot of slots) histogram.observe(slot, turns % 3);
      turns++;
      timer = setImmediate(observe);
    };
    let timer = setImmediate(observe);
    const { text } = await scrape();
    clearImmediate(timer);
    const blocks = text.trimEnd().split('\n').slice(2);
    assert.equal(blocks.length, 20_000 * 5);
    const seen = new Set<number>();
    for (let at = 0; at < blocks.length; at += 5) {
      const [one = 0, two = 0, inf = 0, sum = 0, count = 0] = blocks
        .slice(at, at + 5)
        .map((line) => Number(line.split(' ').at(-1)));
      assert.equal(inf, count);
      const zerosAndOnes = Math.ceil(count / 3) + Math.ceil((count - 1) / 3);
      assert.equal(one, count === 0 ? 0 : zerosAndOnes);
      assert.equal(two, count);
      assert.equal(sum, Math.max(0, Math.ceil((count - 1) / 3)) + 2 * Math.floor(count / 3));
      seen.add(count);
    }
    assert.ok(seen.size > 1, 'observations came between the pieces');
  });

  it('answers 500 when a collect throws, says whose in the log, and the next scrape may succeed', async () => {
    let isBroken = true;
    const registry = new Registry();
    const check = () => {
      if (isBroken) throw new Error('postgres://u:secret@h is down');
    };
    new Gauge({ name: 'mine', help: 'x', registers: [registry], collect: check });
    new Gauge({ name: 'other', help: 'x', registers: [registry], collect: async () => check() });
    const lines: string[] = [];
    const { scrape } = await serve(registry, { logger: recordingLogger(lines) });
    const { status, text } = await scrape();
    assert.deepEqual([status, text], [500, 'the metrics could not be collected\n']);
    assert.match(lines.join(), /mine: postgres:\/\/\*\*\*@h is down; other: postgres/);
    isBroken = false;
    assert.equal((await scrape()).status, 200);
  });

  it('cuts the connection when a metric fails after the beginning was sent', async () => {
    const registry = largeRegistry(60_000);
    registry.registerMetric({ name: 'bad', get: async () => Promise.reject(new Error('no values')) } as never);
    const lines: string[] = [];
    const { scrape } = await serve(registry, { logger: recordingLogger(lines) });
    await assert.rejects(scrape(), { code: 'ECONNRESET' });
    assert.match(lines.join(), /bad: no values/);
    registry.removeSingleMetric('bad');
    assert.equal((await scrape()).status, 200);
  });

  it('serves a registry that cannot be written in parts as it is', async () => {
    const registry = {
      contentType: 'text/x; version=9',
      metrics: async () => 'x 1\n',
      registerMetric() {},
      getSingleMetric() {},
      removeSingleMetric() {},
    };
    const { scrape } = await serve(registry);
    const { headers, text } = await scrape({ Accept: 'application/openmetrics-text' });
    assert.deepEqual([headers['content-type'], text], ['text/x; version=9', 'x 1\n']);
  });
});

/** @param length of each label value, about */
function largeRegistry(series: number, length = 30): Registry {
  const counter = new Counter({ name: 'x_total', help: 'x', labels: ['route'], maxSeries: 2 * series });
  for (let index = 0; index < series; index++) counter.add(counter.resolve(`${'/route'.padEnd(length, 'x')}${index}`), index);
  const registry = new Registry();
  registry.registerMetric(counter as never);
  return registry;
}

/** A registry whose only metric waits for `finish` each time it is collected. */
function waitingRegistry() {
  const registry = new Registry();
  let passes = 0;
  const waiting: (() => void)[] = [];
  new Gauge({
    name: 'slow',
    help: 'x',
    registers: [registry],
    async collect() {
      const pass = ++passes;
      await new Promise<void>((resolve) => waiting.push(resolve));
      this.set(pass);
    },
  });
  const finish = () => {
    for (const go of waiting.splice(0)) go();
  };
  return { registry, passes: () => passes, finish };
}

function recordingLogger(lines: string[]): Logger {
  const record = (fields: object, message: string) => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  return { debug: record, info: record, warn: record, error: record };
}

/** Bytes in use after a full garbage collection, buffers included. */
function memoryUsed(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function connections(server: MetricsServer['server']): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  );
}
