// npm run grafana:verify, against a double of Grafana that takes whole questions only. Whether a real one answers them, somebody has to try.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { fillVariables, readDashboards } from '../../../grafana/verify/questions.ts';
import { MAY_BE_EMPTY } from '../../../grafana/verify/report.ts';
import { PACKAGE_FOLDER } from '../../../src/db/sql.ts';
import { type GrafanaServer, type GrafanaServerOptions, startGrafanaServer } from '../../support/grafana-server.ts';
import { freePort } from '../../support/postgres.ts';
import { startProgram } from '../../support/process.ts';

const DASHBOARDS = readDashboards(join(PACKAGE_FOLDER, 'grafana/dashboards'));
const QUESTIONS = DASHBOARDS.flatMap(({ questions }) => questions);
/** What the double says of every label. */
const LISTED = { job: ['a', 'b.c'], instance: ['a', 'b.c'] };
/** What is sent of each question, the begin of the range left out. */
const SENT = DASHBOARDS.flatMap(({ questions, variables }) =>
  questions
    .filter(({ query }) => query['labelValues'] === undefined)
    .map(({ panel, query }) => ({ panel, text: textOf(fillVariables(query, variables, LISTED, 0) as Texts) })),
);
interface Texts {
  readonly expr?: unknown;
  readonly rawSql?: unknown;
}
function textOf({ expr, rawSql }: Texts): string {
  return String(expr ?? rawSql).replace(/>= \d{13}$/, '>= 0');
}

describe('npm run grafana:verify', () => {
  let grafana: GrafanaServer | undefined;
  afterEach(async () => {
    await grafana?.close();
    grafana = undefined;
  });

  async function run(options: GrafanaServerOptions, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
    grafana = await startGrafanaServer(options);
    return verify(args, { GRAFANA_URL: grafana.url, ...env });
  }

  async function verify(args: readonly string[], env: NodeJS.ProcessEnv) {
    const program = startProgram('grafana/verify/main.ts', args, { env });
    return { code: await program.exited, output: program.output() };
  }

  it('asks every question of every dashboard once, whole, and is content when all have values', async () => {
    const { code, output } = await run({});
    assert.equal(code, 0, output);
    assert.match(output, /^Grafana 12\.4\.2 at http:\/\/127\.0\.0\.1:\d+, the last 60 minutes\n/);
    assert.match(
      output,
      new RegExp(`${QUESTIONS.length} questions: ${QUESTIONS.length} with values, 0 failed, 0 with nothing\n$`),
    );
    assert.ok(QUESTIONS.length > 100);
    const texts = SENT.map(({ text }) => text);
    assert.deepEqual((grafana?.queries ?? []).map(textOf).sort(), texts.sort());
    assert.equal(grafana?.labels.length, QUESTIONS.length - texts.length);
    const steps = grafana?.queries.map(({ datasource, intervalMs }) => `${datasource.uid} ${intervalMs}`);
    assert.deepEqual(
      new Set(steps),
      new Set(['keepwatch-prometheus 15000', 'keepwatch-prometheus 60000', 'keepwatch-postgres 60000']),
    );
  });

  it('asks what variables list first, and takes All for that, as the page does', async () => {
    const labelValues = (label: string) => (label === 'job' ? ['shop.eu'] : ['a:1', 'b:1']);
    const { code, output } = await run({ labelValues }, ['--only', 'prometheus/system']);
    assert.equal(code, 0, output);
    const recorded = 'keepwatch_events_recorded_total';
    assert.deepEqual(grafana?.labels, [`job of ${recorded}`, `instance of ${recorded}{job=~"shop\\\\.eu"}`]);
    const up = grafana?.queries.find(({ expr = '' }) => expr.includes('up{'));
    assert.equal(up?.expr, 'sum(up{job=~"shop\\\\.eu", instance=~"(a:1|b:1)"})');
    const starts = grafana?.queries.find(({ expr = '' }) => expr.includes('process_start_time_seconds'));
    assert.match(starts?.expr ?? '', / >= \d{13}$/);
  });

  it('names variables and annotations that fail or give nothing', async () => {
    const reply = ({ rawSql = '', expr = '' }: { rawSql?: string; expr?: string }) => {
      if (rawSql.includes('alert_transition')) return { error: 'pq: no such table' };
      return expr.includes('ALERTS{') || rawSql.startsWith('select distinct service') ? {} : { value: [1] };
    };
    const { code, output } = await run({ reply, labelValues: (label) => (label === 'job' ? [] : ['a']) });
    assert.equal(code, 1);
    assert.match(output, /failed {3}annotation Alerts \(X\): pq: no such table\n/);
    assert.match(output, /nothing {2}variable job \(A\)\n/);
    assert.match(output, /nothing {2}variable service \(A\)\n/);
    assert.match(output, /nothing {2}annotation Alerts of Prometheus \(X\), as may be\n/);
  });

  it('names each panel that failed or gave nothing, with what Grafana said', async () => {
    const reply = ({ rawSql = '', expr = '' }: { rawSql?: string; expr?: string }) => {
      if (rawSql.includes("group_by => 'http_route'")) return { error: 'pq: function does not exist' };
      if (expr.includes('process_resident_memory_bytes')) return { time: [1, 2], value: [null, null] };
      return rawSql.includes('alert_instance') ? {} : { time: [1], value: [0] };
    };
    const { code, output } = await run({ reply });
    assert.equal(code, 1, output);
    assert.match(output, /failed {3}\w.* \([A-H]\): pq: function does not exist\n/);
    assert.match(output, /prometheus\/system-overview\.json.*\n(.*\n)*? {2}nothing {2}Memory.* \([A-H]\)\n/);
    assert.match(output, /nothing {2}Alerts \(A\), as may be\n/);
    assert.match(output, /\d+ with values, [1-9]\d* failed, [1-9]\d* with nothing, [1-9]\d* with nothing, as may be\n$/);
  });

  it('is content with panels that are empty while all is well, and knows none that there is not', async () => {
    const panels = new Set(QUESTIONS.map(({ panel }) => panel));
    assert.deepEqual(
      [...MAY_BE_EMPTY].filter((panel) => !panels.has(panel)),
      [],
    );
    const quiet = new Set(SENT.filter(({ panel }) => MAY_BE_EMPTY.has(panel)).map(({ text }) => text));
    const { code, output } = await run({ reply: (query) => (quiet.has(textOf(query)) ? {} : { value: ['text'] }) });
    assert.equal(code, 0, output);
    assert.match(
      output,
      new RegExp(`, ${QUESTIONS.filter(({ panel }) => MAY_BE_EMPTY.has(panel)).length} with nothing, as may be\n$`),
    );
  });

  it('prints JSON, of some dashboards alone, for a data source of another uid', async () => {
    const uids = ['mine'];
    const { code, output } = await run({ uids }, ['--json', '--only', 'prometheus/', '--prometheus', 'mine', '--range', '600']);
    const {
      grafana: found,
      totals,
      questions,
    } = JSON.parse(output) as { grafana: object; totals: object; questions: { file: string; ms: number }[] };
    const expected = QUESTIONS.filter(({ file }) => file.startsWith('prometheus/'));
    assert.deepEqual([code, found], [0, { url: grafana?.url, version: '12.4.2' }]);
    assert.deepEqual(
      questions.map(({ file }) => file),
      expected.map(({ file }) => file),
    );
    const files = new Set(expected.map(({ file }) => file)).size;
    assert.deepEqual(totals, {
      dashboards: files,
      questions: expected.length,
      ok: expected.length,
      failed: 0,
      empty: 0,
      quiet: 0,
    });
    assert.equal(grafana?.queries[0]?.intervalMs, 36_000);
  });

  it('says which data source is not there', async () => {
    const { code, output } = await run({ uids: ['keepwatch-prometheus'] }, ['--only', 'postgres/system']);
    assert.equal(code, 1);
    assert.match(output, /HTTP 404: Data source not found \(data source keepwatch-postgres\)/);
  });

  it('logs in with a token, and says that one is needed', async () => {
    const token = 'glsa_secret';
    assert.equal((await run({ token }, ['--only', 'connector'], { GRAFANA_TOKEN: token })).code, 0);
    await grafana?.close();
    const { code, output } = await run({ token }, [], { GRAFANA_TOKEN: 'other' });
    assert.equal(code, 2);
    assert.match(output, /refuses \/api\/ds\/query \(401\): set GRAFANA_TOKEN/);
    assert.doesNotMatch(output, /other/);
  });

  it('says when Grafana is not there, with what to do', async () => {
    const port = await freePort();
    const { code, output } = await verify([], { GRAFANA_URL: `http://127.0.0.1:${port}/` });
    assert.equal(code, 3);
    assert.match(
      output,
      new RegExp(`does not answer at http://127\\.0\\.0\\.1:${port}: ECONNREFUSED\n.*docker compose up --wait.*GRAFANA_URL`),
    );
  });

  it('refuses what it does not know, and has help with examples', async () => {
    for (const args of [['--what'], ['--range', '0'], ['--range', 'x'], ['--only', 'no-such']]) {
      const { code, output } = await verify(args, {});
      assert.equal(code, 2, output);
      assert.match(output, /^grafana:verify: .*(--what|--range|no-such)/);
    }
    const { code, output } = await verify([], { GRAFANA_URL: 'https://admin:admin@grafana.example' });
    assert.deepEqual([code, output.includes('admin:admin')], [2, false]);
    const help = await verify(['--help'], {});
    assert.equal(help.code, 0);
    assert.match(help.output, /Exit codes[\s\S]*Examples:\n.*grafana:verify/);
  });
});
