// keepwatch targets, budgets and alerts list on the command line: what they print, and how they exit.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { declareTargets } from '../../src/alerts/definitions/targets.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startKeepwatch } from '../support/process.ts';
import { createSpoolDir, createTestArchive } from '../support/test-archive.ts';

describe('keepwatch targets and budgets', function () {
  this.timeout(180_000);
  let test: TestDatabase;
  let folder: string;
  before(async () => {
    test = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-targets-'));
  });
  after(async () => {
    await test.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(...args: string[]): Promise<{ code: number | string; output: string }> {
    const started = startKeepwatch(args, { cwd: folder, env: { DATABASE_URL: test.url } });
    return { code: await started.exited, output: started.output() };
  }

  it('lists what is declared, measured, and missed, and fails with --check alone', async () => {
    await declareTargets(test.database, {
      service: 'shop',
      instance: 'web-1',
      targets: [
        { type: 'api', name: 'POST /chat', quantile: 0.95, limitMs: 3000 },
        { type: 'db', name: 'history', quantile: 0.95, limitMs: 100 },
        { type: 'db', name: 'rare', quantile: 0.5, limitMs: 100 },
      ],
    });
    const spool = createSpoolDir();
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    for (const [type, name] of [['api', 'POST /chat'] as const, ['db', 'history'] as const])
      tracker.record({
        series: { type, name, service: 'shop', metadata: '' },
        status: 'success',
        endMs: Date.now() - 60_000,
        durationMs: 250,
      });
    await archive.stop({ timeoutMs: 10_000 });
    spool.remove();
    const shown = await run('targets');
    assert.equal(shown.code, 0, shown.output);
    assert.match(shown.output, /shop +api +POST \/chat +1 +p95 +3\.00 s +250\.0 ms +pass\n/);
    assert.match(shown.output, /shop +db +history +1 +p95 +100\.0 ms +250\.0 ms +FAIL\n/);
    assert.match(shown.output, /shop +db +rare +0 +p50 +100\.0 ms +- +no data\n/);
    const checked = await run('targets', '--check', '--json');
    assert.equal(checked.code, 1);
    assert.match(checked.output, /1 target of 3 missed/);
    assert.equal((await run('targets', '--check', '--type', 'api')).code, 0);
  });

  it('sets, changes and removes a budget, and says what is no budget', async () => {
    const set = await run('budgets', 'set', 'search', '--limit', '500', '--period', 'month', '--scope', 'team=search', '--json');
    assert.equal(set.code, 0, set.output);
    assert.match(
      set.output,
      /"scope":\{"team":"search"\},"period":"month","timezone":"UTC","limit_usd":500,"enabled":true,"version":1/,
    );
    assert.match(
      (await run('budgets', 'set', 'search', '--limit', '600')).output,
      /^set: search +\$600 +month +UTC +\{"team":"search"\} +true +2$/m,
    );
    const refused = await run('budgets', 'set', 'other', '--limit', '5');
    assert.deepEqual(
      [refused.code, /period: got nothing; allowed: day, week, month/.test(refused.output)],
      [2, true],
      refused.output,
    );
    assert.equal((await run('budgets', 'set', 'search', '--limit', 'free')).code, 2);
    assert.equal((await run('budgets', 'set', 'search', '--timezone', 'Mars/Phobos')).code, 2);
    assert.equal((await run('budgets', 'remove', 'search')).code, 0);
    assert.equal((await run('budgets', 'remove', 'search')).code, 2);
  });
});
