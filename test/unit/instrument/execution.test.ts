import assert from 'node:assert/strict';
import { HOSTILE_VALUES } from '../../support/hostile.ts';
import { Tracked } from '../../support/tracked.ts';

describe('An execution in the caller’s hands', () => {
  it('ends once, however often and in whatever way it is ended', () => {
    const tracked = new Tracked();
    {
      using execution = tracked.tracker.start({ type: 'tool', name: 'x' });
      execution.fail(new Error('first'));
      execution.end();
      execution.abort();
      execution[Symbol.dispose]();
    }
    assert.deepEqual(tracked.endings(), [['failure', undefined]]);
  });

  it('ends with `await using` too, before the block is left', async () => {
    const tracked = new Tracked();
    {
      // oxlint-disable-next-line typescript/await-thenable -- `await using` takes what `using` takes
      await using execution = tracked.tracker.start({ type: 'tool', name: 'x' });
      execution.set({ inside: true });
      assert.deepEqual(tracked.events(), []);
    }
    assert.deepEqual(tracked.endings(), [['success', undefined]]);
  });

  it('lets the error of a `using` block through, even when recording fails', () => {
    const broken = new Error('the app’s');
    const tracked = new Tracked({
      clock: { now: () => 0, monotonicMs: () => assert.fail('ours'), anchorMs: 0, adjust: () => 0 },
    });
    assert.throws(() => {
      using _execution = tracked.tracker.start({ type: 'tool', name: 'x' });
      throw broken;
    }, broken);
  });

  it('has an id that cannot be guessed, and is ended by it once', () => {
    const tracked = new Tracked();
    const { tracker } = tracked;
    const ids = Array.from({ length: 100 }, () => tracker.startExecution('job'));
    assert.equal(new Set(ids).size, 100);
    assert.ok(ids.every((id) => /^[0-9a-f-]{36}$/.test(id)));
    assert.deepEqual([tracker.endExecution(ids[0] ?? ''), tracker.endExecution(ids[0] ?? '')], [true, false]);
    assert.deepEqual(
      [tracker.endExecution(''), tracker.endExecution('__proto__'), tracker.endExecution(`${ids[1]} `)],
      [false, false, false],
    );
    for (const value of Object.values(HOSTILE_VALUES)) assert.equal(tracker.endExecution(value as string), false);
    assert.equal(tracked.events().length, 1);
  });

  it('is ended by id whatever is said of its end', () => {
    const tracked = new Tracked();
    const { tracker } = tracked;
    for (const value of Object.values(HOSTILE_VALUES)) {
      assert.equal(tracker.endExecution(tracker.startExecution('job'), value as never), true);
      assert.equal(tracker.endExecution(tracker.startExecution('job', value as never), { metadata: value as never }), true);
    }
    assert.equal(tracker.counts().recorded, 2 * Object.keys(HOSTILE_VALUES).length);
  });
});
