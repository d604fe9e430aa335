// `keepwatch spool`: what a person does with the files that wait on a disk.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatSourceId } from '../../src/archive/spool/source.ts';
import type { SpooledLane, VerifiedSpool } from '../../src/archive/spool/spool-inspection.ts';
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import { createTestDatabase, freePort, type TestDatabase } from '../support/postgres.ts';
import { startKeepwatch } from '../support/process.ts';
import { createSpoolDir, createTestArchive, listWaiting } from '../support/test-archive.ts';

describe('keepwatch spool', function () {
  this.timeout(120_000);
  let test: TestDatabase;
  let away: Database;
  let spool: ReturnType<typeof createSpoolDir>;
  before(async () => {
    test = await createTestDatabase();
    away = createDatabase({ url: `postgres://nobody@127.0.0.1:${await freePort()}/none`, max: 1 });
  });
  beforeEach(() => {
    spool = createSpoolDir();
  });
  afterEach(() => spool.remove());
  after(async () => {
    await closeDatabase(away);
    await test.drop();
  });

  async function keepwatch(
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<{ code: number | string; output: string }> {
    const started = startKeepwatch(['spool', ...args], {
      cwd: spool.path,
      env: { DATABASE_URL: test.url, KEEPWATCH_SPOOL_DIR: spool.path, ...env },
    });
    return { code: await started.exited, output: started.output() };
  }
  const json = async <T>(args: readonly string[]) => JSON.parse((await keepwatch([...args, '--json'])).output) as T;

  /** What a process leaves that was killed while Postgres was away: 20 events, half of them failures. @returns its folder */
  async function leave({ isDead = true }: { isDead?: boolean } = {}): Promise<string> {
    const { archive, tracker } = createTestArchive(away, spool.path);
    for (let event = 0; event < 10; event++) tracker.record({ lane: 'keep', status: 'failure' }, {});
    tracker.collect();
    await archive.stop({ timeoutMs: 2000 });
    const folder = join(spool.path, formatSourceId(archive.sourceId));
    const sourceFile = join(folder, 'source.json');
    const source = JSON.parse(readFileSync(sourceFile, 'utf8')) as object;
    if (isDead) writeFileSync(sourceFile, JSON.stringify({ ...source, pidStartTime: '1' }));
    return folder;
  }

  const countRows = async (folder: string) => {
    const sourceId = BigInt(`0x${folder.slice(-16)}`);
    return (
      await test.database.one<{ rows: number }>(
        'select count(*)::int as rows from keepwatch.observability_metrics where source_id = $1',
        [sourceId],
      )
    ).rows;
  };

  it('says how much is set aside, in ls and in verify', async () => {
    mkdirSync(join(spool.path, 'suspect'));
    writeFileSync(join(spool.path, 'suspect', '0123456789abcdef-rest-0000000001.seg'), 'x'.repeat(2000));
    const line = /^suspect\/: 1 file \(2\.0 kB\) that no event could be read from/m;
    assert.match((await keepwatch(['ls'])).output, line);
    assert.match((await keepwatch(['verify'])).output, line);
  });

  it('lists what waits, by source and lane, and whether its process lives', async () => {
    assert.match((await keepwatch(['ls'])).output, /^nothing waits in /);
    const dead = await leave();
    await leave({ isDead: false });
    const lanes = await json<SpooledLane[]>(['ls']);
    assert.deepEqual(lanes.map(({ owner, lane, segments }) => `${owner} ${lane} ${segments}`).sort(), [
      'alive keep 1',
      'alive rest 1',
      'dead keep 1',
      'dead rest 1',
    ]);
    const bytes = readdirSync(dead).map((name) => (name.endsWith('.seg') ? statSync(join(dead, name)).size : 0));
    const listed = lanes.filter(({ folder }) => dead.endsWith(folder)).map((lane) => lane.bytes);
    assert.equal(
      listed.reduce((a, b) => a + b),
      bytes.reduce((a, b) => a + b),
    );
    assert.match((await keepwatch(['ls'])).output, /SOURCE +FOLDER +SERVICE +INSTANCE +PROCESS +LANE +SEGMENTS +SIZE +OLDEST/);
  });

  it('verifies every segment, and names the place of what is damaged', async () => {
    const folder = await leave();
    const well = await keepwatch(['verify']);
    assert.equal(well.code, 0, well.output);
    assert.match(well.output, /ok: every segment can be read/);
    const path = join(folder, 'rest-0000000001.seg');
    const bytes = readFileSync(path);
    const at = bytes.indexOf('KWBK');
    bytes[at + 200] = (bytes[at + 200] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const ill = await keepwatch(['verify']);
    assert.equal(ill.code, 1);
    assert.match(ill.output, new RegExp(`rest-0000000001\\.seg: no block can be read from \\d+ bytes at ${at}`));
    const lanes = await json<VerifiedSpool[]>(['verify']);
    assert.deepEqual(
      lanes.map(({ lane, events }) => [lane, events]),
      [
        ['keep', 10],
        ['rest', 0],
      ],
    );
  });

  it('drains what dead processes left, and leaves alone what has an owner', async () => {
    const dead = await leave();
    const living = await leave({ isDead: false });
    const { archived, left } = await json<{ archived: number; left: SpooledLane[] }>(['drain']);
    assert.deepEqual([archived, left.map(({ owner }) => owner)], [20, ['alive', 'alive']]);
    assert.deepEqual([await countRows(dead), await countRows(living)], [20, 0]);
    assert.ok(listWaiting(spool.path).every((path) => path.startsWith(living.slice(-16))));
    assert.match((await keepwatch(['ls'])).output, /\nacknowledged: 2 segments \(\d+\.\d kB\), kept 5 min/);
  });

  it('repairs a folder that does not say whose it is, and sets aside what is no segment; then it is drained', async () => {
    const folder = await leave();
    rmSync(join(folder, 'source.json'));
    writeFileSync(join(folder, 'rest-0000000002.seg'), 'something else');
    assert.equal((await json<{ archived: number }>(['drain'])).archived, 0);
    const before = readdirSync(folder);
    assert.match((await keepwatch(['repair', '--dry-run'])).output, /source\.json: written from[\s\S]*nothing is changed/);
    assert.deepEqual(readdirSync(folder), before);
    const { code, output } = await keepwatch(['repair']);
    assert.equal(code, 0, output);
    assert.match(
      output,
      /rest-0000000002\.seg: is no segment: moved to suspect\/[\s\S]*source\.json: written from what the segments say/,
    );
    assert.equal((await keepwatch(['repair'])).output, 'nothing to repair\n');
    utimesSync(join(folder, 'source.json'), 0, 0); // half a minute goes by
    assert.equal((await json<{ archived: number }>(['drain'])).archived, 20);
    assert.equal(await countRows(folder), 20);
  });

  it('does not touch what a newer version wrote', async () => {
    const folder = await leave();
    const newer = JSON.stringify({ formatVersion: 2, anything: true });
    writeFileSync(join(folder, 'source.json'), newer);
    assert.equal((await keepwatch(['repair'])).output, 'nothing to repair\n');
    assert.equal(readFileSync(join(folder, 'source.json'), 'utf8'), newer);
  });

  it('says in one line that Postgres is away, with exit code 3, and changes nothing', async () => {
    const folder = await leave();
    const before = readdirSync(folder);
    const { code, output } = await keepwatch(['drain'], {
      DATABASE_URL: `postgres://me:hunter2@127.0.0.1:${await freePort()}/app`,
    });
    assert.equal(code, 3, output);
    assert.match(output, /^keepwatch: Postgres at .* does not answer/);
    assert.deepEqual(readdirSync(folder), before);
  });

  it('passes over what is no source', async () => {
    mkdirSync(join(spool.path, 'notes'));
    writeFileSync(join(spool.path, 'readme.txt'), 'mine');
    assert.match((await keepwatch(['ls'])).output, /^nothing waits/);
    assert.equal((await keepwatch(['verify'])).code, 0);
    assert.equal((await keepwatch(['repair'])).output, 'nothing to repair\n');
  });
});
