import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express5 from 'express';
import express4 from 'express4';
import { Registry } from 'prom-client';
import type * as ourExpress from '../../../src/instrument/http/express.ts';
import * as ourHistogram from '../../../src/instrument/metrics/histogram.ts';
import * as ourTracker from '../../../src/instrument/tracker.ts';
import type { TrackerOptions } from '../../../src/instrument/tracker-options.ts';
import { RecordingSink } from '../../support/recording-sink.ts';
import { createSecondCopy, type SecondCopy } from '../../support/second-copy.ts';
import { waitFor } from '../../support/wait-for.ts';

const { ObservabilityTracker } = ourTracker;
type Tracker = ourTracker.ObservabilityTracker;

describe('Two copies of the package in one process', () => {
  let copy: SecondCopy;
  let theirTracker: typeof ourTracker;
  let theirExpress: typeof ourExpress;
  before(async function () {
    this.timeout(30_000);
    copy = createSecondCopy();
    theirTracker = await copy.load<typeof ourTracker>('src/instrument/tracker.ts');
    theirExpress = await copy.load<typeof ourExpress>('src/instrument/http/express.ts');
  });
  after(() => copy.remove());

  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await new Promise((done) => server.close(done));
  });

  /** A tracker of each copy. */
  function createPair(options: Partial<TrackerOptions> = {}): {
    ours: Tracker;
    theirs: Tracker;
    sinks: RecordingSink[];
  } {
    const ours = new ObservabilityTracker({ service: 'shop', ...options });
    const theirs = new theirTracker.ObservabilityTracker({ service: 'shop', ...options });
    const sinks = [ours, theirs].map((tracker) => {
      const sink = new RecordingSink();
      tracker.connect(sink);
      return sink;
    });
    return { ours, theirs, sinks };
  }

  function names({ ours, theirs, sinks }: ReturnType<typeof createPair>): string[][] {
    ours.flush();
    theirs.flush();
    return sinks.map(({ events }) => events.map(({ name }) => name));
  }

  async function listen(app: express5.Express): Promise<(path: string) => Promise<string>> {
    const server = createServer(app);
    servers.push(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    return async (path) => (await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } })).text();
  }

  it('are two: no class of one is a class of the other', async () => {
    const { Histogram } = await copy.load<typeof ourHistogram>('src/instrument/metrics/histogram.ts');
    assert.notEqual(Histogram, ourHistogram.Histogram);
    assert.notEqual(theirTracker.ObservabilityTracker, ObservabilityTracker);
  });

  for (const [title, express] of Object.entries({ 'Express 5': express5, 'Express 4': express4 })) {
    it(`count a request once, by the first that sees it, with its route (${title})`, async () => {
      const pair = createPair();
      const inner = express.Router();
      inner.get('/items/:id', (_request, response) => void response.send('ok'));
      inner.get('/bad', () => {
        throw new Error('bad');
      });
      for (const isOurFirst of [true, false]) {
        const app = express();
        app.set('env', 'test');
        const [first, second] = isOurFirst ? [pair.ours, pair.theirs] : [pair.theirs, pair.ours];
        app.use(first.express(), second.express());
        app.use('/shop', second.express(), inner);
        const request = await listen(app);
        for (const path of ['/shop/items/1', '/shop/items/2', '/shop/bad', '/none']) await request(path);
        const counted = isOurFirst ? 0 : 1;
        await waitFor(() => names(pair)[counted]?.length === 4);
        assert.deepEqual(names(pair)[counted], [
          'GET /shop/items/:id',
          'GET /shop/items/:id',
          'GET /shop/bad',
          'GET __unmatched__',
        ]);
      }
      assert.deepEqual(
        names(pair).map(({ length }) => length),
        [4, 4],
      );
    });
  }

  it('leave out what the other one marks as not to be counted', async () => {
    const pair = createPair();
    const app = express5();
    app.use(pair.ours.express());
    app.get('/metrics', (request, response) => {
      theirExpress.markUncounted(request);
      response.send('text');
    });
    app.get('/counted', (_request, response) => void response.send('ok'));
    const request = await listen(app);
    await request('/metrics');
    await request('/counted');
    await waitFor(() => names(pair)[0]?.length === 1);
    assert.deepEqual(names(pair), [['GET /counted'], []]);
    assert.match(await pair.ours.registry.metrics(), /^http_server_active_requests 0$/m);
  });

  it('count a function once that both have tracked as the same', () => {
    const pair = createPair();
    const { ours, theirs } = pair;
    const options = { type: 'tool', name: 'search' } as const;
    class Shop {
      @ours.tracked({ type: 'tool' })
      order(): string {
        return 'done';
      }
    }
    const search = theirs.track(
      options,
      ours.track(options, () => 'found'),
    );
    const order = theirs.track({ type: 'tool', name: 'order' }, Shop.prototype.order);
    assert.deepEqual([search(), order(), ours.track(options, search)()], ['found', 'done', 'found']);
    assert.deepEqual(names(pair), [['search', 'order', 'search'], []]);
    assert.deepEqual(
      Reflect.ownKeys(search),
      Reflect.ownKeys(() => 'found'),
    );
  });

  it('count a function for each name, type and service under which it is tracked', () => {
    const pair = createPair();
    const other = new theirTracker.ObservabilityTracker({ service: 'billing' });
    const sink = new RecordingSink();
    other.connect(sink);
    const options = { type: 'tool', name: 'search' } as const;
    const search = pair.ours.track(options, () => 1);
    pair.theirs.track({ type: 'tool', name: 'find' }, pair.theirs.track({ type: 'connector', name: 'search' }, search))();
    other.track(options, search)();
    other.flush();
    assert.deepEqual(names(pair), [
      ['search', 'search'],
      ['search', 'find'],
    ]);
    assert.deepEqual(
      sink.events.map(({ name }) => name),
      ['search'],
    );
  });

  it('measure anew what belonged to a tracker that was stopped', () => {
    const pair = createPair();
    const search = pair.ours.track({ type: 'tool', name: 'search' }, () => 1);
    pair.ours.stop();
    pair.theirs.track({ type: 'tool', name: 'search' }, search)();
    assert.deepEqual(names(pair)[1], ['search']);
  });

  it('count into the same series of a registry that they share', async () => {
    const registry = new Registry();
    const { ours, theirs } = createPair({ registry, maxSeries: 100 });
    const use = (tracker: Tracker, round: number) => {
      tracker.measure({ type: 'tool', name: 'search' }, () => 1);
      tracker.measure({ type: 'tool', name: `flood-${tracker === ours ? 'a' : 'b'}-${round}` }, () => 1);
      tracker.measure({ type: 'llm', name: 'chat', labels: { provider: 'acme', model: 'small' } }, (execution) => {
        execution.tokens({ input: 3 });
      });
    };
    for (let round = 0; round < 500; round++) for (const tracker of [ours, theirs]) use(tracker, round);
    theirs.track({ type: 'tool', name: 'declared' }, () => 1)();
    const lines = (await registry.metrics()).split('\n');
    const value = (start: string) =>
      Number(
        lines
          .find((line) => line.startsWith(start))
          ?.split(' ')
          .at(-1),
      );
    assert.equal(value('tool_calls_total{tool_name="search",status="success"}'), 1000);
    assert.equal(value('tool_calls_total{tool_name="declared",status="success"}'), 1);
    assert.equal(value('tool_call_duration_seconds_count{tool_name="search",status="success"}'), 1000);
    assert.equal(value('llm_tokens_total{provider="acme",model="small",direction="input"}'), 3000);
    assert.equal(value('keepwatch_events_recorded_total'), 3001);
    assert.equal(value('keepwatch_series_overflow_total{metric="tool_calls_total"}'), 951);
    const calls = lines.filter((line) => line.startsWith('tool_calls_total{'));
    assert.ok(calls.length <= 100);
    assert.equal(
      calls.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0),
      2001,
    );
  });

  it('have registries of their own unless they are given one', async () => {
    const { ours, theirs } = createPair();
    ours.measure({ type: 'tool', name: 'search' }, () => 1);
    assert.notEqual(ours.registry, theirs.registry);
    assert.doesNotMatch(await theirs.registry.metrics(), /search/);
  });
});

describe('A registry that another version of the package uses', () => {
  it('is refused, saying so', () => {
    const registry = new Registry();
    const metric = {
      name: 'http_server_active_requests',
      help: 'x',
      type: 'gauge',
      [Symbol.for('keepwatch.metric')]: 'counter/99',
    };
    registry.registerMetric(metric as never);
    const tracker = new ObservabilityTracker({ service: 'shop', registry });
    assert.throws(() => tracker.express(), { code: 'ERR_CONFIG_INVALID', message: /of another version of Keepwatch; rename/ });
  });
});
