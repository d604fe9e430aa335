// Whether the tests of the rules for Prometheus would find out a rule that is wrong: mutants of them, each given to `promtool test rules` until one of the
// tests fails. RULE_MUTANTS: how many, drawn by RULE_MUTANTS_SEED, or `all`.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { parse } from 'yaml';
import { PROMETHEUS_FOLDER } from '../../support/promql.ts';
import { mutantsOf, type RuleGroup, type RuleMutant } from '../../support/rule-mutants.ts';
import { needTool } from '../../support/tools.ts';

const COUNT = process.env['RULE_MUTANTS'] ?? '40';
const SEED = Number(process.env['RULE_MUTANTS_SEED'] ?? Date.now() % 1e6);
const AT_ONCE = 2;
const run = promisify(execFile);

const NO_EXACT_RATIO = 'what is measured is a fraction that is never exactly the bound';
const ONE_SERIES = 'an instance has one series of each kind; the sum only takes away labels that scraping adds';
const ONLY_ZERO = 'what is never below 0 is 0, or is not, whichever way it is added up or scaled';
const SCALE_FREE = 'a quantile is the same whatever all buckets are multiplied with';

/** Mutants that say the same as the rule, and why. */
const EQUIVALENT: Readonly<Record<string, string>> = {
  'SloBurnsFast: expr 17: > as >=': NO_EXACT_RATIO,
  'SloBurnsFast: expr 45: > as >=': NO_EXACT_RATIO,
  'SloBurnsFast: expr 78: >= as >': NO_EXACT_RATIO,
  'SloBurns: expr 17: > as >=': NO_EXACT_RATIO,
  'SloBurns: expr 43: > as >=': NO_EXACT_RATIO,
  'SloBurns: expr 73: >= as >': NO_EXACT_RATIO,
  'SloBurnsSlowly: expr 17: > as >=': NO_EXACT_RATIO,
  'SloBurnsSlowly: expr 42: > as >=': NO_EXACT_RATIO,
  'SloBurnsSlowly: expr 72: >= as >': NO_EXACT_RATIO,
  'SloBudgetSpent: expr 17: > as >=': NO_EXACT_RATIO,
  'SloBudgetSpent: expr 42: > as >=': NO_EXACT_RATIO,
  'SloBudgetSpent: expr 72: >= as >': NO_EXACT_RATIO,
  'KeepwatchSpoolFilling: expr 198: < as <=': NO_EXACT_RATIO,
  'KeepwatchEventsDropped: expr 0: sum as max': ONE_SERIES,
  'KeepwatchLogsDropped: expr 0: sum as max': ONE_SERIES,
  'KeepwatchEventsRefused: expr 0: sum as max': ONE_SERIES,
  'KeepwatchSeriesOverflow: expr 0: sum as max': ONE_SERIES,
  'KeepwatchInternalErrors: expr 0: sum as max': ONE_SERIES,
  'KeepwatchSeriesOverflow: expr 35: increase as rate': ONLY_ZERO,
  'KeepwatchEvaluatorStalled: expr 0: sum as max': ONLY_ZERO,
  'KeepwatchEvaluatorStalled: expr 14: rate as increase': ONLY_ZERO,
  'job:http_request_duration_seconds:p95_5m: expr 43: rate as increase': SCALE_FREE,
  'job_route:http_request_duration_seconds:p95_5m: expr 57: rate as increase': SCALE_FREE,
};

describe('rules for Prometheus in which something is not right', () => {
  const mutants = readdirSync(join(PROMETHEUS_FOLDER, 'rules')).flatMap((file) =>
    mutantsOf(groupsOf(file)).map((mutant) => ({ ...mutant, file })),
  );
  const wrong = mutants.filter(({ what }) => EQUIVALENT[what] === undefined);
  let promtool: string;

  before(function () {
    promtool = needTool(this, 'promtool');
  });

  it('are told from those that are the same by one list', () => {
    const all = mutants.map(({ what }) => what);
    assert.equal(new Set(all).size, all.length);
    assert.deepEqual(
      Object.keys(EQUIVALENT).filter((what) => !all.includes(what)),
      [],
    );
  });

  const count = COUNT === 'all' ? wrong.length : Number(COUNT);
  it(`are found out by promtool's tests, ${count} of ${wrong.length} by seed ${SEED}`, async function () {
    this.timeout(count * 20_000);
    const [drawn = []] = fc.sample(fc.shuffledSubarray(wrong, { minLength: count, maxLength: count }), {
      seed: SEED,
      numRuns: 1,
    });
    const waiting = [...drawn];
    const missed: string[] = [];
    const work = async () => {
      for (let mutant = waiting.pop(); mutant !== undefined; mutant = waiting.pop())
        if (!(await isFoundOut(mutant))) missed.push(`${mutant.file}: ${mutant.what}`);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    assert.deepEqual(missed.sort(), [], `seed ${SEED}`);
  });

  /** By a test of a file that loads the rules. */
  async function isFoundOut({ file, groups }: RuleMutant & { readonly file: string }): Promise<boolean> {
    const folder = mkdtempSync(join(tmpdir(), 'keepwatch-mutant-'));
    try {
      cpSync(PROMETHEUS_FOLDER, folder, { recursive: true });
      writeFileSync(join(folder, 'rules', file), JSON.stringify({ groups }));
      for (const test of testsOf(file)) {
        const { code, stdout, stderr } = await run(promtool, ['test', 'rules', join(folder, 'tests', test)]).then(
          (said) => ({ code: 0, ...said }),
          (error: { readonly code: number; readonly stdout: string; readonly stderr: string }) => error,
        );
        assert.doesNotMatch(stdout + stderr, /could not parse expression|parse error/, 'a mutant is PromQL');
        if (code !== 0) return true;
      }
      return false;
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
});

function groupsOf(file: string): RuleGroup[] {
  return (parse(readFileSync(join(PROMETHEUS_FOLDER, 'rules', file), 'utf8')) as { groups: RuleGroup[] }).groups;
}

/** The files that load them. */
function testsOf(rules: string): string[] {
  const tests = readdirSync(join(PROMETHEUS_FOLDER, 'tests')).filter((file) => {
    const { rule_files: files } = parse(readFileSync(join(PROMETHEUS_FOLDER, 'tests', file), 'utf8')) as { rule_files: string[] };
    return files.some((path) => basename(path) === rules);
  });
  return tests;
}
