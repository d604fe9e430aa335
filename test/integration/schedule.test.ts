// A schedule on the clock of the machine, in its own seconds.
import assert from 'node:assert/strict';
import { startSchedule } from '../../src/schedule.ts';
import { waitFor } from '../support/wait-for.ts';

describe('startSchedule, on the clock of the machine', function () {
  this.timeout(15_000);

  /** Another schedule has run, behind the one under test: it has let its second pass. */
  async function nextSecond(): Promise<void> {
    let runs = 0;
    const witness = startSchedule('* * * * * *', async () => {
      runs++;
    });
    await waitFor(() => runs === 2);
    witness.stop();
  }

  it('runs in every second that is named, until it is stopped', async () => {
    let runs = 0;
    const schedule = startSchedule('* * * * * *', async () => {
      runs++;
    });
    await waitFor(() => runs === 2);
    schedule.stop();
    await nextSecond();
    assert.equal(runs, 2);
  });

  it('leaves a run out while one is under way, and goes on behind one that rejects', async () => {
    let runs = 0;
    let finish: (() => void) | undefined;
    const schedule = startSchedule('* * * * * *', () => {
      runs++;
      return new Promise((_, reject) => {
        finish = () => reject(new Error('no'));
      });
    });
    await waitFor(() => runs === 1);
    await nextSecond();
    assert.equal(runs, 1);
    finish?.();
    await waitFor(() => runs === 2);
    schedule.stop();
  });
});
