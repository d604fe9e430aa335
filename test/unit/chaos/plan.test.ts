import assert from 'node:assert/strict';
import { parseOptions } from '../../chaos/options.ts';
import { drawPlan, drawSeeds, KINDS, type Kind } from '../../chaos/plan.ts';
import { formatAgain, summarize } from '../../chaos/report.ts';

const ALL = Object.keys(KINDS['in-process']) as Kind<'in-process'>[];

describe('the plan of a chaos run', () => {
  it('is the same for the same seed, and another for another one', () => {
    assert.deepEqual(drawPlan('in-process', 7, ALL), drawPlan('in-process', 7, ALL));
    assert.notDeepEqual(drawPlan('in-process', 7, ALL).steps, drawPlan('in-process', 8, ALL).steps);
    assert.deepEqual(drawSeeds(3, 5), drawSeeds(3, 9).slice(0, 5));
  });

  it('holds every kind of fault, sooner or later, and no other than asked for', () => {
    const drawn = new Set(drawSeeds(1, 100).flatMap((seed) => drawPlan('in-process', seed, ALL).steps.map(({ kind }) => kind)));
    assert.deepEqual([...drawn].sort(), [...ALL].sort());
    const { steps } = drawPlan('process', 1, ['freeze', 'outsleep']);
    assert.ok(
      steps.every(({ kind }) => kind === 'freeze'),
      'what takes half a minute is drawn alone',
    );
    assert.deepEqual(
      drawPlan('process', 1, ['outsleep']).steps.map(({ kind }) => kind),
      ['outsleep'],
    );
  });

  it('is named by a command that plays it again', () => {
    const result = { faults: 8, events: 1, problems: [], longestBlockMs: 0, seconds: 1 };
    assert.equal(formatAgain({ ...result, plan: drawPlan('in-process', 12, ALL) }), 'npm run chaos -- --run in-process:12');
    const again = formatAgain({ ...result, plan: drawPlan('process', 12, ['cut', 'stall']) });
    assert.equal(again, 'npm run chaos -- --run process:12 --only cut,stall');
    const options = parseOptions(again.split(' ').slice(4));
    assert.deepEqual(options.run, { form: 'process', seed: 12 });
    assert.deepEqual(options.only, ['cut', 'stall']);
  });

  it('counts the faults of a run that failed as failed, and what nobody caught', () => {
    const plan = drawPlan('in-process', 12, ALL);
    const result = { plan, events: 10, longestBlockMs: 1.4, seconds: 1 };
    const results = [
      { ...result, faults: 7, problems: [] },
      { ...result, faults: 0, problems: ['lost: 1'] },
    ];
    const { passed, failed, runs, events } = summarize(1, results, 2, 3);
    assert.deepEqual({ passed, failed, runs, events }, { passed: 7, failed: 3, runs: 2, events: 20 });
  });

  for (const [args, message] of [
    [['--only', 'cut,nonsense'], /--only: got nonsense; allowed: cut, /],
    [['--faults', 'many'], /--faults: got many; allowed: a whole number/],
    [['--form', 'both'], /--form: got both; allowed: in-process, process/],
    [['--run', 'x:1'], /--run: got x; allowed: in-process, process/],
  ] as const) {
    it(`refuses ${args.join(' ')}`, () => {
      assert.throws(() => parseOptions(args), message);
    });
  }
});
