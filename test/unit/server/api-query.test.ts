import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import express from 'express';
import { createApi } from '../../../src/server/api.ts';
import { BadQuery, parseEventsQuery } from '../../../src/server/api-query.ts';
import { listen, type RunningServer } from '../../../src/server/listen.ts';
import { RecordingReader } from '../../support/recording-reader.ts';

const NOW = Date.parse('2026-11-20T12:00:00Z');
const TRACE = '0af7651916cd43dd8448eb211c80319c';

describe('queries of /api/v1', () => {
  let server: RunningServer;
  let reader: RecordingReader;
  before(async () => {
    reader = new RecordingReader();
    const app = express().set('query parser', false);
    app.use(
      '/api/v1',
      createApi({ archive: reader, alerts: undefined, collectReasons: () => [], now: () => NOW }, { read: [], write: [] }),
    );
    server = await listen(createServer(app), '127.0.0.1', 0);
  });
  beforeEach(() => {
    reader.queries.length = 0;
  });
  after(() => server.stop());

  const ask = async (path: string) => {
    const response = await fetch(`${server.url}/api/v1${path}`);
    return { status: response.status, body: (await response.json()) as { status: string; errorType: string; error: string } };
  };

  for (const [path, pattern] of [
    ['/summary?from=yesterday', /^from: got "yesterday"; allowed: RFC 3339/],
    ['/summary?from=Nov+3', /^from: got "Nov 3"; allowed: RFC 3339/],
    ['/summary?from=2026-02-31T25:00:00Z', /^from: got "2026-02-31T25:00:00Z"; allowed: RFC 3339/],
    ['/summary?from=-1', /^from: got "-1"; allowed/],
    ['/summary?to=99999999999999', /^to: got "99999999999999"; allowed/],
    ['/summary?colour=red', /^colour: unknown; allowed: from, to, type, name$/],
    ['/events?colour=red&x=1', /^colour, x: unknown; allowed: from, to, type, name, service, .*metadata\.<member>.*cursor$/],
    ['/summary?from=2026-11-20T11:00:00Z&to=2026-11-20T10:00:00Z', /^from: .* is not before to: /],
    ['/summary?from=2026-11-20T11:00:00Z&to=2026-11-20T11:00:00Z', /is not before/],
    ['/events?from=2026-11-21', /^from: 2026-11-21T00:00:00.000Z is in the future; allowed: before 2026-11-20T12/],
    ['/events?limit=0', /^limit: got "0"; allowed: a whole number, 1 to 1000$/],
    ['/events?limit=99999', /^limit: got "99999"; allowed/],
    ['/events?limit=', /^limit: got ""; allowed/],
    ['/events?limit=0x10', /^limit: got "0x10"; allowed/],
    ['/events?limit=1e2', /^limit: got "1e2"; allowed/],
    ['/events?type=spaceship', /^type: got "spaceship"; allowed: api, agent/],
    ['/events?status=ok', /^status: got "ok"; allowed: success, failure, aborted$/],
    ['/events?status[x]=1', /^status\[x\]: unknown/],
    ['/summary?name=a&name=b', /^name: got \["a","b"\]; allowed: once$/],
    ['/events?service=a&service=b', /^service: got \["a","b"\]; allowed: once$/],
    ['/events?limit=1&limit=1', /^limit: got .*; allowed: once$/],
    ['/events?name=', /^name: got ""; allowed: 1 to 500 characters without NUL$/],
    ['/events?name=a%00b', /^name: got "a\\u0000b"; allowed: 1 to 500 characters without NUL$/],
    ['/events?name=ok&name=a%00b', /^name: got "a\\u0000b"; allowed: 1 to 500 characters without NUL$/],
    [`/events?name=${'a'.repeat(501)}`, /^name: got "a{90,}; allowed: 1 to 500/],
    ['/events?error=%00', /^error: got "\\u0000"; allowed/],
    ['/events?name=%ED%A0%80', /^"name=%ED%A0%80": allowed: percent-encoded UTF-8$/],
    ['/events?name=100%', /^"name=100%": allowed: percent-encoded UTF-8$/],
    [`/events?${'name=a&'.repeat(101)}`, /^name: got 101 values; allowed: at most 100 names/],
    ['/events?min_duration_ms=-1', /^min_duration_ms: got "-1"; allowed: a number, 0 to /],
    ['/events?min_duration_ms=Infinity', /^min_duration_ms: got "Infinity"; allowed/],
    ['/events?min_duration_ms=5&max_duration_ms=4', /^min_duration_ms: got 5; allowed: not more than max_duration_ms \(4\)$/],
    ['/events?trace_id=abc', /^trace_id: got "abc"; allowed: a trace id, as 32 hexadecimal digits or as a uuid/],
    [`/events?trace_id=${'0'.repeat(32)}`, /^trace_id: got "0+"; allowed: .* not all zero$/],
    ['/events?metadata.=1', /^metadata\.: .*allowed: 1 to 200 characters/],
    ['/events?metadata=1', /^metadata: got "1"; /],
    ['/events?metadata.a=1&metadata.a=2', /^metadata\.a: got \["1","2"\]; allowed: once$/],
    ['/events?metadata.a=%00', /^metadata: .*allowed: text without NUL$/],
    [`/events?${[...Array(11).keys()].map((n) => `metadata.k${n}=1`).join('&')}`, /^metadata: .*allowed: at most 10 members$/],
    [`/events?${'has_metadata=a&'.repeat(11)}`, /^has_metadata: got 11 values; allowed: at most 10 members$/],
    ['/events?__proto__=1', /^__proto__: unknown; allowed/],
    ['/events?metadata.__proto__=1', /^metadata\.__proto__: unknown; allowed/],
    ['/events?constructor.x=1', /^constructor\.x: unknown; allowed/],
    ['/timeseries?agg=median', /^agg: got "median"; allowed: rate, count, error_rate, avg, p50, p95, p99$/],
    ['/timeseries?step=0', /^step: got "0"; allowed: whole seconds from 1s to 400d/],
    ['/timeseries?step=1.5s', /^step: got "1\.5s"; allowed: whole seconds/],
    ['/timeseries?step=500ms', /^step: got "500ms"; allowed: whole seconds/],
    ['/timeseries?step=-5m', /^step: got "-5m"; allowed/],
    [
      '/timeseries?from=2026-11-10&step=1m',
      /^step: got 60s for .*; allowed: at least 83s \(at most 11000 points\), or a shorter range$/,
    ],
    [
      '/timeseries?from=2026-11-20&step=1m&group_by=name',
      /^step: got 60s for .*at most 11000 points, with 20 groups\), or a shorter/,
    ],
    ['/timeseries?from=2026-11-20&step=10s', /^step: got 10s; allowed: whole minutes for a range of more than 6h$/],
    ['/timeseries?group_by=all', /^group_by: got "all"; allowed: type, name, service, status, or a label of the metrics$/],
    ['/timeseries?group_by=type&group_by=name', /^group_by: got \["type","name"\]; allowed: once$/],
    ['/timeseries?limit=1', /^limit: unknown; allowed: from, to, type, name, service, agg, step, group_by$/],
    ['/dimensions?limit=1001', /^limit: got "1001"; allowed: a whole number, 1 to 1000$/],
    ['/dashboard?limit=51', /^limit: got "51"; allowed: a whole number, 1 to 50$/],
    ['/dashboard?from=2030-01-01', /^from: 2030-01-01T00:00:00.000Z is in the future/],
    ['/traces/xyz', /^id: got "xyz"; allowed: a trace id/],
    [`/traces/${TRACE}?near=then`, /^near: got "then"; allowed: RFC 3339/],
    [`/traces/${TRACE}?log_limit=5001`, /^log_limit: got "5001"; allowed: a whole number, 0 to 5000$/],
    [`/traces/${TRACE}?id=1`, /^id: unknown; it stands in the path$/],
  ] as const) {
    it(`refuses ${path.slice(0, 70)}`, async () => {
      const { status, body } = await ask(path);
      assert.equal(status, 400, body.error);
      assert.equal(body.status, 'error');
      assert.equal(body.errorType, 'bad_data');
      assert.match(body.error, pattern);
      assert.deepEqual(reader.queries, []);
    });
  }

  it('tells all problems of a query together', async () => {
    const { body } = await ask('/events?type=x&limit=0&colour=red&name=a%00b&service=1&service=2&metadata.a=1&metadata.a=2');
    for (const key of ['type', 'limit', 'colour', 'name', 'service', 'metadata.a'])
      assert.ok(
        body.error.split('; ').some((part) => part.startsWith(`${key}: `)),
        `${key} in ${body.error}`,
      );
  });

  it('refuses 10,000 names where the server lets them through at all', () => {
    assert.throws(
      () => parseEventsQuery(`/events?${'name=a&'.repeat(10_000)}`, NOW),
      (error) => error instanceof BadQuery && error.message.startsWith('name: got 10000 values; allowed: at most 100 names'),
    );
  });

  it('reads every parameter of events', async () => {
    const path = `/events?from=1795168800&to=2026-11-20T12:00:00%2B01:00&type=llm&name=a&name=b%20c&service=s&status=aborted&min_duration_ms=1.5&max_duration_ms=2e0`;
    assert.equal((await ask(path)).status, 400, 'an exponent is no number here');
    await ask(
      `${path.replace('2e0', '20')}&trace_id=0AF76519-16CD-43DD-8448-EB211C80319C&error=((a%2B)%2B)%2B%24&metadata.user.id=42&metadata.x=&has_metadata=y&limit=7`,
    );
    assert.deepEqual(JSON.parse(JSON.stringify(reader.queries)), [
      {
        from: '2026-11-20T10:00:00.000Z',
        to: '2026-11-20T11:00:00.000Z',
        type: 'llm',
        names: ['a', 'b c'],
        service: 's',
        status: 'aborted',
        minDurationMs: 1.5,
        maxDurationMs: 20,
        traceId: TRACE,
        error: '((a+)+)+$',
        metadata: { 'user.id': '42', x: '' },
        metadataKeys: ['y'],
        limit: 7,
      },
    ]);
  });

  it('leaves the range of a page to its cursor', async () => {
    await ask('/events?cursor=abc');
    assert.deepEqual(JSON.parse(JSON.stringify(reader.queries)), [{ limit: 100, cursor: 'abc' }]);
  });

  it('answers 404 for a trace of which nothing is known, saying where was searched', async () => {
    assert.match((await ask(`/traces/${TRACE}`)).body.error, /^no event and no log line of trace 0af7\w+ in the archive$/);
    assert.deepEqual(reader.queries, [{ traceId: TRACE, limit: 1000, logLimit: 1000 }]);
    assert.match((await ask(`/traces/${TRACE}?log_limit=0`)).body.error, /^no event of trace 0af7\w+ in the archive$/);
    const { status, body } = await ask(`/traces/${TRACE}?near=2026-11-20`);
    assert.deepEqual([status, body.errorType], [404, 'not_found']);
    assert.match(body.error, /on the UTC day of 2026-11-20T00:00:00.000Z/);
  });

  it('ends what is counted with the minute that runs, and single events now', async () => {
    const late = express().use(
      '/',
      createApi({ archive: reader, alerts: undefined, now: () => NOW + 1500, collectReasons: () => [] }, { read: [], write: [] }),
    );
    const other = await listen(createServer(late), '127.0.0.1', 0);
    for (const path of ['summary', 'timeseries', 'dimensions', 'dashboard', 'events']) await fetch(`${other.url}/${path}`);
    await other.stop();
    const ends = reader.queries.map((query) => (query as { to: Date }).to.toISOString().slice(14));
    assert.deepEqual(ends, ['01:00.000Z', '01:00.000Z', '01:00.000Z', '01:00.000Z', '00:01.500Z']);
  });

  for (const [range, steps] of [
    ['from=2026-11-20T11:00:00Z', { timeseries: 60, dashboard: 60 }],
    ['from=2026-11-20T06:00:00Z', { timeseries: 120, dashboard: 300 }],
    ['from=2026-11-19T12:00:00Z', { timeseries: 300, dashboard: 900 }],
    ['from=2026-10-21', { timeseries: 10_800, dashboard: 43_200 }],
    ['from=2000-01-01&to=2026-11-20', { timeseries: 5 * 604_800, dashboard: 12 * 604_800 }],
  ] as const) {
    it(`chooses the steps of ${range}`, async () => {
      for (const [path, stepSeconds] of Object.entries(steps)) {
        await ask(`/${path}?${range}`);
        assert.equal((reader.queries.at(-1) as { stepSeconds: number }).stepSeconds, stepSeconds, path);
      }
    });
  }

  it('takes a day without a time, and spaces that a form encodes as plus', async () => {
    await ask('/summary?from=2026-11-20&name=POST+/chat');
    assert.deepEqual(JSON.parse(JSON.stringify(reader.queries)), [
      { from: '2026-11-20T00:00:00.000Z', to: '2026-11-20T12:00:00.000Z', name: 'POST /chat' },
    ]);
  });
});
