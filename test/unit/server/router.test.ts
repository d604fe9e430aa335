import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import express from 'express';
import { listen, type RunningServer } from '../../../src/server/listen.ts';
import { createRouter, type RouterOptions } from '../../../src/server/router.ts';
import { RecordingReader } from '../../support/recording-reader.ts';

describe('createRouter', () => {
  let server: RunningServer | undefined;
  let reader: RecordingReader;
  const uncounted: object[] = [];
  afterEach(async () => {
    await server?.stop();
    server = undefined;
  });

  async function serve(options: Partial<RouterOptions> = {}, before: express.RequestHandler = (_q, _s, next) => next()) {
    reader = new RecordingReader();
    uncounted.length = 0;
    const router = createRouter({
      metrics: (_request, response) => {
        response.send('# metrics');
      },
      collectReasons: () => [],
      readiness: 'degraded',
      authToken: undefined,
      markUncounted: (request) => uncounted.push(request),
      archive: reader,
      alerts: undefined,
      now: () => Date.parse('2026-11-20T12:00:00Z'),
      ...options,
    });
    const app = express().use(before, router);
    app.get('/api/v1/users', (_request, response) => {
      response.send("the host's own");
    });
    server = await listen(createServer(app), '127.0.0.1', 0);
    return server.url;
  }

  it('serves health, and counts none of its own routes', async () => {
    const base = await serve();
    for (const path of ['/metrics', '/healthz', '/readyz', '/api/v1/alerts'])
      assert.equal((await fetch(base + path)).status, 200, path);
    assert.equal(uncounted.length, 4);
  });

  it("leaves the host's own routes below /api/v1 alone", async () => {
    const base = await serve({ authToken: 'a-token-of-enough-length' });
    const response = await fetch(`${base}/api/v1/users`);
    assert.equal(await response.text(), "the host's own");
    assert.equal(uncounted.length, 0);
  });

  for (const [readiness, status] of [
    ['degraded', 200],
    ['strict', 503],
  ] as const) {
    it(`answers /readyz with ${status} when unwell and ${readiness}`, async () => {
      const base = await serve({ readiness, collectReasons: () => ['Postgres does not answer'] });
      const response = await fetch(`${base}/readyz`);
      assert.equal(response.status, status);
      assert.deepEqual(await response.json(), { status: 'degraded', reasons: ['Postgres does not answer'] });
    });
  }

  it('asks for the last hour when no range is given', async () => {
    const base = await serve();
    await fetch(`${base}/api/v1/summary?type=agent`);
    const from = new Date('2026-11-20T11:00:00Z');
    assert.deepEqual(reader.queries, [{ type: 'agent', from, to: new Date('2026-11-20T12:00:00Z') }]);
  });

  it('says so when there is no archive', async () => {
    const base = await serve({ archive: undefined });
    const response = await fetch(`${base}/api/v1/summary`);
    assert.equal(response.status, 503);
    assert.match(JSON.stringify(await response.json()), /DATABASE_URL is not set/);
  });

  it('says nothing more when the host has answered meanwhile', async () => {
    let finish: (data: []) => void = () => {};
    const late = new Promise<[]>((resolve) => {
      finish = resolve;
    });
    const archive = Object.assign(new RecordingReader(), { summary: () => late });
    const base = await serve({ archive }, (_request, response, next) => {
      setTimeout(() => response.headersSent || response.status(503).send("the host's timeout"), 20);
      next();
    });
    const response = await fetch(`${base}/api/v1/summary`);
    assert.deepEqual([response.status, await response.text()], [503, "the host's timeout"]);
    finish([]);
    await late;
    assert.equal((await fetch(`${base}/healthz`)).status, 200, 'the process lives');
  });

  it('answers with an error what is no JSON', async () => {
    const archive = Object.assign(new RecordingReader(), { events: async () => ({ events: [], count: 1n }) });
    const base = await serve({ archive });
    const response = await fetch(`${base}/api/v1/events`);
    assert.equal(response.status, 503);
    assert.equal(((await response.json()) as { errorType: string }).errorType, 'unavailable');
  });

  it('asks for the token where there is one', async () => {
    const base = await serve({ authToken: 'a-token-of-enough-length' });
    const ask = async (header?: string) =>
      (await fetch(`${base}/api/v1/summary`, header === undefined ? {} : { headers: { authorization: header } })).status;
    assert.deepEqual(
      [
        await ask(),
        await ask('Bearer wrong'),
        await ask('Basic a-token-of-enough-length'),
        await ask('Bearer a-token-of-enough-length'),
      ],
      [401, 401, 401, 200],
    );
  });

  for (const [title, headers] of [
    ['a proxy', { 'x-forwarded-for': '203.0.113.9' }],
    ['a forwarder', { forwarded: 'for=203.0.113.9' }],
    ['a gateway', { via: '1.1 gateway' }],
    ['nginx as it is often set up', { 'x-real-ip': '203.0.113.9' }],
    ['a load balancer', { 'x-forwarded-proto': 'https' }],
    ['a host name that is not loopback', { host: 'attacker.example' }],
  ] as const) {
    it(`refuses ${title} without a token`, async () => {
      const base = await serve();
      const { request } = await import('node:http');
      const status = await new Promise((done) =>
        request(`${base}/api/v1/summary`, { headers }, (response) => done(response.statusCode)).end(),
      );
      assert.equal(status, 403);
    });
  }

  it('says which address is taken', async () => {
    const base = await serve();
    await assert.rejects(listen(createServer(), '127.0.0.1', Number(new URL(base).port)), {
      code: 'ERR_PORT_IN_USE',
      message: /is in use by another process/,
    });
  });
});
