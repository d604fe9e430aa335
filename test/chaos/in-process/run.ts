// One in-process run: the plan's faults on archives in this process, then the judgement.
import { createRandom } from '../../../demo/random.ts';
import type { Database } from '../../../src/db/database.ts';
import { describeError } from '../../../src/errors.ts';
import { within } from '../../../src/within.ts';
import { judge } from '../oracle.ts';
import type { Plan } from '../plan.ts';
import type { RunResult } from '../run-result.ts';
import { withScopedDate } from '../scoped-date.ts';
import type { SmallDisk } from '../small-disk.ts';
import { playStep } from './faults.ts';
import { World } from './world.ts';

const DEADLINE_MS = 300_000;
/** Most clocks are right; the others are off by so much. Beyond the ingest window all events are quarantined. */
const SKEWS_MS = [0, 0, 0, 0, 0, -30_000, 30_000, 7_200_000, -8 * 86_400_000] as const;

/** Where it runs; shared by runs that come one after another. */
export interface Stage {
  readonly url: string;
  readonly database: Database;
  readonly disk: SmallDisk;
}

export async function runInProcess(plan: Plan<'in-process'>, { url, database, disk }: Stage): Promise<RunResult> {
  const wall = { shiftMs: 0 };
  return withScopedDate(wall, async () => {
    const startedMs = performance.now();
    const service = `chaos-${plan.seed.toString(36)}`;
    const world = new World({ service, url, database, disk, wall });
    const problems: string[] = [];
    let faults = 0;
    const play = async () => {
      try {
        const random = createRandom(plan.seed);
        for (let app = 0; app < plan.apps; app++) await world.startApp(random.pick(SKEWS_MS));
        for (const step of plan.steps) if (await playStep(world, step)) faults++;
        await world.settle();
        problems.push(...(await judge({ evidence: world.evidence, database, spoolDirs: world.spoolDirs, service })));
      } catch (error) {
        problems.push(`the run failed: ${describeError(error)}${error instanceof Error ? `\n${error.stack}` : ''}`);
      }
    };
    if (!(await within(DEADLINE_MS, play()))) problems.push(`it hangs: not done after ${DEADLINE_MS / 1000} s`);
    problems.push(...world.watermarks.problems);
    const events = [...world.evidence.apps.values()].reduce((sum, app) => sum + app.recorded, 0);
    const longestBlockMs = Math.max(...world.apps.map(({ tracker }) => tracker.longestAcceptMs));
    await world.close();
    await disk.clear();
    return { plan, faults, events, problems, longestBlockMs, seconds: (performance.now() - startedMs) / 1000 };
  });
}
