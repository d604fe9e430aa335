// The three counts that have to agree: requests sent, what a real Prometheus scraped, rows in Postgres.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TrafficTotals } from '../../demo/traffic.ts';
import { startKeepwatch, startProgram } from '../support/process.ts';
import { assertPromtoolAccepts } from '../support/promtool.ts';
import { idleDemo, useScrapedDemo } from '../support/scraped-demo.ts';
import { needTool } from '../support/tools.ts';
import { waitFor } from '../support/wait-for.ts';

const REQUESTS = 3000;
const API_COUNT = 'sum(http_server_request_duration_seconds_count)';

const countRows = (where: string) => `select count(*) as value from keepwatch.observability_metrics where ${where}`;

describe('the demo under load, scraped by Prometheus', () => {
  const site = useScrapedDemo(idleDemo);

  it(`counts ${REQUESTS} requests in Prometheus, in Postgres and at the client alike`, async function () {
    this.timeout(180_000);
    const traffic = startProgram('demo/traffic-main.ts', [
      '--url',
      `http://127.0.0.1:${site.port}`,
      '--rate',
      '300',
      '--count',
      String(REQUESTS),
    ]);
    assert.equal(await traffic.exited, 0, traffic.output());
    const totals = JSON.parse(traffic.output().trim().split('\n').at(-1) ?? '') as TrafficTotals;
    assert.equal(totals.sent, REQUESTS);
    assert.equal(totals.transportErrors, 0);

    const rows = () => site.ask(countRows("type = 'api'"));
    await waitFor(async () => (await rows()) >= REQUESTS, { timeoutMs: 20_000, what: 'all rows to be archived' });
    await waitFor(async () => ((await site.prometheus.query(API_COUNT)) ?? 0) >= REQUESTS, {
      timeoutMs: 20_000,
      what: 'Prometheus to have all',
    });

    assert.equal(await rows(), REQUESTS);
    assert.equal(await site.prometheus.query(API_COUNT), REQUESTS);
    const server5xx = await site.prometheus.query(
      'sum(http_server_request_duration_seconds_count{http_response_status_code=~"5.."}) or vector(0)',
    );
    assert.equal(server5xx, totals.status5xx);
    assert.equal(await site.ask(countRows("type = 'api' and status = 'failure'")), totals.status5xx);
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
      const rows = await site.ask(countRows(`type = '${type}'`));
      assert.ok(rows > 0, `there are rows of type ${type}`);
      assert.equal(await site.prometheus.query(expression), rows, type);
    }
    assert.equal(existsSync(join(site.folder, '.keepwatch')), false, 'with DATABASE_URL nothing embedded starts');
    const verify = startKeepwatch(['verify', '--json'], { env: site.env });
    assert.equal(await verify.exited, 0, verify.output());
  });

  it('serves metrics that promtool has no complaint about', async function () {
    const promtool = needTool(this, 'promtool');
    const text = await site.readMetrics();
    assert.match(text, /^agent_execution_duration_seconds_bucket\{/m);
    assertPromtoolAccepts(promtool, text);
  });
});
