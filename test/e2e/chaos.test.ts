// The fault campaign in the form of CI: 2,000 faults on archives in a process and 100 on processes, with new seeds in every run.
import assert from 'node:assert/strict';
import { startProgram } from '../support/process.ts';
import { needTool } from '../support/tools.ts';

const SEED = process.env['CHAOS_SEED'] ?? String(Date.now() % 1_000_000);

describe('the archive under faults', () => {
  it(`loses and doubles nothing that was safe, whatever happens (seed ${SEED})`, async function () {
    this.timeout(900_000);
    needTool(this, 'postgres');
    const { TEST_DATABASE_URL, TEST_BUILT } = process.env;
    const env = { ...(TEST_DATABASE_URL && { TEST_DATABASE_URL }), ...(TEST_BUILT && { TEST_BUILT }) };
    const campaign = startProgram('test/chaos/main.ts', ['--seed', SEED], { env });
    const code = await campaign.exited;
    const lines = campaign.output().trim().split('\n');
    if (code !== 0) process.stdout.write(campaign.output()); // at once: what ends the tests early would take it along
    assert.equal(code, 0, campaign.output());
    assert.match(lines.at(-1) ?? '', /^2[1-9]\d\d passed, 0 failed$/);
    process.stdout.write(`      ${lines.slice(-4, -1).join('\n      ')}\n`);
  });
});
