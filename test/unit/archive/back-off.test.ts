import assert from 'node:assert/strict';
import { BackOff } from '../../../src/archive/back-off.ts';

describe('BackOff', () => {
  function create() {
    const lines: string[] = [];
    const note = (_fields: object, message: string) => lines.push(message);
    const clock = { ms: 0 };
    return {
      lines,
      clock,
      backOff: new BackOff('archive', { debug: note, info: note, warn: note, error: note }, { now: () => clock.ms }),
    };
  }

  /** How long it waits after a failure. */
  function waitAfterFailure({ clock, backOff }: ReturnType<typeof create>): number {
    const startMs = clock.ms;
    backOff.fail(new Error('no'));
    while (backOff.isWaiting) clock.ms += 10;
    return clock.ms - startMs;
  }

  it('waits longer after each failure, from 0.5 s to 15 s, with jitter', () => {
    const made = create();
    const waits = Array.from({ length: 9 }, () => waitAfterFailure(made));
    waits.forEach((ms, index) => {
      const longest = Math.min(15_000, 500 * 2 ** index);
      assert.ok(ms >= longest / 2 && ms <= longest + 10, `${ms} ms after failure ${index + 1}`);
    });
  });

  it('logs one line when it begins to fail and one when it is well again', () => {
    const made = create();
    made.backOff.succeed();
    waitAfterFailure(made);
    waitAfterFailure(made);
    assert.equal(made.backOff.reason, 'no');
    made.backOff.succeed();
    made.backOff.succeed();
    assert.equal(made.backOff.reason, undefined);
    assert.equal(made.backOff.isWaiting, false);
    assert.deepEqual(made.lines, ['archive degraded: events wait in the spool', 'archive recovered']);
  });
});
