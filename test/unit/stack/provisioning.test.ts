// grafana/provisioning against what Grafana reads (its types, and the fields that its documentation lists), against the dashboards and the stack.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rule } from '@grafana/grafana-foundation-sdk/alerting';
import type { TypeThreshold } from '@grafana/grafana-foundation-sdk/expr';
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus';
import { parse } from 'yaml';
import { PACKAGE_FOLDER } from '../../../src/db/sql.ts';

const FOLDER = join(PACKAGE_FOLDER, 'grafana/provisioning');
const read = (path: string): unknown => parse(readFileSync(join(FOLDER, path), 'utf8'));

interface DataSource {
  readonly name: string;
  readonly uid: string;
  readonly type: string;
  readonly user?: string;
  readonly isDefault?: boolean;
  readonly editable?: boolean;
  readonly jsonData: Readonly<Record<string, unknown>>;
  readonly secureJsonData?: Readonly<Record<string, string>>;
}
interface Provider {
  readonly folder: string;
  readonly folderUid: string;
  readonly options: { readonly path: string };
}
interface Dashboard {
  readonly uid: string;
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string; readonly query?: unknown }[] };
}

/** What Grafana reads of a data source, and of the kinds that we have; a key that it does not know it ignores in silence. */
const SOURCE_KEYS = ['name', 'uid', 'type', 'access', 'url', 'user', 'isDefault', 'editable', 'jsonData', 'secureJsonData'];
const JSON_DATA_KEYS: Readonly<Record<string, readonly string[]>> = {
  prometheus: ['httpMethod', 'prometheusType', 'timeInterval', 'manageAlerts', 'exemplarTraceIdDestinations'],
  'grafana-postgresql-datasource': [
    ...['database', 'sslmode', 'postgresVersion', 'maxOpenConns', 'maxIdleConns', 'connMaxLifetime', 'timeInterval'],
  ],
};
const PROVIDER_KEYS = [
  'name',
  'folder',
  'folderUid',
  'type',
  'disableDeletion',
  'allowUiUpdates',
  'updateIntervalSeconds',
  'options',
];

describe('grafana/provisioning', () => {
  const { datasources } = read('datasources/keepwatch.yml') as { datasources: DataSource[] };
  const { providers } = read('dashboards/keepwatch.yml') as { providers: Provider[] };
  const dashboards = readdirSync(join(PACKAGE_FOLDER, 'grafana/dashboards'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .map((file) => ({ file, text: readFileSync(join(PACKAGE_FOLDER, 'grafana/dashboards', file), 'utf8') }));

  it('is in the folders and the version that Grafana reads', () => {
    assert.deepEqual(readdirSync(FOLDER).sort(), ['alerting', 'dashboards', 'datasources']);
    for (const folder of readdirSync(FOLDER)) {
      for (const file of readdirSync(join(FOLDER, folder))) {
        assert.match(file, /\.yml$/);
        assert.equal((read(join(folder, file)) as { apiVersion: number }).apiVersion, 1, file);
      }
    }
  });

  it('has data sources with keys that Grafana knows, one of them the default', () => {
    for (const { jsonData, ...source } of datasources) {
      assert.deepEqual(
        Object.keys(source).filter((key) => !SOURCE_KEYS.includes(key)),
        [],
        source.name,
      );
      assert.deepEqual(
        Object.keys(jsonData).filter((key) => !JSON_DATA_KEYS[source.type]?.includes(key)),
        [],
        source.name,
      );
      assert.equal(source.editable, false, source.name);
    }
    assert.equal(datasources.filter(({ isDefault }) => isDefault === true).length, 1);
  });

  it('has exactly one data source for each that dashboards let choose, and dashboards name no other', () => {
    const uids = new Set(datasources.map(({ uid }) => uid));
    for (const { file, text } of dashboards) {
      const variables = (JSON.parse(text) as Dashboard).templating.list.filter(({ type }) => type === 'datasource');
      assert.ok(variables.length > 0, file);
      for (const { query } of variables)
        assert.equal(datasources.filter(({ type }) => type === query).length, 1, `${file}: ${String(query)}`);
      const references = [...text.matchAll(/"datasource": \{[^}]*"uid": "([^"]+)"/g)].map(([, uid = '']) => uid);
      const chosen = new Set(variables.map(({ name }) => `\${${name}}`));
      assert.deepEqual(
        references.filter((uid) => !chosen.has(uid) && !uids.has(uid) && !uid.startsWith('-- ')),
        [],
        file,
      );
    }
  });

  it('leads from exemplars to traces, by the label that they have', () => {
    const destinations = datasources.find(({ type }) => type === 'prometheus')?.jsonData['exemplarTraceIdDestinations'];
    // Grafana makes $ of $$: the value is its own variable, not one of the environment.
    const url = '/d/keepwatch-trace?var-trace_id=$${__value.raw}&var-postgres=keepwatch-postgres';
    assert.deepEqual(destinations, [{ name: 'trace_id', url, urlDisplayLabel: 'Open trace' }]);
    const { pathname, searchParams } = new URL(url, 'http://grafana');
    const opened = dashboards.map(({ text }) => JSON.parse(text) as Dashboard).find(({ uid }) => pathname === `/d/${uid}`);
    const variables = opened?.templating.list.map(({ name }) => `var-${name}`);
    assert.deepEqual(new Set(searchParams.keys()), new Set(variables));
    assert.ok(datasources.some(({ uid }) => uid === searchParams.get('var-postgres')));
    const source = readFileSync(join(PACKAGE_FOLDER, 'src/instrument/metrics/exemplars.ts'), 'utf8');
    assert.match(source, /\{trace_id="/);
  });

  it('makes by the API of Grafana, as docs/operations.md says, what it makes by itself', () => {
    const page = readFileSync(join(PACKAGE_FOLDER, 'docs/operations.md'), 'utf8');
    const made = [...page.matchAll(/jq -n '(\{uid: [^']*\})' \| api datasources/g)].map(
      ([, object = '']) => parse(object) as DataSource,
    );
    assert.deepEqual(
      made.map(({ uid, name, type }) => [uid, name, type]),
      datasources.map(({ uid, name, type }) => [uid, name, type]),
    );
    for (const [index, { jsonData }] of datasources.entries()) {
      const byHand = made[index]?.jsonData ?? {};
      assert.deepEqual(Object.keys(byHand).sort(), Object.keys(jsonData).sort());
      for (const [key, value] of Object.entries(jsonData)) {
        // What an environment says, the page has an example of.
        if (typeof value === 'string' && /^\$\w+$/.test(value)) continue;
        assert.deepEqual(byHand[key], JSON.parse(JSON.stringify(value).replaceAll('$$', '$')), key);
      }
    }
  });

  it('has no secret in it, and takes nothing from the environment that the stack does not give', () => {
    const { services } = parse(readFileSync(join(PACKAGE_FOLDER, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
      services: { grafana: { environment: Record<string, string> } };
    };
    for (const { secureJsonData = {} } of datasources)
      for (const secret of Object.values(secureJsonData)) assert.match(secret, /^\$\w+$/);
    const text = ['datasources', 'dashboards', 'alerting']
      .map((folder) => JSON.stringify(read(`${folder}/keepwatch.yml`)))
      .join('');
    const names = new Set([...text.replaceAll('$$', '').matchAll(/\$\{?(\w+)/g)].map(([, name = '']) => name));
    const given = Object.keys(services.grafana.environment).filter((name) => name.startsWith('KEEPWATCH_'));
    assert.deepEqual(names, new Set(given));
  });

  it('has one provider, whose folder holds every dashboard under a uid of its own', () => {
    assert.equal(providers.length, 1);
    for (const provider of providers) {
      assert.deepEqual(
        Object.keys(provider).filter((key) => !PROVIDER_KEYS.includes(key)),
        [],
      );
      assert.deepEqual([provider.folder, provider.folderUid], ['Keepwatch', 'keepwatch']);
      assert.deepEqual(provider.options, { path: '$KEEPWATCH_DASHBOARDS' });
    }
    const uids = dashboards.map(({ text }) => (JSON.parse(text) as Dashboard).uid);
    // Longer ones Grafana refuses.
    for (const uid of uids) assert.match(uid, /^[\w-]{1,40}$/);
    assert.equal(new Set(uids).size, uids.length);
  });

  it('hands alerts of Prometheus on with a rule of the form that Grafana publishes', () => {
    const { groups } = read('alerting/keepwatch.yml') as {
      groups: { orgId: number; folder: string; rules: Record<string, unknown>[] }[];
    };
    const [group] = groups;
    assert.deepEqual([groups.length, group?.orgId, group?.rules.length], [1, 1, 1]);
    // Grafana provisions alerting first, and knows folders there by their title alone: the dashboards would get a second one of the same title.
    assert.ok(group?.folder !== undefined && !providers.some(({ folder }) => folder === group.folder), group?.folder);
    const expr = 'max without (alertname, alertstate) (label_join(ALERTS{alertstate="firing"}, "alert", "", "alertname"))';
    const query = { refId: 'A', expr, instant: true, range: false } satisfies Partial<Dataquery>;
    const threshold = {
      refId: 'B',
      type: 'threshold',
      expression: 'A',
      conditions: [{ evaluator: { type: 'gt', params: [0] } }],
    } satisfies Partial<TypeThreshold>;
    const relativeTimeRange = { from: 60, to: 0 };
    const { annotations, ...rest } = group.rules[0] ?? {};
    assert.deepEqual(rest, {
      ...({
        uid: 'keepwatch-prometheus-alerts',
        title: 'An alert of Prometheus fires',
        condition: 'B',
        for: '0s',
        noDataState: 'OK',
        execErrState: 'Error',
        labels: { source: 'prometheus' },
      } satisfies Partial<Rule>),
      data: [
        { refId: 'A', datasourceUid: 'keepwatch-prometheus', relativeTimeRange, model: query },
        { refId: 'B', datasourceUid: '__expr__', relativeTimeRange, model: threshold },
      ],
    });
    assert.match(JSON.stringify(annotations), /\{\{ \.Labels\.alert \}\}/);
    // Whether a dollar here is Grafana's or the environment's differs by its version, and by the field.
    assert.doesNotMatch(JSON.stringify(group), /\$/);
  });
});
