// What docs/operations.md says of backup and restore, with its own commands: pg_dump, a new database, and a process that goes on there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { KEEPWATCH_IN_SHELL, startKeepwatch, startProcess } from '../support/process.ts';
import { RULES_PASSWORD, rulesUrlOf } from '../support/rules-role.ts';
import { createSpoolDir, createTestArchive, type TestArchive } from '../support/test-archive.ts';
import { needTool } from '../support/tools.ts';
import { waitFor } from '../support/wait-for.ts';

const PAGE = readFileSync(fileURLToPath(new URL('../../docs/operations.md', import.meta.url)), 'utf8');
const SECTION = /\n## Backup and restore\n([\s\S]*?)\n## /.exec(PAGE)?.[1] ?? '';
const [DUMP = '', RESTORE = ''] = [...SECTION.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
/** What each table has, whatever the order of its rows. */
const FINGERPRINTS = `
  select relname as name, (xpath('/row/sum/text()', query_to_xml(format(
    'select md5(coalesce(string_agg(md5(t::text), '''' order by md5(t::text)), '''')) as sum from keepwatch.%I t', relname), false, true, '')))[1]::text as sum
  from pg_class where relnamespace = 'keepwatch'::regnamespace and relkind in ('r', 'p') order by relname`;

describe('a backup of pg_dump', function () {
  this.timeout(180_000);
  let test: TestDatabase;
  let admin: Database;
  let folder: string;
  let spool: ReturnType<typeof createSpoolDir>;
  let made: TestArchive;

  before(async function () {
    const client = versionOf(needTool(this, 'pg_dump'));
    const { url, drop } = await createTestDatabase();
    await drop();
    admin = createDatabase({ url: Object.assign(new URL(url), { pathname: '/postgres' }).href, max: 1 });
    const { version } = await admin.one<{ version: number }>(
      `select current_setting('server_version_num')::int / 10000 as version`,
    );
    if (client < version) {
      process.stderr.write(`      skipped: pg_dump ${client} reads no server of version ${version}\n`);
      this.skip();
    }
  });
  beforeEach(async () => {
    test = await createTestDatabase();
    await rulesUrlOf(test, false);
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-backup-'));
    spool = createSpoolDir();
    made = createTestArchive(test.database, spool.path);
  });
  afterEach(async () => {
    await made.archive.stop({ timeoutMs: 5000 });
    await admin.none('drop database if exists $<name:name> with (force)', { name: restoredName() });
    await test.drop();
    rmSync(folder, { recursive: true, force: true });
    spool.remove();
  });
  after(async () => {
    if (admin !== undefined) await closeDatabase(admin);
  });

  const name = () => new URL(test.url).pathname.slice(1);
  const restoredName = () => `${name()}_restored`;
  const restoredUrl = () => Object.assign(new URL(test.url), { pathname: `/${restoredName()}` }).href;

  async function record(events: number, failures = 0): Promise<void> {
    made.tracker.record(...Array.from({ length: events }, () => ({})));
    made.tracker.record(...Array.from({ length: failures }, () => ({ lane: 'keep' as const, status: 'failure' as const })));
    await made.archive.flush();
  }

  /** Runs lines of the page. `npx keepwatch` is that of this repository. */
  async function runLines(lines: string): Promise<string> {
    assert.notEqual(lines, '');
    const script = `set -euo pipefail; npx() { shift; ${KEEPWATCH_IN_SHELL} "$@"; }; ${lines}`;
    const ran = startProcess('bash', ['-c', script], {
      cwd: folder,
      env: {
        DATABASE_URL: test.url,
        RESTORED_URL: restoredUrl(),
        KEEPWATCH_SPOOL_DIR: spool.path,
        KEEPWATCH_RULES_PASSWORD: RULES_PASSWORD,
      },
    });
    assert.equal(await ran.exited, 0, ran.output());
    return ran.output();
  }

  /** The restored database takes the place of the one that was lost. */
  async function swap(): Promise<void> {
    await waitFor(async () => {
      await admin.any('select pg_terminate_backend(pid) from pg_stat_activity where datname = any($1)', [
        [name(), restoredName()],
      ]);
      await admin.none('alter database $1:name rename to $2:name', [name(), `${name()}_lost`]);
      return true;
    });
    await admin.none('alter database $1:name rename to $2:name', [restoredName(), name()]);
    await admin.none('drop database $1:name with (force)', [`${name()}_lost`]);
  }

  async function verify(): Promise<{ code: number | string; output: string }> {
    const ran = startKeepwatch(['verify'], { env: { DATABASE_URL: test.url, KEEPWATCH_SPOOL_DIR: spool.path } });
    return { code: await ran.exited, output: ran.output() };
  }

  async function idsOf(): Promise<string[]> {
    const rows = await test.database.any<{ id: string }>('select id from keepwatch.observability_metrics order by id');
    return rows.map(({ id }) => id);
  }

  it('comes back row for row, and a running process archives again what it lacks: nothing is lost', async () => {
    await test.database.none(`insert into keepwatch.budgets (name, period, limit_usd) values ('all', 'month', 10)`);
    await record(100, 20);
    const kept = await test.database.any(FINGERPRINTS);
    assert.ok(kept.length > 30);
    await runLines(DUMP);
    await record(60, 10);
    const before = await idsOf();
    assert.equal(before.length, 190);

    await admin.none('create database $1:name', [restoredName()]);
    await runLines(RESTORE);
    await swap();
    assert.deepEqual(await test.database.any(FINGERPRINTS), kept);
    const asReader = await test.database.tx(async (task) => {
      await task.none('set local role keepwatch_reader');
      return await task.any('select * from keepwatch.budgets');
    });
    assert.equal(asReader.length, 1);

    await record(40);
    const after = await idsOf();
    assert.equal(after.length, 230);
    assert.deepEqual(
      after.filter((id) => before.includes(id)),
      before,
    );
    const { code, output } = await verify();
    assert.equal(code, 0, output);
    assert.doesNotMatch(output, /lost/);
  });

  it('names what was lost, where the segments are gone too, and the process goes on', async () => {
    await record(50);
    await runLines(DUMP);
    await record(30, 5);
    const own = readdirSync(spool.path).find((entry) => entry !== 'suspect') ?? '';
    for (const file of readdirSync(join(spool.path, own)).filter((entry) => entry.endsWith('.ack')))
      rmSync(join(spool.path, own, file));
    await admin.none('create database $1:name', [restoredName()]);
    await runLines(RESTORE);
    await swap();
    await record(10);
    await made.archive.flush();
    assert.equal((await idsOf()).length, 60);
    const { code, output } = await verify();
    assert.equal(code, 0, output);
    assert.match(output, /30 events were lost when the database was restored/);
    assert.match(output, /5 events were lost when the database was restored/);
  });
});

function versionOf(binary: string): number {
  const { stdout } = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  return Number(/(\d+)\.\d+/.exec(stdout)?.[1]);
}
