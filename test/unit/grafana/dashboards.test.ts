import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboardFiles } from '../../../grafana/src/dashboards.ts';
import { PACKAGE_FOLDER } from '../../../src/db/sql.ts';
import { wrongInDashboard } from '../../support/dashboard-lint.ts';
import { type KnownMetrics, knownMetrics, readPrometheusRules } from '../../support/promql.ts';

interface LinkedPanel {
  readonly title?: string;
  readonly targets?: readonly { readonly rawSql?: string }[];
  readonly fieldConfig?: {
    readonly overrides?: readonly {
      readonly matcher: { readonly options?: unknown };
      readonly properties: readonly { readonly id: string; readonly value?: unknown }[];
    }[];
  };
}

const FOLDER = join(PACKAGE_FOLDER, 'grafana/dashboards');

describe('dashboards', () => {
  const files = dashboardFiles();
  const dashboards = files.map(({ path, home, text }) => ({ path, home, dashboard: JSON.parse(text) as Dashboard }));
  let known: KnownMetrics;

  before(async () => {
    known = await knownMetrics(readPrometheusRules());
  });

  it('are made alike each time, and are those that are kept (npm run grafana:build)', () => {
    assert.deepEqual(dashboardFiles(), files);
    const kept = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.json'));
    assert.deepEqual(new Set(kept), new Set(files.map(({ path }) => path)));
    for (const { path, text } of files) assert.equal(readFileSync(join(FOLDER, path), 'utf8'), text, path);
  });

  it('are four subjects from each data source, four roles, and a trace, each with a uid of its own', () => {
    const uids = dashboards.map(({ dashboard }) => dashboard.uid);
    assert.equal(new Set(uids).size, 13);
    assert.equal(files.filter((file) => file.home === 'details').length, 1);
    for (const home of ['prometheus', 'postgres', 'roles']) assert.equal(files.filter((file) => file.home === home).length, 4);
  });

  it('link to their twin, and list all others', () => {
    const uids = new Set(dashboards.map(({ dashboard }) => dashboard.uid));
    for (const { path, home, dashboard } of dashboards) {
      const { links = [], tags = [] } = dashboard;
      const linked = links.flatMap(({ type, url = '' }) => (type === 'link' ? [url] : []));
      const twins = linked.filter((url) => url !== '/d/keepwatch-trace');
      assert.equal(twins.length, home === 'roles' || home === 'details' ? 0 : 1, path);
      assert.equal(linked.length - twins.length, home === 'details' ? 0 : 1, path);
      for (const twin of twins)
        assert.ok(uids.has(twin.slice('/d/'.length)) && !twin.endsWith(dashboard.uid ?? ''), `${path}: ${twin}`);
      const lists = links.filter(({ type }) => type === 'dashboards');
      const listed = (other: Dashboard) => lists.some((list) => list.tags.every((tag) => other.tags?.includes(tag)));
      assert.ok(
        dashboards.every((other) => other.home === 'details' || listed(other.dashboard)),
        path,
      );
      assert.deepEqual(tags, ['keepwatch', home], path);
    }
  });

  it('mark when processes began and when alerts fired', () => {
    for (const { path, home, dashboard } of dashboards.filter((one) => one.home !== 'details')) {
      assert.deepEqual(
        dashboard.annotations.list?.map(({ name }) => name),
        ['Starts', 'Alerts', ...(home === 'postgres' ? [] : ['Alerts of Prometheus'])],
        path,
      );
    }
    // Those of Prometheus are marked by job.
    for (const { alert, expr } of readPrometheusRules().filter((rule) => rule.alert !== undefined)) {
      assert.doesNotMatch(String(expr), /\b(sum|max|min|avg|count|group|absent|absent_over_time)\(/, `${alert} has no job`);
      for (const [, by = ''] of String(expr).matchAll(/\bby \(([^)]*)\)/g)) assert.ok(by.split(', ').includes('job'), alert);
    }
  });

  it('call each data source alike, so that a link from one to another carries along which is chosen, and no wrong one', () => {
    for (const { path, dashboard } of dashboards) {
      const chosen = dashboard.templating.list?.filter(({ type }) => type === 'datasource') ?? [];
      for (const { name, query } of chosen)
        assert.equal(query, { prometheus: 'prometheus', postgres: 'grafana-postgresql-datasource' }[name], `${path}: ${name}`);
    }
  });

  it('lead from every trace id of a table to the dashboard of traces, by its own variables', () => {
    const trace = dashboards.find(({ home }) => home === 'details')?.dashboard;
    const variables = trace?.templating.list?.map(({ name }) => name) ?? [];
    let found = 0;
    for (const { path, dashboard } of dashboards) {
      for (const { title, targets, fieldConfig } of (dashboard.panels ?? []) as readonly LinkedPanel[]) {
        const links = (fieldConfig?.overrides ?? []).flatMap(({ matcher, properties }) =>
          properties
            .filter(({ id }) => id === 'links')
            .map(({ value }) => ({ column: matcher.options, links: value as { url: string }[] })),
        );
        const hasTrace = targets?.some(({ rawSql = '' }) => /\btrace_id\b(?! =)/.test(rawSql.split('\nfrom ')[0] ?? '')) === true;
        assert.equal(links.length, hasTrace ? 1 : 0, `${path}: ${title}`);
        for (const link of links) {
          assert.equal(link.column, 'trace_id');
          const [url = new URL('/', 'http://grafana')] = link.links.map((one) => new URL(one.url, 'http://grafana'));
          assert.equal(url.pathname, `/d/${trace?.uid}`, path);
          assert.equal(url.searchParams.get('var-trace_id'), '${__value.raw}');
          for (const name of url.searchParams.keys()) assert.ok(variables.includes(name.slice('var-'.length)), name);
          found += 1;
        }
      }
    }
    assert.ok(found >= 6, String(found));
  });

  it('have nothing that the linter refuses', () => {
    for (const { path, dashboard } of dashboards) assert.deepEqual(wrongInDashboard(dashboard, known), [], path);
  });
});
