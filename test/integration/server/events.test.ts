// GET /events over HTTP against brute force on the raw rows.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createArchiveQueries } from '../../../src/archive/queries.ts';
import { EVENT_STATUSES, EVENT_TYPES } from '../../../src/event.ts';
import { type ApiArchive, createApiArchive, ERRORS, type RawEvent, SERIES } from '../../support/api-archive.ts';
import { createSpoolDir, createTestArchive } from '../../support/test-archive.ts';

interface Page {
  readonly events: readonly { readonly id: string; readonly end_time: string }[];
  readonly cursor?: string;
}

interface Query {
  readonly fromMs: number;
  readonly toMs: number;
  readonly type: string | undefined;
  readonly names: readonly string[];
  readonly service: string | undefined;
  readonly status: string | undefined;
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly trace: number | undefined;
  readonly error: string | undefined;
  readonly metadata: readonly (readonly [string, string])[];
  readonly has: readonly string[];
}

type Members = (readonly [string, string])[];

const MINUTES = 240;
const MEMBERS: Members = [
  ['user_id', '4'],
  ['user_id', '7'],
  ['deep', '{"a": [1, "x"]}'],
  ['none', ''],
  ['beta', 'true'],
];
const seldom = <T>(usual: T, values: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: values });
const maybe = <T>(values: readonly T[]) => seldom<T | undefined>(undefined, fc.constantFrom(...values));
const queries = fc.record({
  fromMs: fc.integer({ min: 0, max: MINUTES - 1 }),
  toMs: fc.integer({ min: 1, max: MINUTES }),
  type: maybe(EVENT_TYPES),
  names: fc.uniqueArray(fc.constantFrom(...SERIES.map(({ name }) => name), 'nobody'), { maxLength: 3 }),
  service: maybe(['chat', 'shop']),
  status: maybe(EVENT_STATUSES),
  min: maybe([0, 100, 1234.5]),
  max: maybe([50, 2000, 2702.7]),
  trace: maybe([0, 1, 2]),
  error: maybe([...ERRORS, 'Error', '%', '_', '.*', '']),
  metadata: seldom<Members>([], fc.array(fc.constantFrom(...MEMBERS), { minLength: 1, maxLength: 2 })),
  has: seldom<string[]>([], fc.subarray(['beta', 'user_id', 'none', 'nothing'], { minLength: 1, maxLength: 2 })),
});

/** What `jsonb ->> key` is, for the values that are in the test. */
function asText(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  return typeof value === 'object' ? '{"a": [1, "x"]}' : JSON.stringify(value).replaceAll('"', '');
}

function matches(row: RawEvent, query: Query, traceIds: readonly string[]): boolean {
  const { type, names, service, status, min, max, trace, error, metadata, has } = query;
  return (
    row.end_us >= query.fromMs * 1000 &&
    row.end_us < query.toMs * 1000 &&
    (type === undefined || row.type === type) &&
    (names.length === 0 || names.includes(row.name)) &&
    (service === undefined || row.service === service) &&
    (status === undefined || row.status === status) &&
    (min === undefined || row.duration_ms >= min) &&
    (max === undefined || row.duration_ms <= max) &&
    (trace === undefined || row.trace_id === traceIds[trace]) &&
    (error === undefined || (row.error ?? '').includes(error)) &&
    metadata.every(([key, value]) => asText(row.metadata[key]) === value) &&
    has.every((key) => key in row.metadata)
  );
}

function toSearch(query: Query, traceIds: readonly string[]): URLSearchParams {
  const { type, names, service, status, min, max, trace, error, metadata, has } = query;
  const search = new URLSearchParams({ from: String(query.fromMs / 1000), to: new Date(query.toMs).toISOString() });
  const traceId = trace === undefined ? undefined : traceIds[trace];
  const single = { type, service, status, min_duration_ms: min, max_duration_ms: max, trace_id: traceId, error };
  for (const [key, value] of Object.entries(single)) if (value !== undefined) search.set(key, String(value));
  for (const name of names) search.append('name', name);
  for (const key of has) search.append('has_metadata', key);
  for (const [key, value] of metadata) search.set(`metadata.${key}`, value);
  return search;
}

describe('GET /api/v1/events', () => {
  let archive: ApiArchive;
  let traceIds: string[];
  before(async function () {
    this.timeout(60_000);
    archive = await createApiArchive();
    traceIds = [...new Set(archive.raw.flatMap(({ trace_id }) => trace_id ?? []))];
  });
  after(() => archive?.stop());

  const page = async (search: URLSearchParams | string) => {
    const { status, data, error } = await archive.api.get<Page>(`/events?${search.toString()}`);
    assert.equal(status, 200, error);
    return data;
  };

  it('gives for any query what brute force over the raw rows gives, newest first, page by page', async function () {
    this.timeout(120_000);
    let found = 0;
    await fc.assert(
      fc.asyncProperty(queries, fc.integer({ min: 1, max: 400 }), async (given, limit) => {
        const at = (minute: number) => archive.nowMs - (MINUTES - minute) * 60_000;
        const [first, last] = [Math.min(given.fromMs, given.toMs - 1), given.toMs];
        const unique = [...new Map(given.metadata)];
        const isPossible = given.min === undefined || given.max === undefined || given.min <= given.max;
        const query = {
          ...given,
          max: isPossible ? given.max : undefined,
          fromMs: at(first),
          toMs: at(last),
          metadata: unique,
          error: given.error || undefined,
        };
        const search = toSearch(query, traceIds);
        search.set('limit', String(limit));
        const ids: string[] = [];
        for (let cursor: string | undefined, pages = 0; ; pages++) {
          assert.ok(pages <= 3000 / limit + 1, 'the pages end');
          if (cursor !== undefined) search.set('cursor', cursor);
          const { events, cursor: next } = await page(search);
          assert.ok(events.length <= limit);
          ids.push(...events.map(({ id }) => id));
          cursor = next;
          if (cursor === undefined || ids.length > 200) break;
        }
        const expected = archive.raw.filter((row) => matches(row, query, traceIds)).map(({ id }) => id);
        found += expected.length;
        assert.deepEqual(ids, ids.length > 200 ? expected.slice(0, ids.length) : expected);
      }),
      { numRuns: 80 },
    );
    assert.ok(found > 1000, `the queries found something: ${found}`);
  });

  it('takes a regular expression for the text that it is', async () => {
    const all = `from=${archive.nowMs / 1000 - 4 * 3600}&limit=1000`;
    const bomb = encodeURIComponent('((a+)+)+$');
    const byError = await page(`${all}&error=${bomb}`);
    assert.equal(byError.events.length, archive.raw.filter(({ error }) => error === ERRORS[1]).length);
    assert.equal((await page(`${all}&name=${bomb}&error=.*`)).events.length, 0);
    assert.ok((await page(`${all}&name=${bomb}`)).events.length > 0);
  });

  it('finds nothing, and breaks nothing, with SQL for a value', async () => {
    for (const text of ["' or 1=1 --", "it's; drop table x --", '$<from>', '\\', '$1', '\u{1F600}', "a'||'b"]) {
      const value = encodeURIComponent(text);
      const { events } = await page(`name=${value}&service=${value}&metadata.${value}=${value}&has_metadata=${value}`);
      assert.deepEqual(events, [], text);
    }
  });

  it('gives events of the last hour when no range is given, and keeps that range from page to page', async () => {
    const first = await page('limit=10');
    const hourUs = (archive.nowMs - 3_600_000) * 1000;
    const expected = archive.raw.filter(({ end_us }) => end_us >= hourUs && end_us < archive.nowMs * 1000).map(({ id }) => id);
    const ids = first.events.map(({ id }) => id);
    for (let { cursor } = first; cursor !== undefined; ) {
      const next = await page(`limit=400&cursor=${cursor}`);
      ids.push(...next.events.map(({ id }) => id));
      cursor = next.cursor;
    }
    assert.deepEqual(ids, expected);
  });

  it('refuses the cursor of another query, and one that was made up', async () => {
    const { cursor = '' } = await page('limit=10&name=gpt&name=search&metadata.beta=true');
    const same = await archive.api.get(`/events?limit=20&name=search&name=gpt&metadata.beta=true&cursor=${cursor}`);
    assert.equal(same.status, 200, 'names in another order are the same query, and so is another limit');
    const range = `from=${archive.nowMs / 1000 - 1800}`;
    for (const other of ['name=gpt', 'name=gpt&name=search', `name=gpt&name=search&metadata.beta=true&${range}`]) {
      const { status, errorType, error } = await archive.api.get(`/events?limit=10&${other}&cursor=${cursor}`);
      assert.deepEqual([status, errorType], [400, 'bad_data']);
      assert.match(error ?? '', /^cursor: got ".*"; allowed: the cursor of an answer to this very query/);
    }
    const made = (members: unknown) => Buffer.from(JSON.stringify(members)).toString('base64url');
    for (const bad of [
      'x',
      'bnVsbA',
      made([1, 2]),
      made([2, 0, 1, '2026-01-01T00:00:00Z', crypto.randomUUID(), 'x']),
      '%F0%9F%98%80',
    ]) {
      const { status, error } = await archive.api.get(`/events?cursor=${bad}`);
      assert.equal(status, 400);
      assert.match(error ?? '', /^cursor: got ".*"; allowed: what an earlier answer gave as cursor/);
    }
  });

  it('gives nothing twice and misses nothing of what was there, while events come in at both ends', async function () {
    this.timeout(60_000);
    const spool = createSpoolDir();
    const { archive: writer, tracker } = createTestArchive(archive.database, spool.path);
    const there = new Set(archive.raw.map(({ id }) => id));
    let isDone = false;
    const ingest = async () => {
      for (let round = 0; !isDone; round++) {
        // New ones, ones from amid the pages, and late ones.
        for (const agoMs of [0, 1_800_000, 7_200_000, 14_000_000])
          tracker.record({ endMs: archive.nowMs - agoMs - round * 100, durationMs: 3 });
        await writer.flush();
      }
    };
    const ingesting = ingest();
    const search = new URLSearchParams({ from: String(archive.nowMs / 1000 - 4 * 3600), limit: '37' });
    const events: Page['events'][number][] = [];
    for (;;) {
      const next = await page(search);
      events.push(...next.events);
      if (next.cursor === undefined) break;
      search.set('cursor', next.cursor);
    }
    isDone = true;
    await ingesting;
    await writer.stop({ timeoutMs: 5000 });
    spool.remove();
    const ids = new Set(events.map(({ id }) => id));
    assert.equal(ids.size, events.length, 'nothing twice');
    assert.deepEqual(
      [...there].filter((id) => !ids.has(id)),
      [],
      'nothing is missed',
    );
    assert.ok(ids.size > there.size, 'events did come in meanwhile');
    const times = events.map(({ end_time }) => end_time);
    assert.deepEqual(times, times.toSorted().reverse(), 'newest first');
  });

  it('says that the range has to be narrowed when the archive cannot be read in time', async () => {
    // A reader that is held up where the statement waits: the timeout ends it.
    const { database } = archive;
    const slow = createArchiveQueries(database, { timeoutMs: 300 });
    await database.tx(async (holder) => {
      await holder.none('lock table keepwatch.observability_metrics in access exclusive mode');
      await assert.rejects(slow.events({ limit: 1, from: new Date(0), to: new Date(), names: ['rare'] }), {
        code: 'ERR_QUERY_TIMEOUT',
        message: /in 0.3 s; narrow the range/,
      });
    });
  });
});
