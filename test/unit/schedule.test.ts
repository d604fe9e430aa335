import assert from 'node:assert/strict';
import { isCronExpression, startSchedule } from '../../src/schedule.ts';
import { waitFor } from '../support/wait-for.ts';

const HOUR_MS = 3_600_000;

describe('startSchedule', () => {
  /** A schedule of every second, on a wall clock that a test sets. */
  function start(work: () => Promise<void> = async () => {}) {
    const state = { offsetMs: 0, runs: 0, looks: 0 };
    const schedule = startSchedule(
      '* * * * * *',
      () => {
        state.runs++;
        return work();
      },
      () => {
        state.looks++;
        return Date.now() + state.offsetMs;
      },
    );
    return { state, schedule };
  }

  it('runs in every second that is named, until it is stopped', async function () {
    this.timeout(10_000);
    const { state, schedule } = start();
    await waitFor(() => state.runs === 2);
    schedule.stop();
    const { runs } = state;
    await new Promise((done) => setTimeout(done, 1100));
    assert.equal(state.runs, runs);
  });

  for (const [title, offsetMs] of [
    ['back by an hour', -HOUR_MS],
    ['ahead by ten days', 240 * HOUR_MS],
  ] as const) {
    it(`goes on when the clock is set ${title}, and set right again`, async function () {
      this.timeout(10_000);
      const { state, schedule } = start();
      for (const offset of [offsetMs, 0]) {
        state.offsetMs = offset;
        const { runs } = state;
        await waitFor(() => state.runs > runs, { timeoutMs: 2500 });
      }
      assert.ok(state.runs <= 6, `${state.runs} runs`);
      schedule.stop();
    });
  }

  it('leaves a run out while one is under way, and goes on behind one that rejects', async function () {
    this.timeout(10_000);
    let finish: (() => void) | undefined;
    const { state, schedule } = start(
      () =>
        new Promise((_, reject) => {
          finish = () => reject(new Error('no'));
        }),
    );
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
