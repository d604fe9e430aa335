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

  const CHOSEN = 'job=~"$job", instance=~"$instance"';
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
    [`sum(rate(agent_execution_total{status="failed", ${CHOSEN}}[$__rate_interval]))`]: 'status is never failed',
    [`sum(rate(agent_execution_total{status=~"failure|abort", ${CHOSEN}}[$__rate_interval]))`]: 'status is never abort',
    [`sum(rate(agent_execution_total{status!="canceled", ${CHOSEN}}[$__rate_interval]))`]: 'status is never canceled',
    [`sum(rate(keepwatch_notifications_total{outcome="deads", ${CHOSEN}}[$__rate_interval]))`]: 'outcome is never deads',
    [`sum(rate(keepwatch_alert_evaluations_total{outcome="failed", ${CHOSEN}}[$__rate_interval]))`]: 'outcome is never failed',
    [`sum(rate(keepwatch_events_dropped_total{reason="full", ${CHOSEN}}[$__rate_interval]))`]: 'reason is never full',
    [`max(keepwatch_alerts{state="fires", ${CHOSEN}})`]: 'state is never fires',
    [`sum(rate(llm_tokens_total{direction="in", ${CHOSEN}}[$__rate_interval]))`]: 'direction is never in',
    [`sum(rate(http_server_request_duration_seconds_count{error_type!="client_gone", ${CHOSEN}}[$__rate_interval]))`]:
      'error_type is never client_gone',
    [`sum(rate(http_server_request_duration_seconds_bucket{le="7", ${CHOSEN}}[$__rate_interval]))`]:
      'le="7" is not found by Prometheus 3',
    [`histogram_quantile(0.95, sum by (job) (rate(http_server_request_duration_seconds_bucket{${CHOSEN}}[$__rate_interval])))`]:
      'histogram_quantile without le',
    [`histogram_quantile(0.95, sum(rate(http_server_request_duration_seconds_bucket{${CHOSEN}}[$__rate_interval])))`]:
      'histogram_quantile without le',
    [`rate(http_server_active_requests{${CHOSEN}}[$__rate_interval])`]:
      'rate of http_server_active_requests, which is no counter',
    [`sum(increase(process_resident_memory_bytes{${CHOSEN}}[$__range]))`]:
      'increase of process_resident_memory_bytes, which is no counter',
    [`deriv(llm_requests_total{${CHOSEN}}[$__rate_interval])`]: 'llm_requests_total grows for ever',
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
    [`select name from keepwatch.events where ${RANGE} and type = 'apis' limit 10`]: 'type is never apis',
    [`select name from keepwatch.events where ${RANGE} and status = 'failed' limit 10`]: 'status is never failed',
    [`select name from keepwatch.events where ${RANGE} and status in ('failure', 'cancelled') limit 10`]:
      'status is never cancelled',
    [`select name from keepwatch.events where ${RANGE} and type <> 'unknown' limit 10`]: 'type is never unknown',
    "select rule from keepwatch.alert_instance where state = 'fires' limit 10": 'state is never fires',
    "select receiver from keepwatch.notification_outbox where $__timeFilter(created_at) and status = 'failure' limit 10":
      'status is never failure',
    "select rule from keepwatch.alert_evaluation where $__timeFilter(slot) and outcome = 'failure' limit 10":
      'outcome is never failure',
    'select name from keepwatch.observability_rollup_1h join keepwatch.targets using (service, name) limit 10':
      'asks for all time',
    'select instance from keepwatch.sources where exists (select from keepwatch.observability_logs) limit 10':
      'asks for all time',
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
