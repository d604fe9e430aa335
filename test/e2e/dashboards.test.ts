// Every question of every dashboard, asked as Grafana would: of a real Prometheus that scraped the demo, and of the archive of the same demo. Where
// both are asked the same, they say the same.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { buildDashboard } from '../../grafana/src/build-dashboard.ts';
import type { Panel } from '../../grafana/src/panel.ts';
import type { Database } from '../../src/db/database.ts';
import { ensureRoles } from '../../src/db/roles.ts';
import {
  expandPromql,
  expandSql,
  type KeptDashboard,
  keptDashboards,
  otherTargetsOf,
  type Shown,
  type Target,
  targetsOf,
} from '../support/grafana.ts';
import {
  askAllValues,
  askLabelValues,
  askNow,
  askPostgres,
  askRange,
  linesOfSql,
  nameOf,
  numbersOf,
  type PromSeries,
} from '../support/grafana-answers.ts';
import {
  differences,
  isPerSecond,
  ofAllTime,
  type PanelPair,
  panelPairs,
  type Subject,
  stepAround,
  subjectOf,
} from '../support/panel-pairs.ts';
import { readPrometheusRules } from '../support/promql.ts';
import { RULES_PASSWORD } from '../support/rules-role.ts';
import { useScrapedDemo, wholeDemo } from '../support/scraped-demo.ts';
import { waitFor } from '../support/wait-for.ts';

/** How long the demo runs, so that rates have something to be made of. */
const TRAFFIC_MS = 25_000;
const SCRAPE_MS = 1000;
/** What is empty as long as nothing is wrong, nobody logs, and code declares no targets. */
const EMPTY_WHEN_WELL: ReadonlySet<string> = new Set([
  'Alerts',
  'annotation Alerts',
  'annotation Alerts of Prometheus',
  'Evaluations that failed',
  'Log lines',
  'Messages that wait or were given up',
  'Targets beside code',
]);
/** What may be used up twice. */
const MORE_THAN_WHOLE: ReadonlySet<string> = new Set(['Budgets: used', 'Targets beside code: used']);
/** Lines that one of them has more, by panel. */
const ONLY_IN_PROMETHEUS: Readonly<Record<string, string>> = { 'Recorded and archived': 'recorded' };
/** Panels of one title whose definitions differ, as their descriptions say. */
const NOT_ALIKE: Readonly<Record<string, string>> = {
  'Lag of the archive': 'the oldest event that waits, beside how far back the slowest process is',
  'Evaluations of rules': 'rules are evaluated at rest too: compared by itself, below',
};
/** A quantile of rollups is at most that far from an exact one. */
const ROLLUP_ERROR = 0.0109;
/** How far the clock of a process, monotonic since its start, may be from that of Prometheus. */
const CLOCK_SLACK_MS = 50;

describe('the questions of all dashboards, over the demo', () => {
  const site = useScrapedDemo(wholeDemo, prepare, rulesOfEverySecond());
  let shown: Shown;
  /** One step that holds everything. */
  let whole: Shown;

  before(async function () {
    this.timeout(120_000);
    const beganAt = Date.now() - 60_000;
    await delay(TRAFFIC_MS);
    await site.comeToRest();
    const endedAt = Date.now() + 1000;
    const range: Shown = { from: new Date(beganAt), to: new Date(endedAt), stepMs: 60_000 };
    const [{ dashboard }] = keptDashboards().filter(({ path }) => path.startsWith('prometheus/')) as [KeptDashboard];
    const variables = await askAllValues(site.prometheus, dashboard, range);
    const [trace] = await site.database.any<{ id: string }>(
      `select trace_id::text as id from keepwatch.observability_metrics where trace_id is not null and type = 'api' limit 1`,
    );
    shown = { ...range, variables: { ...variables, trace_id: trace?.id ?? '' } };
    const step = stepAround(shown.from, new Date(endedAt + 120_000));
    // At the begin of every fourth day.
    if (step === undefined) return this.skip();
    whole = { from: step.begin, to: new Date(step.begin.getTime() + step.stepMs), stepMs: step.stepMs, variables };
  });

  for (const kept of keptDashboards()) {
    for (const target of targetsOf(kept.dashboard)) {
      it(`${kept.path}: ${target.panel} (${target.refId}) has an answer`, async () => {
        const { values, shares } = await ask(kept, target);
        if (EMPTY_WHEN_WELL.has(target.panel)) return;
        const numbers = values.filter((value) => Number.isFinite(value));
        assert.ok(numbers.length > 0, `no value: ${target.expr ?? target.rawSql}`);
        for (const [of, ratios] of shares)
          assert.ok(
            MORE_THAN_WHOLE.has(of) ? ratios.every((one) => one >= 0) : ratios.every((one) => one >= 0 && one <= 1),
            `${of}: ${ratios.join(', ')}`,
          );
      });
    }
    for (const target of otherTargetsOf(kept.dashboard)) {
      it(`${kept.path}: ${target.panel} has an answer`, async () => {
        const { size } = await ask(kept, target);
        assert.ok(size > 0 || EMPTY_WHEN_WELL.has(target.panel), `nothing: ${target.expr ?? target.rawSql}`);
      });
    }
  }

  for (const pair of panelPairs().filter(({ panel }) => !(panel.title in NOT_ALIKE))) {
    it(`${pair.definition.name}: ${pair.panel.title} says the same from both`, async () => {
      const only = ONLY_IN_PROMETHEUS[pair.panel.title];
      const [question = { expr: '' }] = pair.prometheus;
      const subject = subjectOf(pair.panel, question);
      const [ours, theirs] = await Promise.all([ofPrometheus(pair, subject), ofPostgres(pair, subject)]);
      if (only !== undefined) assert.ok(ours.delete(only));
      assert.ok(theirs.size > 0, 'nothing to compare');
      assert.deepEqual(differences(ours, theirs, await likenessOf(subject, question.expr)), []);
    });
  }

  const drawn = panelPairs().filter(
    ({ panel, prometheus }) =>
      !(panel.title in NOT_ALIKE) && prometheus.every(({ expr }) => isPerSecond(expr) && subjectOf(panel, { expr }) === 'amount'),
  );
  for (const pair of drawn) {
    it(`${pair.definition.name}: ${pair.panel.title} draws the same in each minute, or within a scrape interval`, async () => {
      // From before the demo, so that what is drawn adds up to what is counted.
      const minutes = {
        from: new Date(floorTo(shown.from.getTime() - 600_000, 60_000)),
        to: new Date(floorTo(shown.to.getTime() + 59_999, 60_000)),
      };
      const steps = { ...minutes, stepMs: 60_000, variables: whole.variables ?? {} };
      const counted = await countersOf(pair, minutes);
      const scrapedFrom = Math.min(...[...counted.values()].map(([first]) => first?.[0] ?? Infinity));
      const slack = SCRAPE_MS + 1000 + CLOCK_SLACK_MS;
      const tolerance = toleranceOf(pair.prometheus[0]?.expr ?? '');
      let compared = 0;
      for (const sql of pair.postgres) {
        const dashboard = buildDashboard(pair.definition, 'postgres');
        for (const [line, values] of linesOfSql(await askPostgres(site.database, expandSql(dashboard, sql, steps)))) {
          const name = isNamed(pair.panel) ? line : '';
          const until = (ms: number) => counted.get(name)?.findLast(([at]) => at <= ms)?.[1] ?? 0;
          let amount = 0;
          for (const [at, perSecond] of values) {
            amount += perSecond * 60;
            const endMs = at + 60_000;
            if (endMs + slack < scrapedFrom) continue;
            const [least, most] = [until(endMs - slack), until(endMs + slack)];
            assert.ok(amount >= least - tolerance && amount <= most + tolerance, `${name}: ${amount}, not ${least} to ${most}`);
            compared++;
          }
        }
      }
      assert.ok(compared > 0, 'nothing to compare');
    });
  }

  /** Counters, each second, by the names of their lines. */
  async function countersOf(
    { definition, panel, prometheus }: PanelPair,
    { from, to }: { from: Date; to: Date },
  ): Promise<Map<string, (readonly [atMs: number, value: number])[]>> {
    const dashboard = buildDashboard(definition, 'prometheus');
    const found = new Map<string, (readonly [number, number])[]>();
    for (const { expr, legend } of prometheus) {
      const text = expandPromql(dashboard, ofAllTime(expr), whole, SCRAPE_MS);
      for (const one of await askRange(site.prometheus, text, { from, to, stepSeconds: 1 }))
        found.set(
          isNamed(panel) ? nameOf(one, legend) : '',
          one.values.map(([at, value]) => [at * 1000, Number(value)] as const),
        );
    }
    return found;
  }

  it('compare all panels that ask both, but those that are named here', () => {
    const titles = new Set(panelPairs().map(({ panel }) => panel.title));
    for (const title of [...Object.keys(NOT_ALIKE), ...Object.keys(ONLY_IN_PROMETHEUS)]) assert.ok(titles.has(title), title);
  });

  const COUNTERS = {
    api: 'http_server_request_duration_seconds_count',
    agent: 'agent_execution_total',
    llm: 'llm_requests_total',
    tool: 'tool_calls_total',
    connector: 'connector_operations_total',
    workflow: 'workflow_executions_total',
    db: 'db_query_duration_seconds_count',
  };
  for (const [type, counter] of Object.entries(COUNTERS)) {
    it(`counts in each scrape what had ended by then, or within a scrape interval: ${type}`, async () => {
      const series = await askNow(site.prometheus, `${counter}[10m]`);
      const counts = new Map<number, number>();
      for (const [at, value] of series.flatMap(({ values }) => values)) counts.set(at, (counts.get(at) ?? 0) + Number(value));
      const rows = await site.database.any<{ ended: string }>(
        'select extract(epoch from end_time) * 1000 as ended from keepwatch.observability_metrics where type = $<type> order by 1',
        { type },
      );
      const endedUntil = (ms: number) => rows.filter(({ ended }) => Number(ended) <= ms).length;
      assert.ok(counts.size > 5, `${counts.size} scrapes`);
      for (const [at, count] of counts) {
        const [least, most] = [endedUntil(at * 1000 - CLOCK_SLACK_MS), endedUntil(at * 1000 + SCRAPE_MS)];
        assert.ok(count >= least && count <= most, `${count} at ${at}; in Postgres ${least} to ${most}`);
      }
    });
  }

  it('count evaluations of rules alike, a scrape interval apart at most', async () => {
    const rows = 'select count(*) as value from keepwatch.alert_evaluation';
    const counter = 'sum(keepwatch_alert_evaluations_total)';
    const before = await site.ask(rows);
    const seen = async () => ((await site.prometheus.query(counter)) ?? 0) >= before;
    await waitFor(seen, { timeoutMs: 3 * SCRAPE_MS, what: 'a scrape' });
    const live = (await site.prometheus.query(counter)) ?? Number.NaN;
    assert.ok(live >= before && live <= (await site.ask(rows)), `${live}`);
  });

  /** Numbers that are drawn or listed, how many series or rows they are of, and which of them are shares of a whole, by panel or column. */
  async function ask(
    { dashboard }: KeptDashboard,
    target: Target,
  ): Promise<{ values: number[]; size: number; shares: Map<string, number[]> }> {
    const { expr, rawSql = '', kind, format, panel, unit, columnUnits = {} } = target;
    const isShare = unit === 'percentunit';
    const sharesOf = (values: readonly number[]) => new Map(isShare ? [[panel, values.filter(Number.isFinite)]] : []);
    if (expr === undefined) {
      const answer = await askPostgres(site.database, expandSql(dashboard, rawSql, shown));
      if (format === 'time_series') {
        const lines = linesOfSql(answer);
        assert.ok([...lines.keys()].some((name) => name !== '') || lines.size === 0, 'lines without names');
      }
      const shares = sharesOf(numbersOf(answer));
      for (const [column, columnUnit] of Object.entries(columnUnits)) {
        assert.ok(
          answer.columns.some(({ name }) => name === column),
          `${panel} has no column ${column}`,
        );
        const cells = answer.rows.flatMap((row) => (row[column] == null ? [] : [Number(row[column])]));
        if (columnUnit === 'percentunit') shares.set(`${panel}: ${column}`, cells);
      }
      return { values: numbersOf(answer), size: answer.rows.length, shares };
    }
    const text = expandPromql(dashboard, expr, { ...shown, stepMs: 5000 }, SCRAPE_MS);
    if (kind === 'variable') return { values: [], size: (await askLabelValues(site.prometheus, text)).length, shares: new Map() };
    const series = await askRange(site.prometheus, text, { from: shown.from, to: shown.to, stepSeconds: 5 });
    assertNamed(series, target.legendFormat);
    const values = series.flatMap((one) => one.values.map(([, value]) => Number(value)));
    return { values, size: series.length, shares: sharesOf(values) };
  }

  /** Values by the names of their lines. */
  async function ofPrometheus({ definition, panel, prometheus }: PanelPair, subject: Subject): Promise<Map<string, number>> {
    const dashboard = buildDashboard(definition, 'prometheus');
    const found = new Map<string, number>();
    for (const { expr, legend } of prometheus) {
      const series = await askNow(site.prometheus, expandPromql(dashboard, ofAllTime(expr), whole, SCRAPE_MS));
      for (const one of series) keep(found, subject, isNamed(panel) ? nameOf(one, legend) : '', Number(one.values[0]?.[1]));
    }
    return found;
  }

  async function ofPostgres(
    { definition, panel, prometheus, postgres }: PanelPair,
    subject: Subject,
  ): Promise<Map<string, number>> {
    const dashboard = buildDashboard(definition, 'postgres');
    const factor = subject === 'amount' && prometheus.some(({ expr }) => isPerSecond(expr)) ? whole.stepMs / 1000 : 1;
    const found = new Map<string, number>();
    for (const sql of postgres) {
      const lines = linesOfSql(await askPostgres(site.database, expandSql(dashboard, sql, whole)));
      for (const [name, values] of lines) {
        assert.ok(values.length <= 1, 'more than one step');
        for (const [, value] of values) keep(found, subject, isNamed(panel) ? name : '', value * factor);
      }
    }
    return found;
  }

  /** By what two values of a subject count as the same. */
  async function likenessOf(subject: Subject, expr: string): Promise<(ours: number, theirs: number) => boolean> {
    if (subject !== 'quantile') {
      return (ours, theirs) => Math.abs(ours - theirs) <= toleranceOf(expr);
    }
    const [histogram = ''] = /\w+_bucket/.exec(expr) ?? [];
    const labels = await askLabelValues(site.prometheus, `label_values(${histogram}, le)`);
    const bounds = [0, ...labels.map((le) => Number(le.replace('+Inf', 'Infinity')))].sort((a, b) => a - b);
    return (ours, theirs) => {
      const above = bounds.findIndex((bound) => ours <= bound);
      const [low = 0, high = Infinity] = [bounds[above - 1], bounds[above]];
      // Beyond the last bound Prometheus can say no more than that bound.
      const isLast = bounds[above + 1] === Infinity && ours === high;
      return theirs >= low * (1 - ROLLUP_ERROR) && (isLast || theirs <= high * (1 + ROLLUP_ERROR));
    };
  }
});

/** Of doubles that were added up in another order; of durations each is a whole microsecond in Postgres. */
function toleranceOf(expr: string): number {
  return expr.includes('_sum{') ? 1e-3 : 1e-6;
}

function floorTo(ms: number, unitMs: number): number {
  return Math.floor(ms / unitMs) * unitMs;
}

async function prepare(database: Database): Promise<void> {
  await ensureRoles(database, { rulesPassword: RULES_PASSWORD, hardens: false });
  await database.none(`insert into keepwatch.budgets (name, period, limit_usd) values ('all models', 'month', 100)`);
}

/** What dashboards of objectives show is recorded: here as often as it is scraped. */
function rulesOfEverySecond(): object {
  const rules = readPrometheusRules().flatMap(({ record, expr, labels }) =>
    record === undefined ? [] : [{ record, expr, labels }],
  );
  return { groups: [{ name: 'recorded', interval: '1s', rules }] };
}

/** Whether its lines have names: a panel with one line does not. */
function isNamed({ prometheus = [] }: Panel): boolean {
  return prometheus.some(({ legend }) => legend !== undefined);
}

/** What is no number is nothing; an amount of 0 too: Prometheus has series of what was only declared. */
function keep(found: Map<string, number>, subject: Subject, name: string, value: number): void {
  if (Number.isNaN(value) || (value === 0 && subject === 'amount')) return;
  assert.equal(found.has(name), false, `two lines are called ${name}`);
  found.set(name, value);
}

/** Each label of the legend has a value in some series, and no two series are called the same. */
function assertNamed(series: readonly PromSeries[], legend: string | undefined): void {
  if (legend === undefined || series.length === 0) return;
  for (const [, label = ''] of legend.matchAll(/\{\{ *(\w+) *\}\}/g)) {
    assert.ok(
      series.some(({ metric }) => (metric[label] ?? '') !== ''),
      `no series has the label ${label}`,
    );
  }
  const names = series.map((one) => nameOf(one, legend));
  assert.equal(new Set(names).size, names.length, `lines that are called the same: ${names.join(', ')}`);
}
