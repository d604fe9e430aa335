// What docker-compose.yml starts, as processes of this machine and in its order: the roles, the login of Grafana, the demo behind its forwarded port, and a
// real Prometheus with the stack's configuration. Grafana itself is played: it has the data sources of its provisioning, and follows their links.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import { PACKAGE_FOLDER } from '../../src/db/sql.ts';
import { expandSql, keptDashboards, targetsOf } from '../support/grafana.ts';
import { createTestDatabase, freePort, type TestDatabase } from '../support/postgres.ts';
import { type RunningProcess, startKeepwatch, startProcess, startProgram } from '../support/process.ts';
import { PROMETHEUS_FOLDER } from '../support/promql.ts';
import { RULES_PASSWORD } from '../support/rules-role.ts';
import { dropUser } from '../support/test-roles.ts';
import { needTool } from '../support/tools.ts';
import { waitFor } from '../support/wait-for.ts';

interface Service {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}
interface Exemplar {
  readonly labels: Readonly<Record<string, string>>;
}

const TEXT = readFileSync(join(PACKAGE_FOLDER, 'docker-compose.yml'), 'utf8').replace(
  /\$\{\w+:-([^}]*)\}/g,
  (_, value: string) => value,
);
const { services } = parse(TEXT, { merge: true }) as {
  services: Readonly<Record<'migrate' | 'grafana-login' | 'demo' | 'prometheus' | 'grafana', Service>>;
};
const SOURCES = readFileSync(join(PACKAGE_FOLDER, 'grafana/provisioning/datasources/keepwatch.yml'), 'utf8');
/** Roles belong to the whole server, on which other tests may run. */
const LOGIN = `grafana_stack_${process.pid}`;

describe('the stack of docker-compose.yml, without Docker', function () {
  this.timeout(180_000);
  let test: TestDatabase;
  let folder: string;
  let prometheusUrl: string;
  let grafana: Database;
  const running: RunningProcess[] = [];

  before(async function () {
    const [psql, prometheus] = [needTool(this, 'psql'), needTool(this, 'prometheus')];
    test = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-stack-'));
    await setUp(psql);
    grafana = logIn();
    prometheusUrl = await startPrometheus(prometheus, await startDemo());
  });
  after(async () => {
    if (grafana !== undefined) await closeDatabase(grafana);
    for (const one of running.reverse()) await one.end();
    if (test !== undefined) await dropUser(test.database, LOGIN);
    await test?.drop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  /** What runs once. */
  async function setUp(psql: string): Promise<void> {
    const env = { ...services.migrate.environment, DATABASE_URL: test.url, KEEPWATCH_RULES_PASSWORD: RULES_PASSWORD };
    const migrate = startKeepwatch(services.migrate.command, { env });
    assert.equal(await migrate.exited, 0, migrate.output());
    const file = join(PACKAGE_FOLDER, 'docs', services['grafana-login'].command.at(-1) ?? '');
    const args = [...services['grafana-login'].command.slice(1, -1), file, '--set', `login=${LOGIN}`, test.url];
    const { GRAFANA_PASSWORD } = services['grafana-login'].environment;
    const { status, stderr } = spawnSync(psql, args, { encoding: 'utf8', env: { PATH: process.env['PATH'], GRAFANA_PASSWORD } });
    assert.equal(status, 0, stderr);
  }

  /** @returns where its forwarded port is */
  async function startDemo(): Promise<string> {
    const [inner, outer] = [await freePort(), await freePort()];
    const rules = Object.assign(new URL(test.url), { username: 'keepwatch_rules', password: RULES_PASSWORD }).href;
    const env = {
      ...services.demo.environment,
      DATABASE_URL: test.url,
      KEEPWATCH_ALERTS_DATABASE_URL: rules,
      KEEPWATCH_PORT: String(inner),
    };
    const demo = startKeepwatch(services.demo.command, { env, cwd: folder });
    running.push(demo);
    await demo.printed(/Metrics +http/, 60_000);
    const forward = startProgram('scripts/forward-port.mjs', [String(outer), String(inner)]);
    running.push(forward);
    await forward.printed(/forwarding/);
    return `127.0.0.1:${outer}`;
  }

  /** With its rules, and the demo where it is now. */
  async function startPrometheus(binary: string, target: string): Promise<string> {
    const config = join(folder, 'prometheus');
    cpSync(PROMETHEUS_FOLDER, config, { recursive: true });
    const text = readFileSync(join(config, 'compose.yml'), 'utf8');
    assert.ok(text.includes('"demo:8080"'));
    writeFileSync(join(config, 'compose.yml'), text.replace('demo:8080', target));
    const port = await freePort();
    const flags = services.prometheus.command.map((flag) =>
      flag.replace('=/etc/prometheus/', `=${config}/`).replace('=/prometheus', `=${folder}/data`),
    );
    running.push(startProcess(binary, [...flags, `--web.listen-address=127.0.0.1:${port}`]));
    return `http://127.0.0.1:${port}`;
  }

  /** As Grafana does. */
  function logIn(): Database {
    const { KEEPWATCH_PGPASSWORD: password = '' } = services.grafana.environment;
    return createDatabase({ url: Object.assign(new URL(test.url), { username: LOGIN, password }).href, max: 1 });
  }

  async function ask<T>(path: string): Promise<T> {
    const response = await fetch(`${prometheusUrl}/api/v1/${path}`);
    return ((await response.json()) as { data: T }).data;
  }

  it('has the demo scraped through its port, and its rules loaded', async () => {
    await waitFor(
      async () => {
        const { activeTargets } = await ask<{ activeTargets: { health: string; labels: { job: string } }[] }>('targets');
        return activeTargets.length === 1 && activeTargets[0]?.health === 'up' && activeTargets[0].labels.job === 'chat-api';
      },
      { timeoutMs: 60_000, what: 'the demo to be scraped' },
    );
    const { groups } = await ask<{ groups: { rules: { health: string }[] }[] }>('rules');
    const rules = groups.flatMap((group) => group.rules);
    assert.ok(rules.length > 30 && rules.every(({ health }) => health !== 'err'), JSON.stringify(rules));
  });

  it('leads from a dot above a histogram to its trace, by the link that Grafana is given', async () => {
    const [, link = ''] = /url: (\/d\/\S+)/.exec(SOURCES) ?? [];
    const window = `start=${Date.now() / 1000 - 300}&end=${Date.now() / 1000 + 300}`;
    await waitFor(
      async () => {
        const series = await ask<{ exemplars: Exemplar[] }[]>(
          `query_exemplars?query=http_server_request_duration_seconds_bucket&${window}`,
        );
        const traceId = series.flatMap(({ exemplars }) => exemplars)[0]?.labels['trace_id'];
        if (traceId === undefined) return false;
        // As Grafana expands it: $$ is $, and the variable is the label's value.
        const { pathname, searchParams } = new URL(link.replace('$${__value.raw}', traceId), 'http://grafana');
        const opened = keptDashboards().find(({ dashboard }) => pathname === `/d/${dashboard.uid}`)?.dashboard;
        assert.ok(opened !== undefined, pathname);
        const variables = Object.fromEntries([...searchParams].map(([name, value]) => [name.slice('var-'.length), value]));
        const spans = targetsOf(opened).find(({ panel }) => panel === 'Spans')?.rawSql ?? '';
        const shown = { from: new Date(0), to: new Date(), stepMs: 60_000, variables };
        const rows = await grafana.any<{ span: string }>(expandSql(opened, spans, shown));
        return rows.some(({ span }) => span.startsWith('api '));
      },
      { timeoutMs: 60_000, what: 'an exemplar whose trace opens' },
    );
  });

  it('lets the login of Grafana read what the demo has done', async () => {
    await waitFor(
      async () =>
        (await grafana.any(`select from keepwatch.per_label('http_route', 'api', interval '1 hour') where count > 0`)).length > 0,
      { timeoutMs: 30_000, what: 'requests in rollups' },
    );
  });
});
