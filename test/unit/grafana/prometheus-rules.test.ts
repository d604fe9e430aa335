import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { PACKAGE_FOLDER } from '../../../src/db/sql.ts';
import {
  type KnownMetrics,
  knownMetrics,
  PROMETHEUS_FOLDER,
  type PrometheusRule,
  readPrometheusRules,
  wrongInPromql,
} from '../../support/promql.ts';

const RENAMES = 50;

describe('rules for Prometheus', () => {
  const rules = readPrometheusRules();
  const alerts = rules.filter((rule): rule is PrometheusRule & { alert: string } => rule.alert !== undefined);
  let known: KnownMetrics;

  before(async () => {
    known = await knownMetrics(rules);
  });

  it('name metrics and labels that there are', () => {
    const problems = rules.flatMap(({ file, record, alert, expr }) =>
      wrongInPromql(String(expr), known).map((problem) => `${file}: ${record ?? alert}: ${problem}`),
    );
    assert.deepEqual(problems, []);
  });

  it('may name no bound of a histogram as one version of Prometheus alone stores it', () => {
    const bucketsTo = (matcher: string) => wrongInPromql(`http_server_request_duration_seconds_bucket{${matcher}}`, known);
    assert.deepEqual(bucketsTo('le="1"'), ['le="1" is not found by Prometheus 3']);
    assert.deepEqual(bucketsTo('le != "10"'), ['le != "10" is not found by Prometheus 3']);
    assert.deepEqual(bucketsTo(String.raw`le=~"1|1\\.0", http_route="1"`), []);
    assert.deepEqual(bucketsTo('le="0.5"'), []);
  });

  it('would be found out if any metric or label were renamed', () => {
    const exported = [...known].filter(([name]) => !name.includes(':'));
    const used = exported.filter(([name]) => rules.some(({ expr }) => new RegExp(`\\b${name}\\b`).test(String(expr))));
    const places = used.flatMap(([name, labels]) => [
      { name, label: undefined },
      ...[...labels].filter((label) => isUsed(name, label)).map((label) => ({ name, label })),
    ]);
    assert.ok(places.length >= 25, `only ${places.length} names are used`);
    for (let count = 0; count < RENAMES; count++) {
      const { name, label } = places[(count * 7) % places.length] as (typeof places)[number];
      const labels = known.get(name) as ReadonlySet<string>;
      const renamed = new Map(known);
      if (label === undefined) renamed.delete(name);
      else renamed.set(name, new Set([...labels].filter((one) => one !== label)));
      const found = rules.flatMap(({ expr }) => wrongInPromql(String(expr), renamed));
      assert.notDeepEqual(found, [], `nobody saw that ${label ?? 'the metric'} of ${name} is gone`);
    }
  });

  it('each have a severity, a summary and a runbook, and there is no other runbook', () => {
    for (const { alert, labels, annotations } of alerts) {
      const path = annotations?.['runbook_url'] ?? '';
      assert.ok(labels?.['severity'] !== undefined && annotations?.['summary'] !== undefined, alert);
      assert.ok(existsSync(join(PACKAGE_FOLDER, path)), `${alert}: ${path}`);
    }
    const named = new Set(alerts.map(({ annotations }) => annotations?.['runbook_url']?.split('/').at(-1)));
    const pages = readdirSync(join(PACKAGE_FOLDER, 'docs/runbooks/prometheus'));
    assert.deepEqual(new Set(pages), named);
    for (const page of pages) {
      const text = readFileSync(join(PACKAGE_FOLDER, 'docs/runbooks/prometheus', page), 'utf8');
      const headings = [...text.matchAll(/^#+ .*$/gm)].map(([heading]) => heading);
      assert.deepEqual(headings, [`# ${page.replace('.md', '')}`, '## What it means', '## What to look at', '## What to do']);
    }
  });

  it('have runbooks whose PromQL names what there is', () => {
    const folder = join(PACKAGE_FOLDER, 'docs/runbooks/prometheus');
    const problems = readdirSync(folder).flatMap((page) => {
      const text = readFileSync(join(folder, page), 'utf8');
      const queries = [...text.matchAll(/```promql\n([\s\S]*?)```/g)].flatMap(([, lines = '']) => lines.trim().split('\n'));
      return queries.flatMap((query) => wrongInPromql(query, known).map((problem) => `${page}: ${query}: ${problem}`));
    });
    assert.deepEqual(problems, []);
  });

  it('each are tested where they fire, and where they do not', () => {
    const folder = join(PROMETHEUS_FOLDER, 'tests');
    const cases = readdirSync(folder).flatMap((file) => {
      const { tests } = parse(readFileSync(join(folder, file), 'utf8')) as { tests: { alert_rule_test?: AlertTest[] }[] };
      return tests.flatMap((test) => test.alert_rule_test ?? []);
    });
    for (const { alert } of alerts) {
      const own = cases.filter(({ alertname }) => alertname === alert);
      assert.ok(
        own.some(({ exp_alerts }) => exp_alerts.length > 0),
        `${alert} fires in no test`,
      );
      assert.ok(
        own.some(({ exp_alerts }) => exp_alerts.length === 0),
        `${alert} is silent in no test`,
      );
    }
  });

  it('can all fire: nothing burns a budget faster than 1 / (1 - objective)', () => {
    const objectives = rules.filter(({ record }) => record === 'slo:objective:ratio').map(({ expr }) => argumentOf(String(expr)));
    const factors = alerts
      .flatMap(({ expr }) => [...String(expr).matchAll(/slo:burn_rate:\w+ > ([\d.]+)/g)])
      .map(([, n]) => Number(n));
    assert.ok(objectives.length >= 2 && factors.length >= 8);
    for (const objective of objectives) {
      assert.ok(objective > 0 && objective < 1);
      for (const factor of factors) assert.ok(factor * (1 - objective) < 1, `${factor} of ${objective}`);
    }
  });

  it('count errors by the interval that they are recorded at, which promtool does not look at', () => {
    const { groups } = parse(readFileSync(join(PROMETHEUS_FOLDER, 'rules/slo.yml'), 'utf8')) as {
      groups: { interval: string; rules: PrometheusRule[] }[];
    };
    const recording = groups.find(({ rules: own }) => own.some(({ record }) => record === 'slo:errors:rate5m'));
    const counting = rules.filter(({ record }) => record?.startsWith('slo:errors:increase'));
    assert.equal(counting.length, 6);
    for (const { expr } of counting) assert.equal(`${/ \* (\d+)$/.exec(String(expr))?.[1]}s`, recording?.interval, String(expr));
  });

  function isUsed(name: string, label: string): boolean {
    const without = new Map(known);
    without.set(name, new Set([...(known.get(name) ?? [])].filter((one) => one !== label)));
    return rules.some(({ expr }) => String(expr).includes(name) && wrongInPromql(String(expr), without).length > 0);
  }
});

interface AlertTest {
  readonly alertname: string;
  readonly exp_alerts: readonly unknown[];
}

function argumentOf(vector: string): number {
  return Number(/^vector\((.*)\)$/.exec(vector)?.[1]);
}
