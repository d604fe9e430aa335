import assert from 'node:assert/strict';
import { wrongInModels } from '../../support/dashboard-model.ts';
import { keptDashboards } from '../../support/grafana.ts';

type Json = Record<string, unknown>;

describe('dashboards as JSON, for the types that Grafana publishes', () => {
  const kept = keptDashboards();
  /** Mistakes that Grafana would show an empty panel for, or nothing at all. */
  const mistakes: Readonly<Record<string, (dashboard: Json) => unknown>> = {
    'a property that there is not': (dashboard) => Object.assign(dashboard, { elements: {} }),
    'no version of the schema': (dashboard) => delete dashboard['schemaVersion'],
    'a kind of variable that there is not': (dashboard) => Object.assign(variables(dashboard)[0] ?? {}, { type: 'queries' }),
    'a variable that is asked again at 3': (dashboard) => Object.assign(variables(dashboard)[1] ?? {}, { refresh: 3 }),
    'a kind of panel that is not used here': (dashboard) => Object.assign(panel(dashboard, 'stat'), { type: 'singlestat' }),
    'an option of lines that there is not': (dashboard) =>
      Object.assign(panel(dashboard, 'timeseries')['options'] as Json, { legends: {} }),
    'a way to draw that there is not': (dashboard) =>
      Object.assign((((panel(dashboard, 'timeseries')['fieldConfig'] as Json)['defaults'] as Json)['custom'] ?? {}) as Json, {
        drawStyle: 'line+bars',
      }),
    'a threshold that is text': (dashboard) =>
      Object.assign((panel(dashboard, 'stat')['fieldConfig'] as Json)['defaults'] as Json, {
        thresholds: { mode: 'absolute', steps: [{ value: '1', color: 'red' }] },
      }),
    'a query without SQL or PromQL': (dashboard) => Object.assign(panel(dashboard, 'stat'), { targets: [{ refId: 'A' }] }),
    'a query in another format': (dashboard) =>
      Object.assign((panel(dashboard, 'stat')['targets'] as Json[])[0] ?? {}, { format: 'logs' }),
    'a place without width': (dashboard) => delete (panel(dashboard, 'stat')['gridPos'] as Json)['w'],
    'a link that leads to a kind that there is not': (dashboard) =>
      Object.assign((dashboard['links'] as Json[])[0] ?? {}, { type: 'panel' }),
  };

  it('are what they say, and mistakes are not', function () {
    this.timeout(60_000);
    const text = JSON.stringify(kept.find(({ path }) => path === 'postgres/system-overview.json')?.dashboard);
    const wrong = Object.values(mistakes).map((make) => {
      const dashboard = JSON.parse(text) as Json;
      make(dashboard);
      return JSON.stringify(dashboard);
    });
    const problems = wrongInModels([...kept.map(({ dashboard }) => JSON.stringify(dashboard, undefined, 1)), ...wrong]);
    for (const [index, { path }] of kept.entries()) assert.deepEqual(problems[index], [], path);
    for (const [index, what] of Object.keys(mistakes).entries()) assert.notDeepEqual(problems[kept.length + index], [], what);
  });
});

function variables(dashboard: Json): Json[] {
  return (dashboard['templating'] as { list: Json[] }).list;
}

function panel(dashboard: Json, kind: string): Json {
  return (dashboard['panels'] as Json[]).find(({ type }) => type === kind) ?? {};
}
