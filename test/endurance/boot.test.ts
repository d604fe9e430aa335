// 16 processes boot at once on an empty database: half of them `keepwatch migrate --roles`, half of them apps that archive at once.
import assert from 'node:assert/strict';
import { verifyArchive } from '../../src/archive/verify/verify.ts';
import { loadMigrations } from '../../src/db/migrate.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startKeepwatch, startProgram } from '../support/process.ts';
import { RULES_PASSWORD } from '../support/rules-role.ts';
import { createSpoolDir } from '../support/test-archive.ts';

const EACH = 8;
const CALLS = 100;

describe('16 processes that boot at once', function () {
  this.timeout(240_000);
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  before(async () => {
    test = await createTestDatabase();
    spool = createSpoolDir();
    await test.database.none('drop schema keepwatch cascade');
  });
  after(async () => {
    spool?.remove();
    await test?.drop();
  });

  it('apply each migration once, make the roles, end well, and archive all', async () => {
    // Roles belong to the server: their password is that of all tests on it.
    const env = {
      DATABASE_URL: test.url,
      KEEPWATCH_RULES_PASSWORD: RULES_PASSWORD,
      KEEPWATCH_SPOOL_DIR: spool.path,
      KEEPWATCH_LOG_LEVEL: 'warn',
    };
    const apps = Array.from({ length: EACH }, () => startProgram('test/endurance/programs/boot.ts', [], { env }));
    const commands = Array.from({ length: EACH }, () => startKeepwatch(['migrate', '--roles', '--json'], { env }));
    for (const { exited, output } of [...apps, ...commands]) assert.equal(await exited, 0, output());
    for (const { output } of apps) {
      const { archive, reasons, recorded } = JSON.parse(output()) as {
        archive: { archived: number };
        reasons: string[];
        recorded: number;
      };
      assert.deepEqual({ archived: archive.archived, reasons, recorded }, { archived: CALLS, reasons: [], recorded: CALLS });
    }
    const names = loadMigrations().map(({ name }) => name);
    const said = commands.map(({ output }) => JSON.parse(output()) as { applied: string[]; version: number });
    assert.deepEqual(
      said.map(({ version }) => version),
      Array(EACH).fill(names.length),
    );
    const applied = said.flatMap(({ applied: byIt }) => byIt);
    assert.equal(new Set(applied).size, applied.length, 'none twice');
    const known = await test.database.any<{ name: string }>('select name from keepwatch.migration order by version');
    assert.deepEqual(
      known.map(({ name }) => name),
      names,
    );
    const { missing } = await test.database.one<{ missing: number }>(
      `select count(*)::int as missing from unnest(array['owner', 'writer', 'reader', 'rules']) as kind
       where not pg_catalog.has_schema_privilege('keepwatch_' || kind, 'keepwatch', 'usage')`,
    );
    assert.equal(missing, 0);
    const { ok, totals } = await verifyArchive({ database: test.database, spoolDir: spool.path });
    assert.deepEqual(
      { ok, rows: totals.rows, recorded: totals.recorded },
      { ok: true, rows: EACH * CALLS, recorded: EACH * CALLS },
    );
  });
});
