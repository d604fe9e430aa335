import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboardFiles } from '../../../grafana/src/dashboards.ts';
import { PACKAGE_FOLDER } from '../../../src/db/sql.ts';
import { targetsOf } from '../../support/grafana.ts';
import { type KnownMetrics, knownMetrics, wrongInPromql } from '../../support/promql.ts';

const FOLDER = join(PACKAGE_FOLDER, 'grafana/dashboards');
/** Panels that a unit cannot say more of. */
const WITHOUT_UNIT: ReadonlySet<string> = new Set(['table', 'row']);

interface AnyPanel {
  readonly id?: number;
  readonly type: string;
  readonly title?: string;
  readonly description?: string;
  readonly datasource?: { readonly uid?: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly gridPos?: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
}

describe('dashboards', () => {
  const files = dashboardFiles();
  const dashboards = files.map(({ path, source, text }) => ({ path, source, dashboard: JSON.parse(text) as Dashboard }));
  let known: KnownMetrics;

  before(async () => {
    known = await knownMetrics([]);
  });

  it('are made alike each time, and are those that are kept (npm run grafana:build)', () => {
    assert.deepEqual(dashboardFiles(), files);
    const kept = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.json'));
    assert.deepEqual(new Set(kept), new Set(files.map(({ path }) => path)));
    for (const { path, text } of files) assert.equal(readFileSync(join(FOLDER, path), 'utf8'), text, path);
  });

  it('have uids and panel ids of their own, and cannot be edited by accident', () => {
    assert.equal(new Set(dashboards.map(({ dashboard }) => dashboard.uid)).size, dashboards.length);
    for (const { path, dashboard } of dashboards) {
      const ids = panelsOf(dashboard).map(({ id }) => id);
      assert.ok(ids.every((id) => id !== undefined && id > 0) && new Set(ids).size === ids.length, path);
      assert.equal(dashboard.editable, false, path);
    }
  });

  it('link to each other, and lead to dashboards that there are', () => {
    const uids = new Set(dashboards.map(({ dashboard }) => dashboard.uid));
    for (const { path, dashboard } of dashboards) {
      const links = (dashboard.links ?? []).map(({ url }) => url ?? '').filter((url) => url.startsWith('/d/'));
      assert.ok(links.length > 0, path);
      for (const link of links) assert.ok(uids.has(link.slice('/d/'.length)), `${path}: ${link}`);
    }
  });

  it('have panels with title, description and unit, that ask the chosen data source and do not overlap', () => {
    for (const { path, dashboard } of dashboards) {
      for (const panel of panelsOf(dashboard).filter(({ type }) => type !== 'row')) {
        const where = `${path}: ${panel.title}`;
        assert.ok((panel.title ?? '') !== '' && (panel.description ?? '').endsWith('.'), where);
        assert.ok(WITHOUT_UNIT.has(panel.type) || (panel.fieldConfig?.defaults.unit ?? '') !== '', where);
        assert.equal(panel.datasource?.uid, '${datasource}', where);
      }
      assert.deepEqual(overlaps(panelsOf(dashboard)), [], path);
      assert.equal(
        targetsOf(dashboard).some(({ refId }) => !/^[A-H]$/.test(refId)),
        false,
        path,
      );
    }
  });

  it('ask Prometheus for metrics and labels that there are, and counters by their rate', () => {
    for (const { path, dashboard } of dashboards.filter(({ source }) => source === 'prometheus')) {
      for (const { panel, expr = '' } of targetsOf(dashboard)) {
        const text = expr.replaceAll('[$__rate_interval]', '[4m]').replaceAll('$__interval', '1m');
        assert.deepEqual(wrongInPromql(text, known), [], `${path}: ${panel}`);
        assert.match(expr, /job=~"\$job".*instance=~"\$instance"/, `${path}: ${panel}`);
        const counters = [...expr.matchAll(/(\w+)(?=\{)/g)].filter(([name]) => /_total$|_bucket$|_sum$|_count$/.test(name));
        for (const { 0: name, index } of counters) {
          assert.match(expr.slice(0, index), /(rate|increase|changes)\($/, `${path}: ${panel}: ${name} grows for ever`);
        }
        assert.doesNotMatch(expr, /rate\([^[]*\[(?!\$__rate_interval\])/, `${path}: ${panel}: rate over another interval`);
      }
    }
  });

  it('ask Postgres for the range that is shown, with quoted variables, and bound their tables', () => {
    for (const { path, dashboard } of dashboards.filter(({ source }) => source === 'postgres')) {
      for (const { panel, kind, rawSql = '' } of targetsOf(dashboard)) {
        const where = `${path}: ${panel}`;
        const isOfNow = /keepwatch\.(sources|alert_instance|budgets)\b/.test(rawSql);
        assert.ok(isOfNow || /\$__timeFilter|from_time => \$__timeFrom\(\), to_time => \$__timeTo\(\)/.test(rawSql), where);
        assert.ok(kind !== 'table' || /\blimit \d+$/.test(rawSql), `${where}: no limit`);
        assert.doesNotMatch(rawSql, /select \*|'\$\{?\w|\$\{\w+:/, where);
        for (const [, name = ''] of rawSql.matchAll(/\$\{(\w+)\}/g)) {
          const variable = dashboard.templating?.list?.find((one) => one.name === name);
          assert.ok(variable?.includeAll === true || variable?.multi === true, `${where}: Grafana does not quote ${name}`);
        }
      }
    }
  });

  function panelsOf({ panels = [] }: Dashboard): AnyPanel[] {
    return panels;
  }
});

function overlaps(panels: readonly AnyPanel[]): string[] {
  const placed = panels.map(({ title = '', gridPos: { x, y, w, h } = { x: 0, y: 0, w: 0, h: 0 } }) => ({ title, x, y, w, h }));
  return placed.flatMap((one, index) =>
    placed
      .slice(index + 1)
      .filter(
        (other) => one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h,
      )
      .map((other) => `${one.title} and ${other.title}`),
  );
}
