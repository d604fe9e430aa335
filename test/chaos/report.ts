// What a campaign tells people: progress, failures with the way to play them again, and the sum.
import { KINDS } from './plan.ts';
import type { RunResult } from './run-result.ts';

export interface Summary {
  readonly seed: number;
  readonly passed: number;
  readonly failed: number;
  readonly runs: number;
  readonly events: number;
  /** How often each happened; a kind of both forms is added up. */
  readonly kinds: Readonly<Record<string, number>>;
  /** The longest time that an archive kept its app from going on, in milliseconds, by form. */
  readonly longestBlockMs: Readonly<Record<string, number>>;
  /** The slowest app's p99 of a recorded call, in microseconds. */
  readonly recordP99Us: number;
  readonly seconds: number;
}

/** @param strays what no run has caught: each counts as a failure */
export function summarize(seed: number, results: readonly RunResult[], strays: number, seconds: number): Summary {
  const kinds: Record<string, number> = {};
  const longestBlockMs: Record<string, number> = {};
  for (const { plan, longestBlockMs: blockMs } of results) {
    for (const { kind } of plan.steps) kinds[kind] = (kinds[kind] ?? 0) + 1;
    longestBlockMs[plan.form] = Math.round(Math.max(longestBlockMs[plan.form] ?? 0, blockMs));
  }
  const faultsOf = (some: readonly RunResult[]) => some.reduce((sum, { faults }) => sum + Math.max(1, faults), 0);
  return {
    seed,
    passed: faultsOf(results.filter((result) => !hasFailed(result))),
    failed: faultsOf(results.filter(hasFailed)) + strays,
    runs: results.length,
    events: results.reduce((sum, { events }) => sum + events, 0),
    kinds,
    longestBlockMs,
    recordP99Us: Math.round(Math.max(0, ...results.map(({ recordP99Us = 0 }) => recordP99Us))),
    seconds: Math.round(seconds),
  };
}

export function hasFailed({ problems }: RunResult): boolean {
  return problems.length > 0;
}

/** How to play a run again. */
export function formatAgain({ plan: { form, seed, kinds } }: RunResult): string {
  const isAll = kinds.length === Object.values(KINDS[form]).filter((weight) => weight > 0).length;
  return `npm run chaos -- --run ${form}:${seed}${isAll ? '' : ` --only ${kinds.join(',')}`}`;
}

export function formatFailure(result: RunResult): string {
  const { plan, problems, events } = result;
  const steps = plan.steps.map(
    ({ kind, app, events: recorded, leadMs, lastMs }) =>
      `    ${kind} on app ${app % plan.apps}, ${recorded} events, ${leadMs} ms after the work began, for ${lastMs} ms`,
  );
  return [
    `FAILED ${plan.form}:${plan.seed}, ${plan.apps} apps, ${events} events`,
    ...problems.map((problem) => `  ${problem}`),
    '  plan:',
    ...steps,
    `  again: ${formatAgain(result)}`,
  ].join('\n');
}

/** @param slowestSyncMs the longest that the disk under the servers took for a few bytes */
export function formatSummary(
  { seed, runs, events, kinds, longestBlockMs, recordP99Us, seconds, passed, failed }: Summary,
  slowestSyncMs: number,
): string {
  const counts = Object.entries(kinds).sort(([, a], [, b]) => b - a);
  const blocks = Object.entries(longestBlockMs).map(([form, ms]) => `${form} ${ms} ms`);
  return [
    `seed ${seed}: ${runs} runs, ${events} events, ${seconds} s`,
    `  ${counts.map(([kind, count]) => `${kind} ${count}`).join(', ')}`,
    `  longest time that an app could not go on: ${blocks.join(', ')}; p99 of a recorded call: ${recordP99Us} us; slowest fsync: ${Math.round(slowestSyncMs)} ms`,
    `${passed} passed, ${failed} failed`,
  ].join('\n');
}

export function formatProgress(summary: Summary, wanted: number): string {
  const done = summary.passed + summary.failed;
  return `${done} of ${wanted} faults, ${summary.failed} failed, ${summary.seconds} s`;
}
