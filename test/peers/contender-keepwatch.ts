// Keepwatch as an app uses it.
import { join } from 'node:path';
import { createKeepwatch } from '../../src/index.ts';
import { waitFor } from '../support/wait-for.ts';
import { type ChildPlan, type Contender, FINISH_MS } from './contender.ts';
import { hasSegments } from './segments.ts';

export async function createKeepwatchContender(plan: ChildPlan): Promise<Contender> {
  const keepwatch = await createKeepwatch({
    databaseUrl: plan.databaseUrl,
    spoolDir: join(plan.folder, 'spool'),
    service: `run-${plan.run}`,
    archiveCron: '* * * * * *',
    rules: [],
    logLevel: 'silent',
  });
  await keepwatch.start();
  const { tracker } = keepwatch;
  return {
    record: (number) => tracker.start({ type: 'tool', name: 'work', metadata: { number } }).end(),
    // As an app that goes on running would: what waits, also of a process that was killed, is archived when Postgres is back.
    async finish() {
      await keepwatch.flush();
      await waitFor(() => !hasSegments(plan.folder), { timeoutMs: FINISH_MS }).catch(() => {});
      await keepwatch.stop({ timeoutMs: FINISH_MS });
    },
  };
}
