// The demo speaks the whole catalogue: a real Prometheus sees every metric with its type, its labels and a value, and at the end what it counts
// is what stands in Postgres, type by type, to the record, the token and the nano-dollar.
import assert from 'node:assert/strict';
import { EVENT_TYPES } from '../../src/event.ts';
import { CATALOGUE, type MetricName } from '../../src/instrument/metrics/catalogue.ts';
import type { MetricEntry } from '../../src/instrument/metrics/metric-entry.ts';
import { assertPromtoolAccepts } from '../support/promtool.ts';
import { useScrapedDemo, wholeDemo } from '../support/scraped-demo.ts';
import { needTool } from '../support/tools.ts';
import { waitFor } from '../support/wait-for.ts';

const METRICS = Object.entries(CATALOGUE) as [MetricName, MetricEntry][];

/** What moves only when something is wrong: test/e2e/programs/demo.ts makes that, and the statements below do. */
const FAULTS: ReadonlySet<string> = new Set([
  'keepwatch_archive_failures_total',
  'keepwatch_events_dead_lettered_total',
  'keepwatch_events_dropped_total',
  'keepwatch_execution_log_dropped_total',
  'keepwatch_executions_evicted_total',
  'keepwatch_guessed_routes_total',
  'keepwatch_internal_errors_total',
  'keepwatch_labels_sanitized_total',
  'keepwatch_logs_dead_lettered_total',
  'keepwatch_logs_dropped_total',
  'keepwatch_metadata_truncated_total',
  'keepwatch_results_uncounted_total',
  'keepwatch_series_overflow_total',
  'keepwatch_trace_headers_refused_total',
] satisfies MetricName[]);

/** There and 0, as nothing here can move them. Why: */
const ZERO: Partial<Record<MetricName, string>> = {
  keepwatch_events_sampled_out_total: 'the demo keeps every event',
  keepwatch_events_quarantined_total: 'one process has one clock: test/integration/archive/hostile-events.test.ts',
  keepwatch_logs_quarantined_total: 'the same',
  keepwatch_spool_suspects_removed_total: 'takes a damaged spool, and 30 days',
  keepwatch_alert_slots_missed_total: 'takes an evaluator that is late',
  keepwatch_alert_silent_sources: 'takes a process that was cut off: test/integration/alerts/watermark.test.ts',
  keepwatch_alert_evaluations_cut_total: 'takes queries that hang: test/integration/alerts/slow-groups.test.ts',
};

/** Rows that Postgres refuses. */
const REFUSE_POISON = `
  alter table keepwatch.observability_metrics add constraint no_poison check (name <> 'poison');
  alter table keepwatch.observability_logs add constraint no_poison check (message <> 'poison');`;

/** Questions to both: an expression of PromQL, and what it has to equal. */
interface Pair {
  readonly what: string;
  readonly expression: string;
  readonly sql: string;
}

const ROWS = 'from keepwatch.observability_metrics where';

/** What follows from the catalogue for metrics that executions feed. */
function pairsOf([name, { event, source, only }]: [MetricName, MetricEntry]): Pair[] {
  if (event === undefined) return [];
  const rows = `${ROWS} type = '${event}'${only === undefined ? '' : ` and metadata ? '${only}'`}`;
  if (source === 'executions') return [{ what: name, expression: `sum(${name})`, sql: `select count(*) as value ${rows}` }];
  if (source === 'failures') {
    return [{ what: name, expression: `sum(${name})`, sql: `select count(*) as value ${rows} and status = 'failure'` }];
  }
  if (source !== 'duration') return [];
  return [
    { what: `${name}, the count`, expression: `sum(${name}_count)`, sql: `select count(*) as value ${rows}` },
    {
      what: `${name}, the sum`,
      expression: `sum(${name}_sum)`,
      sql: `select sum(duration_ms) / 1000 as value ${rows}`,
    },
  ];
}

/** Of what is moved by more than the end of an execution. */
const MORE_PAIRS: readonly Pair[] = [
  {
    what: 'connector_sync_records_total',
    expression: 'sum(connector_sync_records_total)',
    sql: `select sum((metadata ->> 'records')::bigint) as value ${ROWS} type = 'connector'`,
  },
  {
    what: 'cache_hits_total',
    expression: 'sum(cache_hits_total)',
    sql: `select count(*) as value ${ROWS} type = 'cache' and metadata ->> 'hit' = 'true'`,
  },
  {
    what: 'cache_misses_total',
    expression: 'sum(cache_misses_total)',
    sql: `select count(*) as value ${ROWS} type = 'cache' and metadata ->> 'hit' = 'false'`,
  },
  {
    what: 'retries_total',
    expression: 'sum(retries_total)',
    sql: `select count(*) as value ${ROWS} (metadata ->> 'attempt')::integer > 1`,
  },
  {
    what: 'llm_tokens_total',
    expression: 'sum(llm_tokens_total)',
    sql: `select sum((metadata ->> 'total_tokens')::bigint) as value ${ROWS} type = 'llm'`,
  },
  {
    what: 'llm_cost_usd_total',
    expression: 'sum(llm_cost_usd_total)',
    sql: `select sum((metadata ->> 'cost_usd')::numeric) as value ${ROWS} type = 'llm'`,
  },
  {
    what: 'llm_unpriced_requests_total',
    expression: 'sum(llm_unpriced_requests_total)',
    sql: `select count(*) as value ${ROWS} type = 'llm' and metadata ? 'total_tokens' and metadata ->> 'cost_usd' is null`,
  },
  {
    what: 'llm_time_to_first_token_seconds, the count',
    expression: 'sum(llm_time_to_first_token_seconds_count)',
    sql: `select count(*) as value ${ROWS} type = 'llm' and metadata ? 'time_to_first_token_ms'`,
  },
  {
    what: 'llm_time_to_first_token_seconds, the sum',
    expression: 'sum(llm_time_to_first_token_seconds_sum)',
    sql: `select sum((metadata ->> 'time_to_first_token_ms')::float8) / 1000 as value, count(*) as rows ${ROWS} type = 'llm'`,
  },
  {
    what: 'agent_tokens_used_total',
    expression: 'sum(agent_tokens_used_total)',
    sql: `select sum((llm.metadata ->> 'total_tokens')::bigint) as value
      from keepwatch.observability_metrics as llm
      join keepwatch.observability_metrics as agent on agent.span_id = llm.parent_span_id and agent.trace_id = llm.trace_id
      where llm.type = 'llm' and agent.type = 'agent'`,
  },
  {
    what: 'lines of the execution log',
    expression: 'sum(keepwatch_execution_log_lines_total) + sum(keepwatch_execution_log_sampled_out_total)',
    sql: 'select count(*) as value from keepwatch.observability_metrics',
  },
  {
    what: 'http_server_stream_duration_seconds, the count',
    expression: 'sum(http_server_stream_duration_seconds_count)',
    sql: `select count(*) as value ${ROWS} type = 'api' and metadata ? 'stream'`,
  },
  {
    what: 'http_server_stream_duration_seconds, the sum',
    expression: 'sum(http_server_stream_duration_seconds_sum)',
    sql: `select sum((metadata ->> 'stream_duration_ms')::float8) / 1000 as value, count(*) as rows ${ROWS} type = 'api'`,
  },
];

const isZero = ([name]: [MetricName, MetricEntry]): boolean => name in ZERO;

/** The name under which a metric has its samples. */
function sampleOf([name, { type }]: [MetricName, MetricEntry]): string {
  return type === 'histogram' || type === 'summary' ? `${name}_count` : name;
}

describe('the catalogue, spoken by the demo', () => {
  const site = useScrapedDemo(wholeDemo);

  /** The highest value of each name that Prometheus has had so far. */
  const highest = new Map<string, number>();
  const look = async (): Promise<void> => {
    const query = encodeURIComponent('max by (__name__) ({job="keepwatch", __name__!~".*_bucket"})');
    const { result } = (await site.prometheus.api(`query?query=${query}`)) as {
      result: { metric: { __name__: string }; value: [number, string] }[];
    };
    for (const { metric, value } of result) {
      highest.set(metric.__name__, Math.max(highest.get(metric.__name__) ?? 0, Number(value[1])));
    }
  };
  /** A gauge that is 0 has a value; of the others nothing was seen before they have moved. */
  const isSeen = (metric: [MetricName, MetricEntry]): boolean =>
    (highest.get(sampleOf(metric)) ?? -1) >= (metric[1].type === 'gauge' || isZero(metric) ? 0 : Number.MIN_VALUE);
  const waitUntilSeen = async (metrics: typeof METRICS, timeoutMs: number): Promise<void> => {
    const isDone = async () => {
      await look();
      return metrics.every(isSeen);
    };
    await waitFor(isDone, { timeoutMs }).catch(() => {
      const left = metrics.filter((metric) => !isSeen(metric)).map(([name]) => name);
      assert.fail(`not seen: ${left.join(', ')}; the demo printed:\n${site.demo.output().slice(-2000)}`);
    });
  };

  it('moves every metric within a minute', async function () {
    this.timeout(90_000);
    await waitUntilSeen(
      METRICS.filter(([name]) => !FAULTS.has(name)),
      60_000,
    );
  });

  it('is text that promtool has no complaint about, every metric of it', async function () {
    await assertAccepted(
      needTool(this, 'promtool'),
      METRICS.filter(([name]) => !FAULTS.has(name)),
    );
  });
  const assertAccepted = async (promtool: string, metrics: typeof METRICS): Promise<void> => {
    const text = await site.readMetrics();
    const left = metrics.map(sampleOf).filter((sample) => !new RegExp(`^${sample}[{ ]`, 'm').test(text));
    assert.deepEqual(left, []);
    assertPromtoolAccepts(promtool, text);
  };

  describe('at rest', () => {
    before(async function () {
      this.timeout(60_000);
      await site.comeToRest();
    });

    it('has rows of every type', async () => {
      const rows = await site.database.any<{ type: string }>(
        'select distinct type from keepwatch.observability_metrics order by type',
      );
      assert.deepEqual(
        rows.map(({ type }) => type),
        [...EVENT_TYPES].sort(),
      );
    });

    for (const { what, expression, sql } of [...METRICS.flatMap(pairsOf), ...MORE_PAIRS]) {
      it(`counts in Prometheus what is in Postgres: ${what}`, async () => {
        const live = await site.prometheus.query(`${expression} or vector(0)`);
        const answer = await site.database.one<{ value: unknown; rows?: unknown }>(sql);
        const archived = Number(answer.value);
        assert.ok(archived > 0, sql);
        // Doubles that were added up in another order; durations in metadata are texts of microseconds besides.
        const tolerance = answer.rows === undefined ? 1e-10 * Math.max(1, archived) : 1e-6 * Number(answer.rows);
        assert.ok(Math.abs((live ?? Number.NaN) - archived) <= tolerance, `${live} in Prometheus, ${archived} in Postgres`);
      });
    }

    it('compares every metric that executions move', () => {
      const compared = new Set([...METRICS.flatMap(pairsOf), ...MORE_PAIRS].map(({ what }) => what.split(',')[0]));
      const isMoved = ([name, { type }]: [MetricName, MetricEntry]) => type !== 'gauge' && !name.startsWith('keepwatch_');
      const names = METRICS.filter(isMoved).map(([name]) => name);
      assert.deepEqual(
        names.filter((name) => !compared.has(name)),
        [],
      );
    });

    it('shows what goes wrong, when it does', async function () {
      this.timeout(60_000);
      await site.database.multi(REFUSE_POISON);
      await site.database.none('alter table keepwatch.ledger rename to ledger_elsewhere');
      process.kill(site.demo.pid, 'SIGUSR2');
      await waitUntilSeen(
        METRICS.filter(([name]) => name === 'keepwatch_archive_failures_total'),
        20_000,
      );
      await site.database.none('alter table keepwatch.ledger_elsewhere rename to ledger');
      await site.demo.printed(/broken/, 40_000);
      await waitUntilSeen(METRICS, 20_000);
    });
  });

  // Mocha runs what is nested last: by now all of them have been seen.
  describe('after all', () => {
    it('has each metric as the type that the catalogue says, in the unit that its name says', async () => {
      const metadata = (await site.prometheus.api('metadata')) as Record<string, { type: string; help: string }[]>;
      for (const [name, { type, help }] of METRICS) {
        // OpenMetrics names the family of a counter without its ending.
        const given = metadata[name] ?? metadata[name.replace(/_total$/, '')];
        const told = given?.map((entry) => ({ type: entry.type, help: entry.help }));
        assert.deepEqual(told, [{ type, help }], name);
        assert.equal(name.endsWith('_total'), type === 'counter', name);
        if (type === 'histogram' || type === 'summary') assert.match(name, /_seconds$/);
      }
    });

    it('has exactly the labels of the catalogue', async () => {
      for (const metric of METRICS) {
        const series = (await site.prometheus.api(`series?match[]=${sampleOf(metric)}`)) as Record<string, string>[];
        const seen = new Set(series.flatMap((labels) => Object.keys(labels)));
        for (const own of ['__name__', 'instance', 'job']) seen.delete(own);
        assert.deepEqual([...seen].sort(), [...metric[1].labels].sort(), metric[0]);
      }
    });

    it('is text that promtool has no complaint about, with all that goes wrong', async function () {
      await assertAccepted(
        needTool(this, 'promtool'),
        METRICS.filter(([name]) => FAULTS.has(name)),
      );
    });
  });
});
