// Several processes on one folder, killed amid their writes, with torn lines thrown in: what was flushed is there, once, whole.
import assert from 'node:assert/strict';
import { appendFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createJsonlFolder, readFolder } from '../../support/jsonl-folder.ts';
import { type RunningProcess, startProgram } from '../../support/process.ts';
import { waitFor } from '../../support/wait-for.ts';

const FLUSHED = /flushed (\d+)/g;

describe('JSONL files, written by several processes', function () {
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

  function start(name: string): RunningProcess {
    const started = startProgram('test/e2e/programs/jsonl-writer.ts', [folder.path, name]);
    running.push(started);
    return started;
  }

  /** How many events it has said to be in their file. */
  const flushed = (writer: RunningProcess) => Number([...writer.output().matchAll(FLUSHED)].at(-1)?.[1] ?? 0);

  /** The numbers of the events of a writer, as they stand in the files. */
  function numbersOf(name: string): number[] {
    return readFolder(folder.path)
      .events.filter((event) => event.name === name)
      .map(({ metadata }) => metadata['n'] as number);
  }

  function assertHasAll(name: string, atLeast: number): void {
    const numbers = numbersOf(name);
    assert.equal(new Set(numbers).size, numbers.length, `${name}: none twice`);
    const first = new Set(numbers);
    for (let number = 0; number < atLeast; number++) assert.ok(first.has(number), `${name}: ${number} of ${atLeast} is missing`);
  }

  it('keeps all that was flushed when they are killed, and at most a torn line of each', async () => {
    const writers = ['a', 'b', 'c'].map((name) => ({ name, process: start(name) }));
    await waitFor(() => writers.every(({ process }) => flushed(process) > 4000), { timeoutMs: 60_000 });
    await Promise.all(writers.map(({ process }) => process.end('SIGKILL')));
    for (const { name, process } of writers) assertHasAll(name, flushed(process));
    const { broken } = readFolder(folder.path);
    assert.ok(broken.length <= writers.length, `${broken.length} broken lines`);
  });

  it('loses and doubles nothing where others leave torn lines all the time', async () => {
    const writers = ['a', 'b'].map((name) => ({ name, process: start(name) }));
    await waitFor(() => writers.every(({ process }) => flushed(process) > 0), { timeoutMs: 60_000 });
    const [file = ''] = readdirSync(folder.path);
    let torn = 0;
    const tearing = setInterval(() => {
      torn++;
      appendFileSync(join(folder.path, file), `{"id":"torn ${torn}`);
    }, 1);
    const enough = () => torn > 500 && writers.every(({ process }) => flushed(process) > 5000);
    await waitFor(enough, { timeoutMs: 60_000 }).finally(() => clearInterval(tearing));
    for (const { name, process } of writers) {
      assert.equal(await process.end('SIGTERM'), 0, process.output());
      const { recorded, stats } = JSON.parse(process.output().trim().split('\n').at(-1) ?? '');
      assert.deepEqual([stats.archived, stats.spoolEvents, stats.dropped], [recorded, 0, {}]);
      assertHasAll(name, recorded);
      assert.equal(numbersOf(name).length, recorded);
    }
    assert.ok(readFolder(folder.path).broken.length <= torn);
  });
});
