// An app that records events at a steady rate until it has recorded all, or is killed. Argument: a ChildPlan as JSON. Says after each tick how
// far it is, in a way that survives its end: writes to a pipe are synchronous.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../support/wait-for.ts';
import { type ChildPlan, type Contender, EVENTS_PER_TICK, GO_FILE, MAX_QUEUE, TICK_MS } from './contender.ts';
import { createInsertContender } from './contender-insert.ts';

const plan = JSON.parse(process.argv[2] ?? '{}') as ChildPlan;

async function create(): Promise<Contender> {
  switch (plan.contender) {
    case 'keepwatch':
      return (await import('./contender-keepwatch.ts')).createKeepwatchContender(plan);
    case 'insert':
      return createInsertContender(plan, { isUnique: false, retries: true, maxQueue: Infinity });
    case 'insert-unique':
      return createInsertContender(plan, { isUnique: true, retries: true, maxQueue: Infinity });
    case 'batch-queue':
      return createInsertContender(plan, { isUnique: false, retries: false, maxQueue: MAX_QUEUE });
  }
}

const contender = await create();
process.stdout.write('ready\n');
// All begin at once, so that the same faults meet them in the same moments.
await waitFor(() => existsSync(join(plan.folder, GO_FILE)), { timeoutMs: 60_000 });
for (let next = plan.from; next <= plan.to; ) {
  const last = Math.min(plan.to, next + EVENTS_PER_TICK - 1);
  for (; next <= last; next++) contender.record(next);
  process.stdout.write(`recorded ${last}\n`);
  await sleep(TICK_MS);
}
await contender.finish();
process.stdout.write('finished\n');
process.exit(0);
