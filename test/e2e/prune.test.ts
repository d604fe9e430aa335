// keepwatch prune as a person uses it: what would go, asking, what went, and that verify still adds up.
import assert from 'node:assert/strict';
import { verifyArchive } from '../../src/archive/verify/verify.ts';
import { inTransaction } from '../../src/db/database.ts';
import { fillDays } from '../support/old-days.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { type RunningProcess, startKeepwatch } from '../support/process.ts';
import { assertRefused } from '../support/refused.ts';
import { startOnTerminal } from '../support/terminal.ts';
import { waitFor } from '../support/wait-for.ts';

interface PruneJson {
  readonly dryRun: boolean;
  readonly days: readonly { readonly day: string; readonly rows: number; readonly bytes: number }[];
  readonly removed: { readonly rows: number; readonly bytes: number };
  readonly left: number;
}

describe('keepwatch prune', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  beforeEach(async () => {
    test = await createTestDatabase();
    await fillDays(test.database, 3, 32, 2);
  });
  afterEach(() => test.drop());

  const start = (...args: string[]): RunningProcess => startKeepwatch(['prune', ...args], { env: { DATABASE_URL: test.url } });

  async function run(...args: string[]): Promise<{ code: number | string; output: string }> {
    const started = start(...args);
    return { code: await started.exited, output: started.output() };
  }

  const countRows = async () =>
    (await test.database.one<{ rows: number }>('select count(*)::int as rows from keepwatch.observability_metrics')).rows;

  const isPruning = () => test.database.oneOrNone(`select from keepwatch.lease where holder like 'prune %'`);

  async function assertProved(expired: number): Promise<void> {
    const report = await verifyArchive({ database: test.database });
    assert.deepEqual(
      report.sources.flatMap(({ problems }) => problems),
      [],
    );
    assert.equal(report.totals.expired, expired);
  }

  it('says what would go, and removes nothing', async () => {
    const { code, output } = await run('--keep', '30d', '--dry-run');
    assert.equal(code, 0, output);
    assert.match(output, /DAY +EVENTS +SIZE\n(\d{4}-\d\d-\d\d +2 +[\d.]+ kB\n){3}would remove 3 days, 6 events/);
    assert.equal(await countRows(), 8);
  });

  it('removes whole days, says which, and leaves a ledger that adds up', async () => {
    const { code, output } = await run('--keep', '30d', '--json');
    assert.equal(code, 0, output);
    const said = JSON.parse(output) as PruneJson;
    assert.equal(said.removed.rows, 6);
    assert.ok(said.removed.bytes > 0 && said.left === 0 && !said.dryRun);
    assert.deepEqual(
      said.days.map(({ day }) => day),
      said.days.map(({ day }) => day).toSorted(),
    );
    assert.equal(await countRows(), 2);
    await assertProved(6);
    const again = await run('--keep', '30d');
    assert.deepEqual(again, { code: 0, output: 'nothing to remove: no day is older than 30d\n' });
  });

  it('leaves rollups, and removes whole months of them where it is told how much to keep', async () => {
    await test.database.any(
      "select keepwatch.ensure_rollup_partitions(now() - interval '200 days', now() - interval '150 days')",
    );
    await test.database.none(
      `insert into keepwatch.rollup_minutes
       select date_trunc('minute', now() - interval '200 days'), 1, 'success', 1, 1, 5, 5, 5, '{73}', '{1}'`,
    );
    const count = async () =>
      (await test.database.one<{ rows: number }>('select count(*)::int as rows from keepwatch.rollup_minutes')).rows;
    assert.equal((await run('--keep', '30d')).code, 0);
    assert.equal(await count(), 1);
    const dry = await run('--keep', '30d', '--keep-rollups', '90d', '--dry-run');
    assert.match(
      dry.output,
      /^ROLLUPS OF +ROWS +SIZE\n(\d{4}-\d\d +[01] +[\d.]+ kB\n){2,3}would remove rollups of [23] months, 1 row, /,
    );
    assert.equal(await count(), 1);
    const { code, output } = await run('--keep', '30d', '--keep-rollups', '90d', '--json');
    assert.equal(code, 0, output);
    const said = JSON.parse(output) as PruneJson & { months: unknown[]; removedRollups: { rows: number } };
    assert.deepEqual([said.days, said.removedRollups.rows, said.left], [[], 1, 0]);
    assert.ok(said.months.length >= 2);
    assert.equal(await count(), 0);
    const again = await run('--keep', '30d', '--keep-rollups', '90d');
    assert.equal(again.output, 'nothing to remove: no day is older than 30d, and no month of rollups older than 90d\n');
  });

  it('waits for a transaction that reads the events, and goes on when it is over', async () => {
    await inTransaction(test.database, async (transaction) => {
      await transaction.any('select from keepwatch.observability_metrics limit 1');
      await transaction.any('select pg_sleep(1.1)');
      const pruning = start('--keep', '30d');
      await waitFor(isPruning, { timeoutMs: 20_000 });
      process.kill(pruning.pid, 'SIGINT');
      assert.equal(await pruning.exited, 130, pruning.output());
      assert.match(pruning.output(), /keepwatch: .* days to remove are in use and still there/);
    });
    assert.equal(await countRows(), 8);
    assert.equal((await run('--keep', '30d')).code, 0, 'it has given up its lease');
    await assertProved(6);
  });

  it('asks on a terminal, and takes no for an answer', async function () {
    const no = startOnTerminal(this, ['prune', '--keep', '30d'], { DATABASE_URL: test.url });
    await no.printed(/Remove \d+ days, 6 events, .*\[y\/N\]/);
    no.type('n\n');
    assert.equal(await no.exited, 0, no.output());
    assert.match(no.output(), /nothing is removed/);
    assert.equal(await countRows(), 8);
    const yes = startOnTerminal(this, ['prune', '--keep', '30d'], { DATABASE_URL: test.url });
    await yes.printed(/\[y\/N\]/);
    yes.type('y\n');
    assert.equal(await yes.exited, 0, yes.output());
    assert.match(yes.output(), /removed \d+ days, 6 events/);
    assert.equal(await countRows(), 2);
  });

  it('refuses what makes no sense, with exit code 2', async () => {
    await assertRefused(run, [
      [['--keep', 'lots'], /argument 'lots' is invalid\. allowed: a number and a unit.*at least 1d/],
      [['--keep', '5h'], /at least 1d/],
      [['--keep', '30d', '--keep-rollups', '20d'], /--keep-rollups: got 20d; allowed: at least what --keep is \(30d\)/],
      [[], /required option '--keep <duration>' not specified/],
    ]);
    assert.equal(await countRows(), 8);
  });
});
