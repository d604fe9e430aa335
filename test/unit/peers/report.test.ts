import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../../../demo/random.ts';
import { playFault } from '../../peers/faults.ts';
import { formatResults } from '../../peers/report.ts';
import type { RunResult } from '../../peers/run.ts';

describe('peers', () => {
  it('adds up what each lost and doubled in all rounds of a fault', () => {
    const results: RunResult[] = [
      { contender: 'keepwatch', fault: 'connections cut', recorded: 100, lost: 0, doubled: 0 },
      { contender: 'insert', fault: 'connections cut', recorded: 100, lost: 1, doubled: 20 },
      { contender: 'keepwatch', fault: 'connections cut', recorded: 50, lost: 0, doubled: 0 },
      { contender: 'insert', fault: 'connections cut', recorded: 50, lost: 2, doubled: 3 },
      { contender: 'insert', fault: 'no fault', recorded: 50, lost: 7, doubled: 7 },
    ];
    const [, , row, empty, legend] = formatResults(results, ['connections cut'], ['keepwatch', 'insert']).split('\n');
    assert.equal(row, '| connections cut | 150 | 0 / 0 | 3 / 23 |');
    assert.equal(empty, '');
    assert.match(legend ?? '', /^- \*\*keepwatch\*\*: /);
  });

  it('plays a fault in the time of the run', async () => {
    let cuts = 0;
    const proxies = [{ cut: () => cuts++ }] as never;
    const scene = { server: {} as never, asAdmin: () => sleep(0) as never, killApps: () => sleep(0), durationMs: 20, proxies };
    await playFault('connections cut', createRandom(1).next, scene);
    assert.equal(cuts, 8);
  });
});
