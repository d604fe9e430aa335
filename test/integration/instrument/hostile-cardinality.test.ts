import assert from 'node:assert/strict';
import { DEFAULT_MAX_SERIES } from '../../../src/instrument/metrics/series-table.ts';
import type { FloodReport } from '../../support/flood.ts';
import { startProgram } from '../../support/process.ts';

/** `npm run test:flood` asks for 10,000,000 at the recorder, and for 200,000 through Express. */
const LONG_FORM = process.env['FLOOD_EXECUTIONS'];
const EXECUTIONS = Number(LONG_FORM ?? 500_000);
const REQUESTS = LONG_FORM === undefined ? 60_000 : 201_000;
const MAX_GROWN_BYTES = 8e6;

/** The metrics that count the executions of a type, and the one that counts its failures. */
const COUNTED: Readonly<Record<string, readonly string[]>> = {
  api: ['http_server_request_duration_seconds'],
  tool: ['tool_calls_total', 'tool_call_duration_seconds'],
  agent: ['agent_execution_total', 'agent_execution_duration_seconds'],
  llm: ['llm_requests_total', 'llm_request_duration_seconds'],
  db: ['db_query_duration_seconds'],
};

describe('A flood of names that nobody gave before', function () {
  this.timeout(60_000 + EXECUTIONS / 20);

  async function flood(program: string, count: number): Promise<FloodReport> {
    const child = startProgram(`test/e2e/programs/${program}.ts`, [String(count)]);
    assert.equal(await child.exited, 0, child.output());
    const report = JSON.parse(child.output()) as FloodReport;
    if (LONG_FORM !== undefined) console.info(report);
    return report;
  }

  /** What holds whatever was flooded. */
  function assertBounded({ executions, events, failures, series, sums, declared, grownBytes }: FloodReport): void {
    assert.equal(
      Object.values(events).reduce((sum, count) => sum + count),
      executions,
      'one event per execution',
    );
    for (const [metric, count] of Object.entries(series)) assert.ok(count <= DEFAULT_MAX_SERIES, `${metric}: ${count} series`);
    for (const [type, metrics] of Object.entries(COUNTED)) {
      for (const metric of metrics) assert.equal(sums[metric] ?? 0, events[type] ?? 0, `sum of ${metric}`);
    }
    assert.equal(sums['agent_errors_total'] ?? 0, failures['agent'] ?? 0);
    for (const [labels, count] of Object.entries(declared)) assert.ok(count > 0, `no series of its own: ${labels}`);
    assert.ok(grownBytes <= MAX_GROWN_BYTES, `the heap grew by ${grownBytes} bytes`);
  }

  it('leaves an Express app its memory, exact sums, and places for its routes', async () => {
    const report = await flood('flood-express', REQUESTS);
    assertBounded(report);
    const { series, overflow, guessed } = report;
    assert.ok(guessed > 0, 'Express 5.2 does not tell what is mounted');
    assert.ok((series['http_server_request_duration_seconds'] ?? 0) < 60, 'a guess holds nothing that a client chose');
    assert.deepEqual(overflow, {});
  });

  it('leaves the recorder its memory, exact sums, and places for declared names', async () => {
    const report = await flood('flood-recorder', EXECUTIONS);
    assertBounded(report);
    for (const [type, count] of Object.entries(report.names)) assert.ok(count <= 1100, `${type}: ${count} names`);
    for (const metric of [...Object.values(COUNTED).flat(), 'agent_errors_total', 'llm_tokens_total']) {
      assert.ok((report.overflow[metric] ?? 0) > 0, `${metric} has overflowed`);
    }
  });
});
