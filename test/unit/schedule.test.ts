import assert from 'node:assert/strict';
import { isCronExpression, startSchedule } from '../../src/schedule.ts';
import { waitFor } from '../support/wait-for.ts';

const HOUR_MS = 3_600_000;
/** How long a second of the wall clock takes here. A schedule on the clock of the machine is in `test/integration/schedule.test.ts`. */
const SECOND_MS = 20;

/** A wall clock that shows the last 20 ms of a second, then at once those of the next one. */
function hurriedMs(): number {
  const ms = Math.floor(performance.now());
  return Math.floor(ms / SECOND_MS) * 1000 + 1000 - SECOND_MS + (ms % SECOND_MS);
}

describe('startSchedule', () => {
  /** A schedule on a wall clock that a test sets; of every second unless another is named. */
  function start({
    expression = '* * * * * *',
    work = async () => {},
  }: {
    expression?: string;
    work?: () => Promise<void>;
  } = {}) {
    const state = { offsetMs: 0, runs: 0, looks: 0, seconds: 0 };
    const begunMs = hurriedMs();
    const schedule = startSchedule(
      expression,
      () => {
        state.runs++;
        return work();
      },
      () => {
        state.looks++;
        const ms = hurriedMs();
        state.seconds = Math.ceil((ms - begunMs) / 1000);
        return ms + state.offsetMs;
      },
    );
    return { state, schedule };
  }

  for (const [expression, every] of [
    ['* * * * * *', 1],
    ['*/5 * * * * *', 5],
  ] as const) {
    it(`runs in every second that ${expression} names, until it is stopped`, async () => {
      const { state, schedule } = start({ expression });
      await waitFor(() => state.runs >= 3);
      schedule.stop();
      const { runs, seconds } = state;
      assert.ok(runs <= Math.ceil(seconds / every), `${runs} runs in ${seconds} seconds`);
      await new Promise((done) => setTimeout(done, 3 * every * SECOND_MS));
      assert.equal(state.runs, runs);
    });
  }

  for (const [title, offsetMs] of [
    ['back by an hour', -HOUR_MS],
    ['ahead by ten days', 240 * HOUR_MS],
  ] as const) {
    it(`goes on when the clock is set ${title}, and set right again`, async () => {
      const { state, schedule } = start();
      for (const offset of [offsetMs, 0]) {
        state.offsetMs = offset;
        const { runs } = state;
        await waitFor(() => state.runs > runs, { timeoutMs: 2500 });
      }
      schedule.stop();
      assert.ok(state.runs <= state.seconds + 2, `${state.runs} runs in ${state.seconds} seconds`);
    });
  }

  it('leaves a run out while one is under way, and goes on behind one that rejects', async () => {
    let finish: (() => void) | undefined;
    const { state, schedule } = start({
      work: () =>
        new Promise((_, reject) => {
          finish = () => reject(new Error('no'));
        }),
    });
    await waitFor(() => state.runs === 1);
    const { looks } = state;
    await waitFor(() => state.looks > looks + 2);
    assert.equal(state.runs, 1);
    finish?.();
    await waitFor(() => state.runs === 2);
    schedule.stop();
  });
});

describe('isCronExpression', () => {
  it('knows what node-cron can run', () => {
    for (const expression of ['* * * * *', '*/2 * * * * *', '0 3 29 2 *']) assert.ok(isCronExpression(expression), expression);
    for (const expression of ['', 'x', '* * * *', '61 * * * * *', '0 0 30 2 *', '@hourly', '* * * * * * *']) {
      assert.ok(!isCronExpression(expression), expression);
    }
  });
});
