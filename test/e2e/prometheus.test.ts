// The three counts that have to agree: requests sent, what a real Prometheus scraped, rows in Postgres.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TrafficTotals } from '../../demo/traffic.ts';
import { createTestDatabase, freePort, type TestDatabase } from '../support/postgres.ts';
import { type RunningProcess, startKeepwatch, startProgram } from '../support/process.ts';
import { type PrometheusServer, startPrometheus } from '../support/prometheus.ts';
import { needTool } from '../support/tools.ts';
import { waitFor } from '../support/wait-for.ts';

const REQUESTS = 3000;
const API_COUNT = 'sum(http_server_request_duration_seconds_count)';

describe('the demo under load, scraped by Prometheus', () => {
  let test: TestDatabase;
  let folder: string;
  let demo: RunningProcess;
  let prometheus: PrometheusServer;
  let port: number;
  let env: NodeJS.ProcessEnv;

  before(async function () {
    this.timeout(90_000);
    const binary = needTool(this, 'prometheus');
    test = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-e2e-'));
    port = await freePort();
    env = {
      DATABASE_URL: test.url,
      KEEPWATCH_ALERTS_ROLE: 'owner',
      KEEPWATCH_PORT: String(port),
      KEEPWATCH_SPOOL_DIR: join(folder, 'spool'),
    };
    demo = startKeepwatch(['demo', '--rate', '0'], { env, cwd: folder });
    await demo.printed(/Chat API/);
    prometheus = await startPrometheus(binary, `127.0.0.1:${port}`);
  });
  after(async function () {
    this.timeout(60_000);
    await prometheus?.stop();
    await demo?.end();
    await test?.drop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  it(`counts ${REQUESTS} requests in Prometheus, in Postgres and at the client alike`, async function () {
    this.timeout(180_000);
    const traffic = startProgram('demo/traffic-main.ts', [
      '--url',
      `http://127.0.0.1:${port}`,
      '--rate',
      '300',
      '--count',
      String(REQUESTS),
    ]);
    assert.equal(await traffic.exited, 0, traffic.output());
    const totals = JSON.parse(traffic.output().trim().split('\n').at(-1) ?? '') as TrafficTotals;
    assert.equal(totals.sent, REQUESTS);
    assert.equal(totals.transportErrors, 0);

    const countRows = async () =>
      (
        await test.database.one<{ rows: string }>(
          "select count(*) as rows from keepwatch.observability_metrics where type = 'api'",
        )
      ).rows;
    await waitFor(async () => Number(await countRows()) >= REQUESTS, { timeoutMs: 20_000, what: 'all rows to be archived' });
    await waitFor(async () => ((await prometheus.query(API_COUNT)) ?? 0) >= REQUESTS, {
      timeoutMs: 20_000,
      what: 'Prometheus to have all',
    });

    assert.equal(Number(await countRows()), REQUESTS);
    assert.equal(await prometheus.query(API_COUNT), REQUESTS);
    const server5xx = await prometheus.query(
      'sum(http_server_request_duration_seconds_count{http_response_status_code=~"5.."}) or vector(0)',
    );
    assert.equal(server5xx, totals.status5xx);
    const failures = await test.database.one<{ rows: string }>(
      "select count(*) as rows from keepwatch.observability_metrics where type = 'api' and status = 'failure'",
    );
    assert.equal(Number(failures.rows), totals.status5xx);
  });

  it('agrees for agents, tools, LLM calls and queries too, and verify proves it', async function () {
    this.timeout(60_000);
    const counters = {
      agent: 'sum(agent_execution_total)',
      tool: 'sum(tool_calls_total)',
      llm: 'sum(llm_requests_total)',
      db: 'sum(db_query_duration_seconds_count)',
    };
    for (const [type, expression] of Object.entries(counters)) {
      const { rows } = await test.database.one<{ rows: string }>(
        'select count(*) as rows from keepwatch.observability_metrics where type = $<type>',
        { type },
      );
      assert.ok(Number(rows) > 0, `there are rows of type ${type}`);
      assert.equal(await prometheus.query(expression), Number(rows), type);
    }
    assert.equal(existsSync(join(folder, '.keepwatch')), false, 'with DATABASE_URL nothing embedded starts');
    const verify = startKeepwatch(['verify', '--json'], { env });
    assert.equal(await verify.exited, 0, verify.output());
  });

  it('serves metrics that promtool has no complaint about', async function () {
    const promtool = needTool(this, 'promtool');
    const input = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    assert.match(input, /^agent_execution_duration_seconds_bucket\{/m);
    const { status, stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], { input, encoding: 'utf8' });
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
  });
});
