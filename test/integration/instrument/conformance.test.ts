import assert from 'node:assert/strict';
import { formatFailure } from '../../conformance/report.ts';
import { runSuite, titleOf } from '../../conformance/suite.ts';

describe('npm run conformance', () => {
  it('finds Keepwatch right in every case, on every Express, with keepwatch/register and without', async function () {
    this.timeout(180_000);
    const runs = await runSuite({ measurers: ['keepwatch'] });
    assert.equal(runs.length, 6);
    const failures = runs.flatMap((run) => [
      ...(run.failure === undefined ? [] : [run.failure]),
      ...run.results.filter(({ isPassed }) => !isPassed).map((result) => `${titleOf(run)}\n${formatFailure(result)}`),
    ]);
    assert.deepEqual(failures.join('\n'), '');
    for (const run of runs) assert.ok(run.results.length >= 130, titleOf(run));
  });

  it('tells a peer that counts an abort as a success from one that is right', async function () {
    this.timeout(60_000);
    const options = { versions: ['5.3'], only: 'by a reset before the headers' } as const;
    const runs = await runSuite({ measurers: ['express-prom-bundle', 'swagger-stats', 'opentelemetry'], ...options });
    const outcomes = runs.map(({ results }) => results.map(({ isPassed, verdict }) => [isPassed, verdict.once, verdict.outcome]));
    assert.deepEqual(outcomes, [[[true, true, true]], [[false, false, undefined]], [[false, true, false]]]);
  });
});
