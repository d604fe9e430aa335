// A panel as Grafana's JSON.
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import { DashboardLinkBuilder, ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as LinesPanel } from '@grafana/grafana-foundation-sdk/timeseries';
import type { Panel, PromQuestion, Source, Unit } from './panel.ts';
import { PostgresQuery } from './postgres-query.ts';

/** Rollups are minutes: a step that is shorter would read raw rows. */
const POSTGRES_MIN_STEP = '1m';
/** Of a trace, up to its id. */
const TRACE_URL = '/d/keepwatch-trace?var-trace_id=';
const REF_IDS = 'ABCDEFGH';

type AnyPanel = LinesPanel | StatPanel | TablePanel;

/** @param dataSource the uid, or the variable that holds it. @returns undefined when the panel asks the source nothing */
export function buildPanel(panel: Panel, source: Source, dataSource: string): AnyPanel | undefined {
  const queries = queriesOf(panel, source);
  if (queries.length === 0) return undefined;
  const built = shape(panel);
  built
    .title(panel.title)
    .description(panel.description)
    .datasource({ type: TYPES[source], uid: dataSource })
    .unit(panel.unit)
    .span(panel.width ?? 12)
    .height(panel.height ?? (panel.kind === 'stat' ? 4 : 8))
    .thresholds(thresholdsOf(panel));
  if (source === 'postgres') built.interval(POSTGRES_MIN_STEP);
  if (panel.decimals !== undefined) built.decimals(panel.decimals);
  if (panel.min !== undefined) built.min(panel.min);
  if (panel.max !== undefined) built.max(panel.max);
  for (const [column, unit] of Object.entries(panel.columnUnits ?? {})) overrideUnit(built, column, unit);
  if (panel.traceColumn !== undefined) linkTraces(built, panel.traceColumn);
  for (const query of queries) built.withTarget(query);
  return built;
}

/** Types of the data sources, as Grafana knows them. */
export const TYPES: Readonly<Record<Source, string>> = { prometheus: 'prometheus', postgres: 'grafana-postgresql-datasource' };

function queriesOf(panel: Panel, source: Source): Builder<Dataquery>[] {
  if (source === 'prometheus') return (panel.prometheus ?? []).map((question, index) => promQuery(question, panel, refId(index)));
  const format = panel.kind === 'table' ? 'table' : 'time_series';
  return (panel.postgres ?? []).map((sql, index) => new PostgresQuery(sql, format, refId(index)));
}

function refId(index: number): string {
  return REF_IDS.charAt(index);
}

function promQuery({ expr, legend, isInstant, hasExemplars }: PromQuestion, { kind }: Panel, id: string): DataqueryBuilder {
  const query = new DataqueryBuilder().refId(id).expr(expr);
  if (legend !== undefined) query.legendFormat(legend);
  if (hasExemplars === true) query.exemplar(true);
  if (kind === 'table') query.instant().format('table' as never);
  else if (isInstant === true) query.instant();
  else query.range();
  return query;
}

function shape({ kind, isStacked, showsThresholds }: Panel): AnyPanel {
  if (kind === 'stat') {
    return new StatPanel()
      .graphMode(common.BigValueGraphMode.Area)
      .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']));
  }
  if (kind === 'table') return new TablePanel().showHeader(true);
  const lines = new LinesPanel()
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending))
    .lineWidth(1)
    .showPoints(common.VisibilityMode.Auto)
    .fillOpacity(isStacked === true || kind === 'bars' ? 60 : 8);
  if (showsThresholds === true)
    lines.thresholdsStyle(new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed));
  if (kind === 'bars') lines.drawStyle(common.GraphDrawStyle.Bars);
  if (isStacked === true) lines.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal));
  return lines;
}

function thresholdsOf({ thresholds = [], lowest = 'green' }: Panel): ThresholdsConfigBuilder {
  const steps = [{ value: null, color: lowest }, ...thresholds.map(({ from, color }) => ({ value: from, color }))];
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}

function overrideUnit(built: AnyPanel, column: string, unit: Unit): void {
  built.overrideByName(column, [{ id: 'unit', value: unit }]);
}

/** By Grafana itself, whose login is all that a browser has. Grafana puts the path that it is served below before it. */
function linkTraces(built: AnyPanel, column: string): void {
  const link = new DashboardLinkBuilder('Open trace')
    .url(`${TRACE_URL}\${__value.raw}&var-postgres=\${postgres}`)
    .targetBlank(true);
  built.overrideByName(column, [{ id: 'links', value: [link.build()] }]);
}
