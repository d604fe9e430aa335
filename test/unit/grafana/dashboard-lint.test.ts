import assert from 'node:assert/strict';
import { type LintedPanel, wrongInDashboard, wrongInExpr, wrongInSql } from '../../support/dashboard-lint.ts';
import { keptDashboards } from '../../support/grafana.ts';
import { type KnownMetrics, knownMetrics, readPrometheusRules } from '../../support/promql.ts';

type Change = (parts: {
  panel: Record<string, unknown>;
  dashboard: Record<string, unknown>;
  variables: Record<string, unknown>[];
}) => unknown;

describe('the linter of dashboards', () => {
  let known: KnownMetrics;

  before(async () => {
    known = await knownMetrics(readPrometheusRules());
  });

  const exprs: Readonly<Record<string, string>> = {
    'sum(llm_requests_total{job=~"$job", instance=~"$instance"})': 'llm_requests_total grows for ever',
    'sum(rate(llm_requests_total{job=~"$job", instance=~"$instance"}[5m]))': 'rate over [5m]',
    'sum(increase(llm_requests_total{job=~"$job", instance=~"$instance"}[7d]))': 'increase over [7d]',
    'sum(rate(llm_requests_total{job=~"$job"}[$__rate_interval]))': 'llm_requests_total is of all instances',
    'sum(rate(llm_requests_total{instance=~"$instance"}[$__rate_interval]))': 'llm_requests_total is of all jobs',
    'sum(rate(llm_request_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))': 'there is no metric llm_request_total',
    'sum by (agent) (rate(llm_requests_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))':
      'agent is no label of llm_requests_total',
    'sum(up{job=~"$job", instance=~"$instance"}': 'is not PromQL at character 43',
    'slo:burn_rate:1h > 1': 'slo:burn_rate:1h is of all jobs',
  };
  for (const [expr, problem] of Object.entries(exprs)) {
    it(`finds: ${problem}`, () => {
      assert.ok(wrongInExpr(expr, known).includes(problem), wrongInExpr(expr, known).join('; '));
    });
  }

  const RANGE = '$__timeFilter(end_time)';
  const sqls: Readonly<Record<string, string>> = {
    "select name from keepwatch.observability_rollup_1h where type = 'api' limit 10": 'asks for all time',
    "select name from keepwatch.events where $__timeFilter(start_time) and type = 'api' limit 10": 'reads all raw rows',
    [`select name from keepwatch.events where ${RANGE}`]: 'no limit',
    [`select * from keepwatch.events where ${RANGE} limit 10`]: 'selects all columns',
    [`select name from keepwatch.events where ${RANGE} and service = '\${service}' limit 10`]: 'a variable within quotes',
    [`select name from keepwatch.events where ${RANGE} and service = \${service:sqlstring} limit 10`]:
      'a variable with a format of its own',
    [`select name from keepwatch.events where ${RANGE} and service = $service limit 10`]: 'a variable with a format of its own',
    [`select metadata ->> 'tenant' as tenant from keepwatch.events where ${RANGE} limit 10`]:
      'there is no label or member tenant',
    [`select name from keepwatch.events where ${RANGE} and type = 'apis' limit 10`]: 'there is no type apis',
    "select value from keepwatch.timeseries('api', group_by => 'route', from_time => $__timeFrom(), to_time => $__timeTo()) limit 9":
      'there is no label or member route',
  };
  for (const [sql, problem] of Object.entries(sqls)) {
    it(`finds: ${problem} in ${sql.slice(0, 40)}`, () => {
      assert.deepEqual(wrongInSql(sql, 'table'), [problem]);
    });
  }

  const changes: Readonly<Record<string, Change>> = {
    'no title': ({ panel }) => delete panel['title'],
    'no description': ({ panel }) => delete panel['description'],
    'no unit': ({ panel }) => delete panel['fieldConfig'],
    'asks nothing': ({ panel }) => Object.assign(panel, { targets: [] }),
    'asks no chosen data source': ({ panel }) =>
      Object.assign(panel, { datasource: { type: 'grafana-postgresql-datasource', uid: 'mine' } }),
    'its question is called Q1': ({ panel }) => Object.assign((panel['targets'] as object[])[0] ?? {}, { refId: 'Q1' }),
    'there is no variable service': ({ variables }) =>
      variables.splice(
        variables.findIndex(({ name }) => name === 'service'),
        1,
      ),
    'Grafana does not quote service': ({ variables }) =>
      Object.assign(variables.find(({ name }) => name === 'service') ?? {}, { includeAll: false, multi: false }),
    'has no value for All': ({ variables }) => delete variables.find(({ name }) => name === 'service')?.['allValue'],
    'is not asked again when the range changes': ({ variables }) =>
      Object.assign(variables.find(({ name }) => name === 'service') ?? {}, { refresh: 1 }),
    'ids of panels are not unique': ({ panel }) => Object.assign(panel, { id: 1 }),
    'titles of panels are not unique': ({ panel }) => Object.assign(panel, { title: 'Errors' }),
    overlap: ({ panel }) => Object.assign(panel['gridPos'] as object, { w: 24 }),
    'can be edited by accident': ({ dashboard }) => Object.assign(dashboard, { editable: true }),
    'has no uid that Grafana takes': ({ dashboard }) => Object.assign(dashboard, { uid: 'x'.repeat(41) }),
    'annotation Alerts: no limit': ({ dashboard }) =>
      (dashboard['annotations'] as { list: { target: { rawSql: string } }[] }).list.map(({ target }) =>
        Object.assign(target, { rawSql: target.rawSql.replace(/\nlimit \d+$/, '') }),
      ),
  };
  for (const [problem, change] of Object.entries(changes)) {
    it(`finds: ${problem}`, () => {
      const kept = keptDashboards().find(({ path }) => path === 'postgres/system-overview.json');
      assert.ok(kept !== undefined);
      assert.deepEqual(wrongInDashboard(kept.dashboard, known), []);
      const dashboard = structuredClone(kept.dashboard);
      const panel = (dashboard.panels as LintedPanel[]).find(({ type }) => type === 'stat');
      const parts = { panel, dashboard, variables: dashboard.templating.list };
      change(parts as unknown as Parameters<Change>[0]);
      const problems = wrongInDashboard(dashboard, known);
      assert.ok(
        problems.some((found) => found.endsWith(problem)),
        problems.join('; '),
      );
    });
  }

  it('finds: has targets of others for All', () => {
    const kept = keptDashboards().find(({ path }) => path === 'prometheus/system-overview.json');
    assert.ok(kept !== undefined);
    const dashboard = structuredClone(kept.dashboard);
    const instance = dashboard.templating.list?.find(({ name }) => name === 'instance');
    Object.assign(instance ?? {}, { allValue: '.+' });
    assert.deepEqual(wrongInDashboard(dashboard, known), ['$instance: has targets of others for All']);
  });
});
