import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createChatApp } from '../../../demo/chat-app.ts';
import { type Provider, startProvider } from '../../../demo/provider.ts';
import { startTraffic, type TrafficAnswer } from '../../../demo/traffic.ts';
import { ObservabilityTracker } from '../../../src/instrument/tracker.ts';
import { listen, type RunningServer } from '../../../src/server/listen.ts';
import { openDemoStore } from '../../support/demo-store.ts';
import { type RecordedEvent, RecordingSink } from '../../support/recording-sink.ts';

describe('the chat API', () => {
  let demo: Awaited<ReturnType<typeof openDemoStore>>;
  let provider: Provider;
  let server: RunningServer;
  let tracker: ObservabilityTracker;
  let sink: RecordingSink;

  before(async function () {
    this.timeout(30_000);
    demo = await openDemoStore();
  });
  after(() => demo.close());

  beforeEach(async () => {
    provider = await startProvider({ medianMs: 2, p99Ms: 10, failureRate: 0 });
    tracker = new ObservabilityTracker({ service: 'demo' });
    sink = new RecordingSink();
    tracker.connect(sink);
    tracker.observePool(demo.pool, { name: 'chat' });
    server = await listen(createServer(createChatApp({ tracker, query: demo.query, providerUrl: provider.url })), '127.0.0.1', 0);
  });
  afterEach(async () => {
    await server.stop();
    await provider.stop();
    tracker.stop();
  });

  /** The events of a type, once everything recorded so far is there. */
  function seen(type: string): RecordedEvent[] {
    tracker.flush();
    return sink.events.filter((event) => event.type === type);
  }

  it('answers 300 requests, each one event of type api', async () => {
    const answers: TrafficAnswer[] = [];
    const totals = await startTraffic({
      url: server.url,
      count: 300,
      rate: Number.POSITIVE_INFINITY,
      concurrency: 20,
      onAnswer: (answer) => answers.push(answer),
    }).done;
    const expected = answers.filter(({ request }) => isClientError(request.path, request.body)).length;
    assert.deepEqual(totals, {
      sent: 300,
      status2xx: 300 - expected,
      status3xx: 0,
      status4xx: expected,
      status5xx: 0,
      transportErrors: 0,
    });
    assert.ok(expected > 0, 'the mix has clients that err');
    assert.equal(seen('api').length, 300);
    const metrics = await tracker.registry.metrics();
    assert.equal(sumOf(metrics, 'http_server_request_duration_seconds_count'), 300);
    assert.equal(sumOf(metrics, 'agent_execution_total'), seen('agent').length);
    assert.equal(sumOf(metrics, 'llm_requests_total'), provider.stats().requests);
    assert.ok(sumOf(metrics, 'llm_tokens_total') > 0);
  }).timeout(30_000);

  it('nests agent under api, and model, tools, cache and queries under the agent', async () => {
    await startTraffic({ url: server.url, count: 100, rate: Number.POSITIVE_INFINITY, concurrency: 10, mix: 'clean' }).done;
    const api = seen('api');
    const bySpan = new Map(sink.events.map((event) => [event.spanId, event]));
    const parentOf = (event: RecordedEvent) => {
      const parent = event.parentSpanId === undefined ? undefined : bySpan.get(event.parentSpanId);
      if (parent !== undefined) assert.equal(parent.traceId, event.traceId);
      return parent === undefined ? 'none' : `${parent.type} ${parent.name}`;
    };
    const parentsOf = (type: string) => [...new Set(seen(type).map(parentOf))].sort();
    assert.deepEqual(parentsOf('api'), ['none']);
    assert.deepEqual(parentsOf('agent'), ['api GET /users/:id/summary', 'api POST /chat']);
    assert.deepEqual(parentsOf('llm'), ['agent summary_agent', 'agent support_agent']);
    assert.deepEqual(parentsOf('tool'), ['agent support_agent']);
    assert.deepEqual(parentsOf('cache'), ['agent summary_agent', 'agent support_agent']);
    assert.deepEqual(parentsOf('db'), [
      'agent summary_agent',
      'agent support_agent',
      'api DELETE /users/:id/history',
      'api GET /orders/:id',
      'api GET /users/:id/history',
      'tool create_ticket',
      'tool search_orders',
    ]);
    const asking = api.filter((event) => event.name === 'POST /chat' || event.name === 'GET /users/:id/summary');
    assert.equal(seen('agent').length, asking.length);
    assert.deepEqual(provider.stats(), { requests: seen('llm').length, failures: 0, traced: seen('llm').length });
  }).timeout(30_000);

  it('names requests by their route, never by their address', async () => {
    await startTraffic({ url: server.url, count: 200, rate: Number.POSITIVE_INFINITY, concurrency: 10, seed: 3 }).done;
    assert.deepEqual([...new Set(seen('api').map((event) => event.name))].sort(), [
      'DELETE /users/:id/history',
      'GET /orders/:id',
      'GET /users/:id/history',
      'GET /users/:id/summary',
      'GET __unmatched__',
      'POST /chat',
    ]);
  }).timeout(30_000);

  it('fails with its provider: model, agent and request', async () => {
    provider.setFailureRate(1);
    const seenStatuses = new Set<number>();
    for (let i = 0; i < 10; i++) {
      const body = JSON.stringify({ userId: 'user-9', message: 'Hello' });
      const response = await fetch(`${server.url}/chat`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      });
      await response.text();
      seenStatuses.add(response.status);
    }
    assert.deepEqual(seenStatuses, new Set([502, 503]));
    for (const type of ['api', 'agent', 'llm']) {
      assert.deepEqual(new Set(seen(type).map((event) => event.status)), new Set(['failure']), type);
    }
    assert.deepEqual(new Set(seen('db').map((event) => event.status)), new Set(['success']));
  });

  it('answers garbage with 400 and stays up', async () => {
    const headers = { 'content-type': 'application/json' };
    const bodies = ['{bad', '[]', '"text"', '{"userId":1,"message":"x"}', '{"userId":"a","message":"\\u0000"}', ''];
    for (const body of bodies) {
      const response = await fetch(`${server.url}/chat`, { method: 'POST', body, headers });
      assert.equal(response.status, 400, body);
      await response.text();
    }
    const tooLarge = await fetch(`${server.url}/chat`, { method: 'POST', body: `"${'x'.repeat(70_000)}"`, headers });
    assert.equal(tooLarge.status, 413);
    await tooLarge.text();
    assert.equal(seen('agent').length, 0);
  });
});

function isClientError(path: string, body: string | undefined): boolean {
  return path === '/chat' ? !body?.includes('"userId"') : /^\/orders\/(\d{7}|latest)$|^\/wp-login/.test(path);
}

/** Sum of all samples of a metric in the text format. */
function sumOf(text: string, name: string): number {
  const samples = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
