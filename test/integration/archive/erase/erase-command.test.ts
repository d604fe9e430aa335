// The command as a person runs it, and the examples of docs/personal-data.md.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { eventOf, placesOf } from '../../../support/erase-site.ts';
import { createJsonlFolder, createTestStore, readFolder } from '../../../support/jsonl-folder.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres.ts';
import { startKeepwatch } from '../../../support/process.ts';
import { createSpoolDir, createTestArchive } from '../../../support/test-archive.ts';

describe('keepwatch erase', function () {
  this.timeout(120_000);
  let test: TestDatabase;
  let spool: ReturnType<typeof createSpoolDir>;
  before(async () => {
    test = await createTestDatabase();
    spool = createSpoolDir();
  });
  after(async () => {
    await test.drop();
    spool.remove();
  });

  async function run(args: readonly string[], url = test.url): Promise<{ code: number | string; output: string }> {
    const env = { DATABASE_URL: url, KEEPWATCH_SPOOL_DIR: spool.path };
    const started = startKeepwatch(args, { cwd: spool.path, env });
    return { code: await started.exited, output: started.output() };
  }

  async function record(user: string, times: number): Promise<void> {
    const { archive, tracker } = createTestArchive(test.database, spool.path);
    tracker.record(...Array.from({ length: times }, () => eventOf(user)));
    await archive.stop({ timeoutMs: 10_000 });
  }

  it('counts, erases, says where, and finds nothing the next time', async () => {
    const user = `zq-'%_"ü\u{1f600}`;
    await record(user, 3);
    const args = ['erase', '--where', `user_id=${user}`];
    const dry = await run([...args, '--dry-run']);
    assert.equal(dry.code, 0, dry.output);
    assert.match(
      dry.output,
      /^keepwatch\.observability_metrics_p\d+ +3\nthe spool \(1 file\) +3\nwould erase 6 events; nothing is changed/m,
    );
    const done = await run([...args, '--json']);
    assert.equal(done.code, 0, done.output);
    const { dryRun, spoolEvents, left } = JSON.parse(done.output) as Record<string, unknown>;
    assert.deepEqual([dryRun, spoolEvents, left], [false, 3, []]);
    assert.deepEqual(await placesOf('zq-', test.database, spool.path), {});
    const again = await run(args);
    assert.deepEqual([again.code, again.output], [0, 'no event matches\n']);
  });

  it('looks into the files of KEEPWATCH_JSONL_DIR too, where there is a database beside them', async () => {
    const folder = createJsonlFolder();
    const { store, tracker } = createTestStore(folder.path);
    tracker.record(eventOf('both'), eventOf('other'));
    await store.stop({ timeoutMs: 5000 });
    await record('both', 2);
    const env = { DATABASE_URL: test.url, KEEPWATCH_SPOOL_DIR: spool.path, KEEPWATCH_JSONL_DIR: folder.path };
    const started = startKeepwatch(['erase', '--where', 'user_id=both'], { cwd: spool.path, env });
    assert.equal(await started.exited, 0, started.output());
    assert.match(started.output(), /^KEEPWATCH_JSONL_DIR \(1 file\) +1\nerased 5 events$/m);
    assert.deepEqual(
      readFolder(folder.path).events.map(({ error }) => error),
      ['erased', 'no rights for other'],
    );
    folder.remove();
  });

  it('says what is wrong with its options, and that Postgres is down', async () => {
    for (const args of [
      ['erase'],
      ['erase', '--where', 'user_id'],
      ['erase', '--where', '=x'],
      ['erase', '--where', 'a=b', '--from', 'soon'],
    ]) {
      const { code, output } = await run(args);
      assert.equal(code, 2, output);
      assert.match(output, /allowed: |required option '--where/);
    }
    const down = await run(['erase', '--where', 'a=b'], 'postgres://nobody@127.0.0.1:1/none');
    assert.equal(down.code, 3, down.output);
  });

  it('does what docs/personal-data.md shows', async () => {
    const text = readFileSync(new URL('../../../../docs/personal-data.md', import.meta.url), 'utf8');
    const examples = [...text.matchAll(/^ {4}keepwatch (erase .*)$/gm)].map(([, args = '']) => args.split(' '));
    assert.equal(examples.length, 3);
    await record('42', 2);
    for (const args of examples) {
      const { code, output } = await run(args);
      assert.equal(code, 0, output);
      if (args.includes('--yes')) assert.match(output, /^erased 4 events$/m);
      if (args.includes('--json')) JSON.parse(output);
    }
    assert.deepEqual(await placesOf('no rights for 42', test.database, spool.path), {});
  });
});
