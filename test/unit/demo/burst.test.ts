import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { BURST_RULES_FILE, type Burst, createBurst } from '../../../demo/burst.ts';

describe('createBurst', () => {
  const calm = { pending: 0, firing: 0 };
  let rates: number[];
  let lines: string[];
  let burst: Burst;

  beforeEach(() => {
    rates = [];
    lines = [];
    burst = createBurst({
      setFailureRate: (rate) => rates.push(rate),
      normalFailureRate: 0.01,
      print: (line) => lines.push(line),
      delayMs: 8000,
      lengthMs: 15_000,
    });
  });

  it('lets the provider fail for its time, once', () => {
    for (let elapsedMs = 0; elapsedMs <= 60_000; elapsedMs += 1000) {
      burst.tick(elapsedMs, calm);
      assert.deepEqual(rates, elapsedMs < 8000 ? [] : elapsedMs < 23_000 ? [0.9] : [0.9, 0.01], `at ${elapsedMs} ms`);
    }
  });

  it('tells pending, firing and resolved once each, in this order', () => {
    const states = [
      calm,
      { pending: 1, firing: 0 },
      { pending: 1, firing: 0 },
      { pending: 0, firing: 1 },
      { pending: 1, firing: 1 },
      calm,
      calm,
    ];
    lines.length = 0;
    for (const alerts of states) burst.tick(0, alerts);
    assert.deepEqual(
      lines.map((line) => /PENDING|FIRING|RESOLVED/.exec(line)?.[0]),
      ['PENDING', 'FIRING', 'RESOLVED'],
    );
  });

  it('says nothing of an alert that is pending and then is not', () => {
    lines.length = 0;
    burst.tick(0, { pending: 1, firing: 0 });
    burst.tick(0, calm);
    assert.equal(lines.length, 1);
  });

  it('gives the provider back when it is ended in the middle', () => {
    burst.tick(9000, calm);
    burst.end();
    burst.tick(60_000, calm);
    assert.deepEqual(rates, [0.9, 0.01]);
  });

  it('ships its rules', () => {
    assert.ok(existsSync(BURST_RULES_FILE), BURST_RULES_FILE);
  });
});
