// A person is erased from day files while processes append to them, and while what erases is killed: no event is lost, doubled or harmed.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMatcher } from '../../../src/archive/erase/criteria.ts';
import type { EventRow } from '../../../src/event-row.ts';
import { type EraseDaysOptions, type ErasedDays, eraseDays } from '../../../src/jsonl/erase-days.ts';
import { eventOf } from '../../support/erase-site.ts';
import { createJsonlFolder, createTestStore, readFolder } from '../../support/jsonl-folder.ts';
import { type RunningProcess, startProgram } from '../../support/process.ts';
import { waitFor } from '../../support/wait-for.ts';

const ERASED = { 'keepwatch.erased': true };
const DAY_MS = 86_400_000;

describe('eraseDays', function () {
  this.timeout(90_000);
  let folder: ReturnType<typeof createJsonlFolder>;
  const running: RunningProcess[] = [];
  beforeEach(() => {
    folder = createJsonlFolder();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((process) => process.end('SIGKILL')));
    folder.remove();
  });

  const erase = (options: Partial<EraseDaysOptions> = {}): Promise<ErasedDays> =>
    eraseDays({
      folder: folder.path,
      matcher: createMatcher([{ key: 'user_id', value: 'bob' }]),
      range: { fromMs: -Infinity, untilMs: Infinity },
      isDryRun: false,
      ...options,
    });

  /** Of each user an event a day, today and on the three days before. */
  async function record(...users: string[]): Promise<void> {
    const { store, tracker } = createTestStore(folder.path);
    const now = Date.now();
    for (let day = 0; day < 4; day++) tracker.record(...users.map((user) => eventOf(user, { endMs: now - day * DAY_MS })));
    await store.stop({ timeoutMs: 5000 });
  }

  const withoutContent = ({ metadata: _metadata, error: _error, ...event }: EventRow) => event;

  it('counts what it would take, takes it, and leaves events, other people and times of files as they were', async () => {
    await record('bob', 'ann', 'bob');
    const before = readFolder(folder.path).events;
    const old = readdirSync(folder.path).sort()[0] ?? '';
    utimesSync(join(folder.path, old), new Date(1e12), new Date(1e12));
    const bytes = readdirSync(folder.path).map((name) => readFileSync(join(folder.path, name), 'utf8'));

    assert.deepEqual(await erase({ isDryRun: true }), { events: 8, files: 4, left: [] });
    assert.deepEqual(
      readdirSync(folder.path).map((name) => readFileSync(join(folder.path, name), 'utf8')),
      bytes,
    );
    assert.deepEqual(await erase(), { events: 8, files: 4, left: [] });
    const { events, broken } = readFolder(folder.path);
    assert.deepEqual([events.map(withoutContent), broken], [before.map(withoutContent), []]);
    for (const [index, { metadata, error }] of events.entries()) {
      const isBob = before[index]?.metadata['user_id'] === 'bob';
      assert.deepEqual([metadata, error], isBob ? [ERASED, 'erased'] : [before[index]?.metadata, before[index]?.error]);
    }
    for (const name of readdirSync(folder.path)) assert.ok(!readFileSync(join(folder.path, name)).includes('bob'));
    assert.equal(statSync(join(folder.path, old)).mtimeMs, 1e12, 'retention goes by it');
    assert.deepEqual(await erase(), { events: 0, files: 0, left: [] });
  });

  it('erases only what ended in the time that is asked for', async () => {
    await record('bob');
    const { events } = await erase({ range: { fromMs: Date.now() - 2.5 * DAY_MS, untilMs: Date.now() - 0.5 * DAY_MS } });
    assert.equal(events, 2);
  });

  it('names lines that hold it and are no events, and files that cannot be read, and goes on', async () => {
    await record('bob');
    const [first = '', second = ''] = readdirSync(folder.path).sort();
    for (let line = 0; line < 5; line++) appendFileSync(join(folder.path, first), `{"user_id":"bob"\n{"user_id":"ann"\n`);
    appendFileSync(join(folder.path, second), '{"metadata":{"user_id":"bob"}');
    mkdirSync(join(folder.path, '2020-01-01.jsonl'));
    const { events, left } = await erase();
    assert.equal(events, 4);
    assert.deepEqual(
      left.map((each) => each.replace(folder.path, '').replace(/\d{4}-\d\d-\d\d/, 'day')),
      [
        `/day.jsonl:2: no event can be read from it: erase again, or look at it`,
        ...[2, 4, 6].map((line) => `/day.jsonl:${line}: no event can be read from it: erase again, or look at it`),
        `/day.jsonl: and 2 more lines`,
        `/day.jsonl: EISDIR: illegal operation on a directory, open '${folder.path}/2020-01-01.jsonl'`.replace(
          /'.*/,
          `'${folder.path}/2020-01-01.jsonl'`,
        ),
      ],
    );
  });

  it('finishes what a run that was cut off has begun, and touches no other file', async () => {
    await record('bob', 'ann');
    const [name = ''] = readdirSync(folder.path).sort();
    const path = join(folder.path, name);
    const before = readFileSync(path, 'latin1');
    const note = async (file: string, inode: bigint) => {
      const at = before.indexOf('"metadata":') + '"metadata":'.length;
      const length = before.indexOf('}', at) + 1 - at;
      const content = JSON.stringify({ file, inode: String(inode), overwrites: [[at, length, '{"keepwatch.erased":true}']] });
      writeFileSync(join(folder.path, 'erase-0123456789abcdef.redo'), content);
      return { at, length };
    };
    // A page of it was written, and the power went.
    const { at } = await note(name, statSync(path, { bigint: true }).ino);
    writeFileSync(path, Buffer.from(`${before.slice(0, at + 4)}.erased":true}    ${before.slice(at + 22)}`, 'latin1'));
    assert.equal(readFolder(folder.path).broken.length, 1);
    assert.equal((await erase()).events, 3, 'the others; the error of this one too');
    assert.deepEqual(readFolder(folder.path).broken, []);
    assert.deepEqual(
      readdirSync(folder.path).filter((each) => !each.endsWith('.jsonl')),
      [],
    );

    const whole = readFileSync(path);
    await note(name, 7n);
    writeFileSync(join(folder.path, 'erase-00112233445566ff.redo'), '{"file":"2026-11-2');
    await erase();
    assert.deepEqual(readFileSync(path), whole);
    assert.deepEqual(
      readdirSync(folder.path).filter((each) => !each.endsWith('.jsonl')),
      [],
    );
  });

  it('loses, doubles and overlooks nothing while processes append', async () => {
    const writers = ['a', 'b'].map((name) => {
      const process = startProgram('test/e2e/programs/jsonl-writer.ts', [folder.path, name, '30000']);
      running.push(process);
      return { name, process };
    });
    // Every third event is asked for, in a time in which it is written over and over.
    const matcher = {
      matches: (metadata: unknown) => Number((metadata as { n?: number }).n) % 3 === 0,
      mayHold: () => false,
    };
    const flushed = (process: RunningProcess) => process.output().split('flushed').length;
    let erased = 0;
    await waitFor(
      async () => {
        erased += (await erase({ matcher })).events;
        return erased > 3000 && writers.every(({ process }) => flushed(process) > 30);
      },
      { timeoutMs: 60_000 },
    );
    let recorded = 0;
    let asked = 0;
    for (const { process } of writers) {
      assert.equal(await process.end('SIGTERM'), 0, process.output());
      const end = JSON.parse(process.output().trim().split('\n').at(-1) ?? '') as {
        recorded: number;
        stats: { archived: number };
      };
      assert.equal(end.stats.archived, end.recorded);
      recorded += end.recorded;
      asked += Math.ceil(end.recorded / 3);
    }
    erased += (await erase({ matcher })).events;
    const { events, broken } = readFolder(folder.path);
    assert.deepEqual([events.length, new Set(events.map(({ id }) => id)).size, broken], [recorded, recorded, []]);
    assert.deepEqual([erased, events.filter(({ metadata }) => metadata['keepwatch.erased'] === true).length], [asked, asked]);
    assert.ok(events.every(({ metadata }) => metadata['n'] === undefined || Number(metadata['n']) % 3 !== 0));
  });
});
