import assert from 'node:assert/strict';
import { parseRecord } from '../../conformance/http-record.ts';
import { isPassed, judge, type Verdict } from '../../conformance/judge.ts';
import type { Measurer, Observation } from '../../conformance/measurer.ts';

/** Says routes as they are, and nothing where there is none. */
const measurer = { routeOf: ({ route }) => (route === '__unmatched__' ? undefined : route) } as Measurer;

function observed(method: string, route: string | undefined, status: string | undefined, mark?: string): Observation {
  return { method, route, status, mark, latencyMs: 1 };
}

function judged(expected: string[], observations: Observation[], headersMs = 5): Verdict {
  return judge(expected.map(parseRecord), observations, measurer, { headersMs, otherRoutes: [] });
}

describe('the judge of conformance', () => {
  it('passes what is right', () => {
    assert.ok(isPassed(judged(['GET /a/:id 200'], [observed('GET', '/a/:id', '200')])));
    assert.ok(isPassed(judged(['GET __unmatched__ 404'], [observed('GET', undefined, '404')])));
    assert.ok(isPassed(judged(['GET /a/:id 200'], [observed('GET', '/a/:id/', '200')])));
    assert.ok(isPassed(judged(['_OTHER /a 200'], [observed('PROPFIND', '/a', '200')])));
    assert.ok(isPassed(judged([], [])));
  });

  const wrong: [string, string[], Observation[], keyof Verdict][] = [
    ['a record that is missing', ['GET /a 200'], [], 'once'],
    ['a record too many', ['GET /a 200'], [observed('GET', '/a', '200'), observed('GET', '/a', '200')], 'once'],
    ['another method', ['GET /a 200'], [observed('POST', '/a', '200')], 'method'],
    ['a URL for a template', ['GET /a/:id 200'], [observed('GET', '/a/7', '200')], 'route'],
    ['a URL for no route', ['GET __unmatched__ 404'], [observed('GET', '/a', '404')], 'route'],
    ['another status', ['GET /a 404'], [observed('GET', '/a', '200')], 'status'],
    ['a status that nobody saw', ['GET /a - aborted client_disconnect'], [observed('GET', '/a', '200', 'x')], 'status'],
    ['an abort that looks like a success', ['GET /a 200 aborted client_disconnect'], [observed('GET', '/a', '200')], 'outcome'],
  ];
  for (const [what, expected, observations, aspect] of wrong) {
    it(`sees ${what}`, () => {
      const verdict = judged(expected, observations);
      assert.equal(verdict[aspect], false);
      assert.equal(isPassed(verdict), false);
    });
  }

  it('takes any way of telling an abort, and none or 499 as its status', () => {
    const expected = ['GET /a - aborted client_disconnect'];
    assert.ok(isPassed(judged(expected, [observed('GET', '/a', '499', '499')])));
    assert.ok(isPassed(judged(expected, [observed('GET', '/a', undefined, 'error')])));
  });

  it('shows a stream among the latencies, and lets the case pass', () => {
    const expected = ['GET /a 200 success stream'];
    const verdict = judged(expected, [{ ...observed('GET', '/a', '200'), latencyMs: 40 }]);
    assert.equal(verdict.streams, false);
    assert.ok(isPassed(verdict));
    assert.equal(judged(expected, [observed('GET', '/a', '200')]).streams, true);
  });

  it('finds the observation that belongs to each record', () => {
    const expected = ['GET /a 200', 'GET /b 404', 'POST /a 201'];
    const observations = [observed('POST', '/a', '201'), observed('GET', '/b', '404'), observed('GET', '/a', '200')];
    assert.ok(isPassed(judged(expected, observations)));
  });
});
