// The same 1,000 random series through the state machine and through Debian's `promtool test rules`: what is pending and firing in each slot has
// to be the same. What both know: a row that breaches, one that does not, none; `for` and keep_firing_for. A rule says as Prometheus does with
// `missing` and `no_data` {policy: ok, after: 1}, without clear_when, M of N, steps and latch, as long as each slot is evaluated without error.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type AlertInstance, advance, type State, type StatePolicy } from '../../../src/alerts/state.ts';
import { needTool } from '../../support/tools.ts';

const EVERY = 60_000;
const SLOTS = 40;
const SERIES_PER_RULE = 50;
const RULES = [0, 30, 60, 150, 300].flatMap((forSeconds) =>
  [0, 60, 90, 240].map((keepSeconds) => ({ name: `for_${forSeconds}_keep_${keepSeconds}`, forSeconds, keepSeconds })),
);
type Rule = (typeof RULES)[number];

/** What a slot of a series is; Prometheus gives its values, and a stale marker for none. */
type Given = 'breach' | 'clear' | 'missing';
const VALUES: Readonly<Record<Given, string>> = { breach: '1', clear: '0', missing: 'stale' };

interface RandomSeries {
  readonly rule: Rule;
  readonly name: string;
  readonly given: readonly Given[];
}

/** In spells, so that `for` and keep_firing_for run out as well as not. */
const spells: fc.Arbitrary<Given[]> = fc
  .array(fc.tuple(fc.constantFrom<Given>('breach', 'breach', 'clear', 'missing'), fc.constantFrom(1, 1, 2, 3, 4, 6)), {
    minLength: SLOTS,
    maxLength: SLOTS,
  })
  .map((all) => all.flatMap(([given, times]) => Array.from({ length: times }, () => given)).slice(0, SLOTS));

function randomSeries(seed: number): RandomSeries[] {
  const histories = fc.sample(spells, { seed, numRuns: RULES.length * SERIES_PER_RULE });
  return histories.map((given, index) => {
    const rule = RULES[index % RULES.length];
    assert.ok(rule !== undefined);
    return { rule, name: `s${index}`, given };
  });
}

function statesOf({ rule, given }: RandomSeries): State[] {
  const policy: StatePolicy = {
    for: { ms: rule.forSeconds * 1000 },
    everyMs: EVERY,
    keepFiringForMs: rule.keepSeconds * 1000,
    missing: { policy: 'ok', after: 1 },
    latch: false,
    incidentId: String,
  };
  let instance: AlertInstance | undefined;
  return given.map((input, slot) => {
    instance = advance(instance, input, slot * EVERY, policy).instance;
    return instance?.state ?? 'ok';
  });
}

/** Prometheus has one word for firing and recovering. */
function alertstate(state: State | undefined): 'pending' | 'firing' | undefined {
  if (state === 'pending') return 'pending';
  return state === 'firing' || state === 'recovering' ? 'firing' : undefined;
}

/** A rule file and a test file; JSON is YAML. */
function promtoolFiles(series: readonly RandomSeries[], states: readonly (readonly State[])[]): { rules: string; tests: string } {
  const rules = RULES.map(({ name, forSeconds, keepSeconds }) => ({
    alert: name,
    expr: `x{rule="${name}"} == 1`,
    for: `${forSeconds}s`,
    keep_firing_for: `${keepSeconds}s`,
  }));
  const expectations = Array.from({ length: SLOTS }, (_, slot) => ({
    expr: 'ALERTS',
    eval_time: `${slot}m`,
    exp_samples: series.flatMap(({ rule, name }, index) => {
      const state = alertstate(states[index]?.[slot]);
      if (state === undefined) return [];
      return [
        { labels: `ALERTS{alertname="${rule.name}",alertstate="${state}",rule="${rule.name}",series="${name}"}`, value: 1 },
      ];
    }),
  }));
  const test = {
    interval: '1m',
    input_series: series.map(({ rule, name, given }) => ({
      series: `x{rule="${rule.name}",series="${name}"}`,
      values: given.map((one) => VALUES[one]).join(' '),
    })),
    promql_expr_test: expectations,
  };
  return {
    rules: JSON.stringify({ groups: [{ name: 'g', rules }] }),
    tests: JSON.stringify({ rule_files: ['rules.yaml'], evaluation_interval: '1m', tests: [test] }),
  };
}

describe('Prometheus and the state machine', function () {
  this.timeout(120_000);

  it('agree on pending and firing of 1,000 random series in each of 40 slots', function () {
    const promtool = needTool(this, 'promtool');
    const series = randomSeries(20_240_607);
    assert.equal(series.length, 1000);
    const states = series.map(statesOf);
    for (const state of ['pending', 'firing', 'recovering', 'ok'])
      assert.ok(states.flat().filter((one) => one === state).length > 1000, state);
    const folder = mkdtempSync(join(tmpdir(), 'keepwatch-promtool-'));
    try {
      const { rules, tests } = promtoolFiles(series, states);
      writeFileSync(join(folder, 'rules.yaml'), rules);
      writeFileSync(join(folder, 'tests.yaml'), tests);
      const { status, stdout, stderr } = spawnSync(promtool, ['test', 'rules', 'tests.yaml'], {
        cwd: folder,
        encoding: 'utf8',
        timeout: 110_000,
        maxBuffer: 64_000_000,
      });
      assert.equal(status, 0, `${stdout}${stderr}`.slice(0, 4000));
      assert.match(stdout, /SUCCESS/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
