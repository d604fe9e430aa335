import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type LineDefaults, LineProblem, parseEventLine } from '../../../../src/archive/transfer/imported-event.ts';
import { parseTimestamp } from '../../../../src/archive/transfer/parse-timestamp.ts';
import { EVENT_TYPES } from '../../../../src/event.ts';

const defaults: LineDefaults = { service: 'shop', type: 'custom', latestUs: Date.UTC(2026, 10, 21) * 1000 };
const own = { name: 'x', type: 'api', status: 'success', end_time: '2026-11-20T12:00:00.000001Z', duration_ms: 1.5 };
const collectors = {
  name: 'x',
  started_at: '2026-11-20T12:00:00',
  ended_at: '2026-11-20T12:00:01.5',
  duration_ms: 1500,
  status: 'failed',
};

describe('parseEventLine', () => {
  it('fills in what a line lacks', () => {
    const endUs = Date.UTC(2026, 10, 20, 12) * 1000 + 1;
    const event = { ...parseEventLine(JSON.stringify(own), defaults) };
    assert.deepEqual(event, {
      ...{
        id: undefined,
        name: 'x',
        type: 'api',
        status: 'success',
        startUs: endUs - 1500,
        endUs,
        durationMs: 1.5,
        service: 'shop',
      },
      ...{
        traceId: undefined,
        spanId: undefined,
        parentSpanId: undefined,
        error: undefined,
        weight: 1,
        metadata: '{}',
        sourceId: undefined,
      },
    });
    const { status, type, startUs, endUs: end } = parseEventLine(JSON.stringify(collectors), defaults);
    assert.deepEqual([status, type, end - startUs], ['failure', 'custom', 1_500_000]);
    const open = { ...collectors, ended_at: null };
    assert.equal(parseEventLine(JSON.stringify(open), defaults).endUs - startUs, 1_500_000);
  });

  it('replaces what Postgres cannot store, and marks it', () => {
    const line =
      '{"name":"a\\u0000","status":"success","end_time":"2026-11-20T12:00:00Z","duration_ms":1,"metadata":{"a":"\\ud800","n":1e400}}';
    const { name, metadata } = parseEventLine(line, defaults);
    assert.deepEqual([name, metadata], ['a\ufffd', '{"a":"\\ufffd","n":1e400,"keepwatch.replaced":true}']);
  });

  for (const [title, line, message] of [
    ['no JSON', '{"name":', /^no JSON: ".*; allowed: one JSON object a line$/],
    ['an array', '[1]', /^got \[1\]; allowed: one JSON object a line$/],
    ['null', 'null', /^got null; allowed: one JSON object/],
    ['an unknown member', { ...own, nmae: 'y' }, /^unknown member "nmae"; allowed: id, name, type/],
    ['no name', { ...own, name: undefined }, /^name: missing; allowed: a text of 1 to 1000 characters$/],
    ['a name that is too long', { ...own, name: 'x'.repeat(1001) }, /^name: got "x+…; allowed: a text of 1 to 1000 characters$/],
    ['a type that is none', { ...own, type: 'agnt' }, /^type: got "agnt"; allowed: api, agent, tool/],
    ['a status that is none', { ...own, status: 'failed' }, /^status: got "failed"; allowed: success, failure, aborted$/],
    [
      'a time that is none',
      { ...own, end_time: '2026-02-30T12:00:00Z' },
      /^end_time: got "2026-02-30.*; allowed: a time from 1970 on/,
    ],
    ['a time as a number', { ...own, end_time: 1.7e9 }, /^end_time: got 1700000000; allowed: a time from 1970 on/],
    [
      'an end that is to come',
      { ...own, end_time: '2027-01-01T00:00:00Z' },
      /^end_time: got .*; allowed: a time that is not ahead of now$/,
    ],
    ['no end', { ...own, end_time: undefined }, /^end_time: missing; allowed: a time; without it, start_time and duration_ms$/],
    [
      'no start and no duration',
      { ...own, duration_ms: null },
      /^start_time: missing; allowed: a time; without it, duration_ms$/,
    ],
    [
      'a start behind the end',
      { ...own, start_time: '2026-11-20T13:00:00Z' },
      /^start_time: got .*; allowed: a time from 1970 to end_time$/,
    ],
    ['a duration below 0', { ...own, duration_ms: -1 }, /^duration_ms: got -1; allowed: milliseconds, 0 or more$/],
    ['a duration as text', { ...own, duration_ms: '5' }, /^duration_ms: got "5"; allowed: milliseconds/],
    ['an id that is none', { ...own, id: '7' }, /^id: got "7"; allowed: a uuid, or null$/],
    ['a trace id that is none', { ...own, trace_id: 'ab' }, /^trace_id: got "ab"; allowed: 32 hexadecimal digits, or null$/],
    ['a weight of nothing', { ...own, weight: 0 }, /^weight: got 0; allowed: a whole number from 1 to 2147483647$/],
    ['metadata that is a list', { ...own, metadata: [] }, /^metadata: got \[\]; allowed: an object, or null$/],
    ['an error that is an object', { ...own, error: {} }, /^error: got \{\}; allowed: a text, or null$/],
    [
      'a source beyond 63 bits',
      { ...own, source_id: '9223372036854775808' },
      /^source_id: got .*; allowed: a whole number of 63 bits/,
    ],
    [
      'a collector that is running',
      { ...collectors, status: 'running' },
      /^status: got "running"; allowed: .*failed, error, cancelled$/,
    ],
    ['a control sequence', `\u001b[2J`, /^no JSON: "\\u001b\[2J"/],
  ] as const) {
    it(`refuses ${title}`, () => {
      const text = typeof line === 'string' ? line : JSON.stringify(line);
      assert.throws(
        () => parseEventLine(text, defaults),
        (error) => error instanceof LineProblem && message.test(error.message) && !/\p{Cc}/u.test(error.message),
        text,
      );
    });
  }

  it('throws nothing but problems, whatever a line holds', () => {
    const members = fc.dictionary(
      fc.constantFrom(...Object.keys(own), 'started_at', 'ended_at', 'metadata', 'weight', 'id'),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          members.map((value) => JSON.stringify(value)),
        ),
        (line) => {
          try {
            const { type, endUs } = parseEventLine(line, defaults);
            assert.ok(EVENT_TYPES.includes(type) && endUs >= 0);
          } catch (error) {
            assert.ok(error instanceof LineProblem, String(error));
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('parseTimestamp', () => {
  it('reads what toISOString writes, and microseconds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(2255, 0, 1) }), fc.integer({ min: 0, max: 999 }), (ms, us) => {
        const text = new Date(ms).toISOString();
        assert.equal(parseTimestamp(`${text.slice(0, -1)}${String(us).padStart(3, '0')}Z`), ms * 1000 + us);
      }),
    );
  });

  it('knows zones, and takes none for UTC', () => {
    const us = Date.UTC(2026, 10, 20, 12, 30) * 1000;
    for (const text of ['2026-11-20T12:30:00', '2026-11-20 12:30:00Z', '2026-11-20T14:30:00+02:00', '2026-11-20T07:00:00.0-0530'])
      assert.equal(parseTimestamp(text), us, text);
    for (const text of [
      '',
      '2026-11-20',
      '2026-11-20T24:00:00Z',
      '2026-13-01T00:00:00Z',
      '2026-11-20T12:30:60Z',
      '2026-11-20T12:30:00+25:00',
    ])
      assert.equal(parseTimestamp(text), undefined, text);
  });
});
