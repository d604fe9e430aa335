// One process run: the plan's faults on real processes and a real server, then the judgement.
import { describeError } from '../../../src/errors.ts';
import { within } from '../../../src/within.ts';
import { judge } from '../oracle.ts';
import type { Kind, Plan } from '../plan.ts';
import type { RunResult } from '../run-result.ts';
import { playStep } from './faults.ts';
import type { ProcessStage } from './stage.ts';
import { World } from './world.ts';

const DEADLINE_MS = 400_000;
/** Faults that stop whole processes for a while. */
const STOPS: readonly Kind<'process'>[] = ['freeze', 'outsleep', 'damage', 'read-only'];

export async function runProcesses(plan: Plan<'process'>, stage: ProcessStage): Promise<RunResult> {
  const startedMs = performance.now();
  const service = `chaos-${plan.seed.toString(36)}`;
  const url = await stage.createDatabase(service);
  const world = new World(service, stage, url);
  stage.onEnd(() => world.close());
  const problems: string[] = [];
  let faults = 0;
  const play = async () => {
    try {
      for (let app = 0; app < plan.apps; app++) await world.openSlot(plan.steps.some(({ kind }) => kind === 'outsleep'));
      for (const step of plan.steps) if (await playStep(world, step)) faults++;
      await world.settle();
      problems.push(
        ...(await judge({ evidence: world.evidence, database: world.database, spoolDirs: [world.spoolDir], service })),
      );
    } catch (error) {
      problems.push(`the run failed: ${describeError(error)}${error instanceof Error ? `\n${error.stack}` : ''}`);
    }
  };
  if (!(await within(DEADLINE_MS, play()))) problems.push(`it hangs: not done after ${DEADLINE_MS / 1000} s`);
  problems.push(...world.watermarks.problems, ...world.apps.flatMap(({ strays }) => strays));
  const events = [...world.evidence.apps.values()].reduce((sum, app) => sum + app.recorded, 0);
  const wasStopped = plan.steps.some(({ kind }) => STOPS.includes(kind));
  const longestBlockMs = wasStopped ? 0 : Math.max(0, ...world.apps.map((app) => app.longestBlockMs));
  const recordP99Us = Math.max(0, ...world.apps.map((app) => app.recordP99Us));
  await world.close();
  await stage.dropDatabase(service).catch((error: unknown) => problems.push(`the server is gone: ${describeError(error)}`));
  await stage.disk.clear();
  return { plan, faults, events, problems, longestBlockMs, recordP99Us, seconds: (performance.now() - startedMs) / 1000 };
}
