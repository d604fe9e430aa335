// /timeseries, /dimensions, /dashboard and /summary over HTTP against brute force on every raw row.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Dashboard } from '../../../src/archive/queries/dashboard.ts';
import type { Dimensions } from '../../../src/archive/queries/dimensions.ts';
import type { Timeseries } from '../../../src/archive/queries/timeseries.ts';
import type { SummaryRow } from '../../../src/archive/queries.ts';
import { createArchiveQueries } from '../../../src/archive/queries.ts';
import { type ApiServer, startApi } from '../../support/api-server.ts';
import { createHistory } from '../../support/history.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

interface Row {
  readonly end_us: number;
  readonly service: string;
  readonly type: string;
  readonly name: string;
  readonly status: string;
  readonly weight: number;
  readonly us: number;
  readonly error: string | null;
  readonly labels: Readonly<Record<string, string>>;
}

const HOUR_S = 3600;
const STEPS_S = { '1m': 60, '5m': 300, '1h': 3600, '7m': 420, '1d': 86_400, '90s': 90 } as const;
const ORIGIN_S = 345_600;
/** What a histogram may be off. */
const TOLERANCE = 0.011;

/** As percentile_disc has it, each execution as often as its weight says. */
function exactQuantile(rows: readonly Row[], quantile: number): number | null {
  const ended = rows.filter(({ status }) => status !== 'aborted').sort((a, b) => a.us - b.us);
  const n = sum(ended, ({ weight }) => weight);
  let cumulative = 0;
  for (const { us, weight } of ended) {
    cumulative += weight;
    if (cumulative >= quantile * n) return us / 1000;
  }
  return null;
}

function sum(rows: readonly Row[], value: (row: Row) => number): number {
  return rows.reduce((total, row) => total + value(row), 0);
}

function totalsOf(rows: readonly Row[]) {
  const weigh = (status?: string) => sum(rows, (row) => (status === undefined || row.status === status ? row.weight : 0));
  const [count, failures, aborted] = [weigh(), weigh('failure'), weigh('aborted')];
  const totalUs = sum(rows, (row) => (row.status === 'aborted' ? 0 : row.weight * row.us));
  const ended = count - aborted;
  return {
    ...{ count, failures, aborted },
    error_rate: ended === 0 ? null : failures / ended,
    avg: ended === 0 ? null : totalUs / ended / 1000,
  };
}

function assertNear(actual: number | null | undefined, expected: number | null, tolerance: number, what: string): void {
  if (expected === null || actual === null || actual === undefined) assert.equal(actual, expected, what);
  else assert.ok(Math.abs(actual - expected) <= Math.abs(expected) * tolerance + 1e-9, `${what}: ${actual}, not ${expected}`);
}

describe('the API about many events', () => {
  const nowMs = Math.floor(Date.now() / 60_000) * 60_000 + 17_123;
  let test: TestDatabase;
  let api: ApiServer;
  let rows: readonly Row[];
  before(async function () {
    this.timeout(120_000);
    test = await createTestDatabase();
    await createHistory(test.database, { rows: 15_000, now: new Date(nowMs) });
    rows = await test.database.any<Row>(`
      select (extract(epoch from end_time) * 1000000)::float8 as end_us, service, type, name, status, weight, us::float8 as us, error, labels
      from history`);
    api = await startApi({
      archive: createArchiveQueries(test.database, { timeoutMs: 60_000, now: () => nowMs }),
      alerts: undefined,
      now: () => nowMs,
      collectReasons: () => ['the spool is full'],
    });
  });
  after(async () => {
    await api?.stop();
    await test?.drop();
  });

  const get = async <Data>(path: string) => {
    const { status, data, error } = await api.get<Data>(path);
    assert.equal(status, 200, error);
    return data;
  };
  const between = (fromMs: number, toMs: number) => rows.filter(({ end_us }) => end_us >= fromMs * 1000 && end_us < toMs * 1000);
  const rangeOf = (from: number, to: number) => `from=${from / 1000}&to=${to / 1000}`;

  const questions = fc.record({
    agoMinutes: fc.oneof(fc.integer({ min: 1, max: 180 }), fc.integer({ min: 1, max: 11_000 })),
    minutes: fc.oneof(fc.integer({ min: 1, max: 180 }), fc.integer({ min: 1, max: 11_000 })),
    ragged: fc.boolean(),
    agg: fc.constantFrom('rate', 'count', 'error_rate', 'avg', 'p50', 'p95', 'p99'),
    step: fc.constantFrom(undefined, ...(Object.keys(STEPS_S) as (keyof typeof STEPS_S)[])),
    groupBy: fc.constantFrom(undefined, 'type', 'name', 'service', 'status', 'model', 'tenant_id', 'nothing'),
    type: fc.constantFrom(undefined, undefined, 'llm', 'api'),
    service: fc.constantFrom(undefined, undefined, 'shop'),
  });

  it('tells of any time, step and group what brute force over the raw rows tells', async function () {
    this.timeout(180_000);
    let points = 0;
    const check = async (given: typeof questions extends fc.Arbitrary<infer Q> ? Q : never) => {
      const { agg, groupBy, type, service } = given;
      const from = nowMs - given.agoMinutes * 60_000 - (given.ragged ? 1_234 : 17_123);
      const to = Math.min(from + given.minutes * 60_000 + (given.ragged ? 567 : 0), nowMs);
      const seconds = (to - from) / 1000;
      const stepSeconds = given.step === undefined ? undefined : STEPS_S[given.step];
      const search = new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString(), agg });
      for (const [key, value] of Object.entries({ group_by: groupBy, type, service, step: given.step }))
        if (value !== undefined) search.set(key, value);
      const isTooFine = stepSeconds !== undefined && (seconds / stepSeconds > 550 || (stepSeconds === 90 && seconds > 21_600));
      if (isTooFine) search.delete('step');
      const series = await get<Timeseries>(`/timeseries?${search.toString()}`);
      const step = series.step_seconds;
      if (stepSeconds !== undefined && !isTooFine) assert.equal(step, stepSeconds);
      assert.ok(seconds / step <= 550);

      const found = between(from, to).filter(
        (row) => (type ?? row.type) === row.type && (service ?? row.service) === row.service,
      );
      const groupOf = (row: Row): string | null => {
        if (groupBy === undefined) return null;
        if (groupBy === 'type' || groupBy === 'name' || groupBy === 'service' || groupBy === 'status') return row[groupBy];
        return row.labels[groupBy] ?? null;
      };
      const groups = group(found, groupOf);
      if (groupBy === undefined && groups.size === 0) groups.set(null, []);
      assert.equal(series.group_count, groups.size);
      assert.deepEqual(new Set(series.series.map(({ value }) => value)), new Set(groups.keys()));
      const counts = series.series.map(({ value }) => totalsOf(groups.get(value) ?? []).count);
      assert.deepEqual(
        counts,
        counts.toSorted((a, b) => b - a),
        'the busiest first',
      );

      for (const { value, points: given } of series.series) {
        const first = ORIGIN_S + Math.floor((from / 1000 - ORIGIN_S) / step) * step;
        assert.deepEqual(
          given.map(([start]) => start),
          Array.from({ length: Math.ceil((to / 1000 - first) / step) }, (_, index) => first + index * step),
        );
        for (const [start, value_] of given) {
          const inStep = (groups.get(value) ?? []).filter(({ end_us }) => end_us >= start * 1e6 && end_us < (start + step) * 1e6);
          const { count, error_rate, avg } = totalsOf(inStep);
          const overlap = Math.min(start + step, to / 1000) - Math.max(start, from / 1000);
          const what = `${agg} of ${value} at ${start}`;
          if (agg === 'count') assert.equal(value_, count, what);
          else if (agg === 'rate') assertNear(value_, count / overlap, 1e-6, what);
          else if (agg === 'error_rate') assertNear(value_, error_rate, 1e-12, what);
          else if (agg === 'avg') assertNear(value_, avg, 1e-9, what);
          else assertNear(value_, exactQuantile(inStep, Number(agg.slice(1)) / 100), TOLERANCE, what);
          points++;
        }
      }
    };
    await fc.assert(fc.asyncProperty(questions, check), { numRuns: 40 });
    assert.ok(points > 1000, `${points} points`);
  });

  it('has whole steps of days begin at midnight UTC, and of weeks on Monday', async () => {
    const days = await get<Timeseries>(`/timeseries?${rangeOf(nowMs - 60 * HOUR_S * 1000, nowMs)}&step=1d`);
    assert.ok(days.series[0]?.points.every(([start]) => start % 86_400 === 0));
    const weeks = await get<Timeseries>(`/timeseries?${rangeOf(nowMs - 60 * HOUR_S * 1000, nowMs)}&step=7d`);
    assert.ok(weeks.series[0]?.points.every(([start]) => new Date(start * 1000).getUTCDay() === 1));
  });

  it('divides what ended in the step that runs by the time that it has run', async () => {
    const soonMs = Math.ceil(nowMs / 60_000) * 60_000;
    const { series } = await get<Timeseries>(`/timeseries?${rangeOf(soonMs - 3_600_000, soonMs)}&step=1m&agg=rate`);
    const startMs = soonMs - 60_000;
    const [start, rate] = series[0]?.points.at(-1) ?? [];
    assert.equal(start, startMs / 1000);
    const count = totalsOf(between(startMs, soonMs)).count;
    assertNear(count / (rate ?? 0), (nowMs - startMs) / 1000, 1e-9, 'seconds');
  });

  it('tells which services, types, names and labels there are, and how much of each', async () => {
    for (const [fromMs, toMs] of [
      [nowMs - 3_600_000, nowMs],
      [nowMs - 7 * 86_400_000 + 12_345, nowMs - 100_000],
      [nowMs - 90_000, nowMs - 61_000],
    ] as const) {
      const dimensions = await get<Dimensions>(`/dimensions?${rangeOf(fromMs, toMs)}`);
      const from = Math.floor(fromMs / 60_000) * 60_000;
      const to = Math.ceil(toMs / 60_000) * 60_000;
      assert.deepEqual(
        [dimensions.from, dimensions.to],
        [from, to].map((ms) => new Date(ms).toISOString()),
      );
      const counted = new Map<string, number>();
      for (const row of between(from, to)) {
        const members = Object.entries(row.labels).map(([label, value]) => `label ${label} ${value}`);
        for (const key of [`services ${row.service}`, `types ${row.type}`, `names ${row.name}`, ...members])
          counted.set(key, (counted.get(key) ?? 0) + row.weight);
      }
      const given = new Map<string, number>();
      for (const kind of ['services', 'types', 'names'] as const) {
        const { values, value_count } = dimensions[kind];
        assert.equal(values.length, value_count);
        assert.deepEqual(
          values.map(({ count }) => count),
          values.map(({ count }) => count).toSorted((a, b) => b - a),
        );
        for (const { value, count } of values) given.set(`${kind} ${value}`, count);
      }
      for (const { label, values } of dimensions.labels)
        for (const { value, count } of values) given.set(`label ${label} ${value}`, count);
      assert.deepEqual(Object.fromEntries(given), Object.fromEntries(counted));
      assert.equal(dimensions.label_count, dimensions.labels.length);
    }
  });

  it('keeps the busiest values within the limit, and says how many there are', async () => {
    const dimensions = await get<Dimensions>(`/dimensions?${rangeOf(nowMs - 7 * 86_400_000, nowMs)}&limit=2`);
    assert.deepEqual([dimensions.names.values.length, dimensions.names.value_count > 5], [2, true]);
    const nothing = await get<Dimensions>(`/dimensions?from=1990-01-01&to=1990-01-02`);
    assert.deepEqual([nothing.labels, nothing.label_count, nothing.services], [[], 0, { values: [], value_count: 0 }]);
  });

  for (const filter of ['', '&type=llm', '&service=shop']) {
    it(`gives all that a first screen needs in one answer${filter}`, async () => {
      const from = nowMs - 5 * 3_600_000 - 4_321;
      const dashboard = await get<Dashboard & { health: object }>(`/dashboard?${rangeOf(from, nowMs)}&limit=5${filter}`);
      const found = between(from, nowMs).filter(
        ({ type, service }) => (!filter.includes('llm') || type === 'llm') && (!filter.includes('shop') || service === 'shop'),
      );
      const expected = totalsOf(found);
      const { count, failures, aborted, error_rate, avg_ms, p50_ms, p95_ms, p99_ms, per_second } = dashboard.totals;
      assert.deepEqual(
        { count, failures, aborted },
        { count: expected.count, failures: expected.failures, aborted: expected.aborted },
      );
      assertNear(error_rate, expected.error_rate, 1e-12, 'error_rate');
      assertNear(avg_ms, expected.avg, 1e-9, 'avg');
      assertNear(per_second, (expected.count * 1000) / (nowMs - from), 1e-9, 'per_second');
      for (const [value, quantile] of [
        [p50_ms, 0.5],
        [p95_ms, 0.95],
        [p99_ms, 0.99],
      ] as const)
        assertNear(value, exactQuantile(found, quantile), TOLERANCE, `quantile ${quantile}`);

      const names = group(found, nameOf);
      assert.equal(dashboard.name_count, names.size);
      for (const row of [...dashboard.top, ...dashboard.failing]) {
        const own = names.get(nameOf(row)) ?? [];
        assert.deepEqual([row.count, row.failures, row.aborted], Object.values(totalsOf(own)).slice(0, 3));
        assertNear(row.p95_ms, exactQuantile(own, 0.95), TOLERANCE, nameOf(row));
      }
      const places = (value: 'count' | 'failures') =>
        [...names.values()]
          .map((own) => totalsOf(own)[value])
          .sort((a, b) => b - a)
          .slice(0, 5);
      assert.deepEqual(
        dashboard.top.map((row) => row.count),
        places('count'),
      );
      assert.deepEqual(
        dashboard.failing.map((row) => row.failures),
        places('failures').filter((value) => value > 0),
      );

      const failed = found.filter(({ status }) => status === 'failure');
      assert.ok(dashboard.errors.length > 0 && dashboard.errors.length <= 5);
      for (const { service, type, name, fingerprint, count: times } of dashboard.errors) {
        const start = /^\w+/.exec(fingerprint ?? '')?.[0];
        const isSame = (error: string | null) => (start === undefined ? error === null : error?.startsWith(start));
        const same = failed.filter((row) => nameOf(row) === nameOf({ service, type, name }) && isSame(row.error));
        assert.equal(
          times,
          sum(same, ({ weight }) => weight),
          `${name} ${fingerprint}`,
        );
      }
      const total = dashboard.rate.reduce((all, [start, rate]) => {
        const seconds = Math.min(start + dashboard.step_seconds, nowMs / 1000) - Math.max(start, from / 1000);
        return all + (rate ?? 0) * seconds;
      }, 0);
      assertNear(total, count, 1e-6, 'the rates add up to the count');
      assert.equal(dashboard.p95_ms.length, dashboard.error_rate.length);
      assert.deepEqual(dashboard.health, { state: 'degraded', reasons: ['the spool is full'] });
    });
  }

  it('sums up every type and name', async () => {
    const from = nowMs - 3 * 3_600_000;
    const summary = await get<SummaryRow[]>(`/summary?${rangeOf(from, nowMs)}`);
    const names = group(between(from, nowMs), ({ type, name }) => `${type} ${name}`);
    assert.deepEqual(new Set(summary.map(({ type, name }) => `${type} ${name}`)), new Set(names.keys()));
    for (const row of summary) {
      const { count, failures } = totalsOf(names.get(`${row.type} ${row.name}`) ?? []);
      assert.deepEqual([row.count, row.failures], [count, failures]);
    }
  });

  it('says what is allowed when a label has more values than can be measured', async () => {
    const { status, error } = await api.get(`/timeseries?${rangeOf(nowMs - 3_600_000, nowMs)}&step=15s&group_by=tenant_id`);
    assert.equal(status, 200, error);
    const old = await test.database.tx(async (transaction) => {
      await transaction.none(`insert into keepwatch.observability_series (series_id, service, type, name, labels)
        select -i, 'many', 'custom', 'many', jsonb_build_object('many', i) from generate_series(1, 3000) as i`);
      await transaction.none(
        `insert into keepwatch.rollup_minutes (bucket, series_id, status, rows, count, sum_us, min_us, max_us, hb, hc)
        select date_trunc('minute', to_timestamp($<nowMs>::float8 / 1000) - interval '30 minutes'), -i, 'success', 1, 1, 1, 1, 1, '{-32}', '{1}'
        from generate_series(1, 3000) as i`,
        { nowMs },
      );
      return 'many';
    });
    const refused = await api.get(`/timeseries?${rangeOf(nowMs - 3_600_000, nowMs)}&step=1m&group_by=${old}&service=many`);
    assert.deepEqual([refused.status, refused.errorType], [400, 'bad_data']);
    assert.match(
      refused.error ?? '',
      /^group_by: "many" has 3000 values in this range, which is 6\d steps long; allowed: 60000 points; make step longer/,
    );
    const coarse = await get<Timeseries>(
      `/timeseries?${rangeOf(nowMs - 3_600_000, nowMs)}&step=1h&agg=count&group_by=many&service=many`,
    );
    assert.deepEqual([coarse.group_count, coarse.series.length], [3000, 20]);
  });
});

function nameOf({ service, type, name }: { service: string; type: string; name: string }): string {
  return `${service}\n${type}\n${name}`;
}

function group<Key>(rows: readonly Row[], keyOf: (row: Row) => Key): Map<Key, Row[]> {
  const groups = new Map<Key, Row[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const own = groups.get(key);
    if (own === undefined) groups.set(key, [row]);
    else own.push(row);
  }
  return groups;
}
