// Dashboards over a Prometheus that scrapes more than Keepwatch, as most do, and over processes that come and go: a real one, whose past is made up.
import assert from 'node:assert/strict';
import { expandPromql, keptDashboards, otherTargetsOf, type Shown, targetsOf } from '../../support/grafana.ts';
import { askAllValues, askRange, marksOf } from '../../support/grafana-answers.ts';
import { type PrometheusServer, startPrometheusOf } from '../../support/prometheus.ts';
import { needTool } from '../../support/tools.ts';

const SCRAPE_MS = 15_000;
const MINUTE_MS = 60_000;
const NOW = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;

/** Of three hours that end now, in minutes before it. */
interface Process {
  readonly job: string;
  readonly instance: string;
  /** When it began, once or anew. */
  readonly began: readonly number[];
  readonly until: number;
  readonly isForeign?: boolean;
}

const PROCESSES: readonly Process[] = [
  { job: 'shop', instance: 'a:1', began: [179.9], until: 90 },
  { job: 'shop', instance: 'b:1', began: [89.97], until: 0 },
  // Anew in place, between two steps of a page that shows three hours.
  { job: 'shop', instance: 'c:1', began: [150.4, 60.3], until: 0 },
  // Shorter than any step.
  { job: 'mail', instance: 'd:1', began: [44.9], until: 44.2 },
  { job: 'node', instance: 'n:9100', began: [120], until: 0, isForeign: true },
  { job: 'node', instance: 'm:9100', began: [30], until: 0, isForeign: true },
  // Beside the app, under the same job.
  { job: 'shop', instance: 'x:9113', began: [100], until: 0, isForeign: true },
];
const FOREIGN = new Set(PROCESSES.filter(({ isForeign }) => isForeign).map(({ instance }) => instance));
const at = (minutes: number) => Math.round(NOW - minutes * MINUTE_MS);

describe('dashboards of a Prometheus that knows other targets', () => {
  let prometheus: PrometheusServer;
  const shown: Shown = { from: new Date(at(180)), to: new Date(NOW), stepMs: MINUTE_MS };

  before(async function () {
    this.timeout(60_000);
    const [binary, promtool] = [needTool(this, 'prometheus'), needTool(this, 'promtool')];
    prometheus = await startPrometheusOf(binary, promtool, pastOf(PROCESSES));
  });
  after(() => prometheus?.stop());

  it('are of the processes of Keepwatch alone, with All', async function () {
    this.timeout(60_000);
    let asked = 0;
    for (const { path, dashboard } of keptDashboards()) {
      const variables = await askAllValues(prometheus, dashboard, shown);
      if (variables['job'] === undefined) continue;
      assert.deepEqual(variables, { job: ['mail', 'shop'], instance: ['a:1', 'b:1', 'c:1', 'd:1'] }, path);
      for (const { panel, expr = '' } of targetsOf(dashboard).filter((target) => target.expr !== undefined)) {
        const series = await ask(dashboard, expr, shown);
        const foreign = series.flatMap(({ metric }) => metric['instance'] ?? []).filter((instance) => FOREIGN.has(instance));
        assert.deepEqual(foreign, [], `${path}: ${panel}`);
        if (panel === 'Processes') assert.equal(series[0]?.values.at(-1)?.[1], '2', path);
        asked += 1;
      }
    }
    assert.ok(asked > 80, String(asked));
  });

  it('say 0 of what did not happen, and nothing of what there is not', async () => {
    const kept = keptDashboards().find(({ path }) => path === 'roles/operations.json');
    assert.ok(kept !== undefined);
    const numbers = async (panel: string) => {
      const target = targetsOf(kept.dashboard).find((one) => one.panel === panel && one.expr !== undefined);
      const series = await ask(kept.dashboard, target?.expr ?? '', shown);
      return series.map(({ values }) => Number(values.at(-1)?.[1]));
    };
    assert.deepEqual(await numbers('Events dropped'), [0]);
    // These processes have no receivers.
    assert.deepEqual(await numbers('Messages given up'), []);
  });

  for (const minutes of [180, 100, 10]) {
    it(`mark every start within ${minutes} minutes, of a process with another instance too, and no other`, async () => {
      const range = { ...shown, from: new Date(at(minutes)) };
      const expected = PROCESSES.filter(({ isForeign }) => isForeign !== true)
        .flatMap(({ job, instance, began }) => began.map((moment) => ({ title: `${job} ${instance} began`, atMs: at(moment) })))
        .filter(({ atMs }) => atMs >= range.from.getTime());
      const marks = (await marked('Starts', range)).map(({ title, atMs }) => ({ title, atMs }));
      assert.deepEqual(inOrder(marks), inOrder(expected));
    });
  }

  it('mark what fires of the rules of Prometheus, from its begin to its end, of its own jobs', async () => {
    assert.deepEqual(await marked('Alerts of Prometheus', shown), [
      { title: 'TargetDown fires (shop)', atMs: at(89), endMs: at(80) },
      { title: 'TargetDown fires (shop)', atMs: at(40), endMs: at(35) },
    ]);
  });

  async function ask(dashboard: Parameters<typeof askAllValues>[1], expr: string, range: Shown) {
    const variables = await askAllValues(prometheus, dashboard, range);
    const text = expandPromql(dashboard, expr, { ...range, variables }, SCRAPE_MS);
    return askRange(prometheus, text, { from: range.from, to: range.to, stepSeconds: range.stepMs / 1000 });
  }

  async function marked(name: string, range: Shown) {
    const kept = keptDashboards().find(({ path }) => path === 'prometheus/system-overview.json');
    const target = kept && otherTargetsOf(kept.dashboard).find(({ panel }) => panel === `annotation ${name}`);
    assert.ok(kept !== undefined && target?.expr !== undefined);
    return marksOf(await ask(kept.dashboard, target.expr, range), target, range.stepMs);
  }
});

function inOrder<T extends { readonly title: string; readonly atMs: number }>(marks: readonly T[]): T[] {
  return [...marks].sort((one, other) => one.atMs - other.atMs || (one.title < other.title ? -1 : 1));
}

/** Samples of a Prometheus, as OpenMetrics, family by family. */
function pastOf(processes: readonly Process[]): string {
  const families = new Map<string, string[]>();
  const add = (family: string, labels: string, value: number, atMs: number) => {
    const lines = families.get(family) ?? [];
    families.set(family, lines);
    lines.push(`${family}{${labels}} ${value} ${atMs / 1000}`);
  };
  for (const { job, instance, began, until, isForeign } of processes) {
    const labels = `job="${job}",instance="${instance}"`;
    const first = Math.ceil(at(began[0] ?? 0) / SCRAPE_MS) * SCRAPE_MS;
    for (let atMs = first; atMs <= at(until); atMs += SCRAPE_MS) {
      const start = began.map(at).findLast((moment) => moment <= atMs) ?? 0;
      add('up', labels, 1, atMs);
      add('process_start_time_seconds', labels, start / 1000, atMs);
      add('process_cpu_seconds_total', labels, (atMs - start) / 1e6, atMs);
      add('process_resident_memory_bytes', labels, 1e8, atMs);
      add('process_open_fds', labels, 20, atMs);
      add('process_max_fds', labels, 1024, atMs);
      if (isForeign !== true) add('keepwatch_events_recorded_total', labels, (atMs - start) / 1000, atMs);
    }
  }
  const fire = (labels: string, from: number, to: number) => {
    // It ends by a mark of its own.
    for (let atMs = at(from); atMs <= at(to); atMs += SCRAPE_MS) add('ALERTS', labels, 1, atMs);
    add('ALERTS', labels, Number.NaN, at(to) + SCRAPE_MS);
  };
  fire('alertname="TargetDown",alertstate="firing",job="shop",instance="a:1",severity="page"', 89, 80);
  fire('alertname="TargetDown",alertstate="firing",job="shop",instance="x:9113",severity="page"', 40, 35);
  fire('alertname="TargetDown",alertstate="pending",job="shop",instance="b:1",severity="page"', 60, 55);
  fire('alertname="NodeDown",alertstate="firing",job="node",instance="n:9100",severity="page"', 70, 20);
  return `${[...families.values()].flat().join('\n')}\n# EOF\n`;
}
