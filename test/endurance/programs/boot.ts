// An app that boots, measures a hundred calls and ends, as many do at once in a deployment. Configured by its environment.
import { createKeepwatch } from '../../../src/index.ts';

const keepwatch = await createKeepwatch();
await keepwatch.start();
const call = keepwatch.tracker.track({ type: 'tool', name: 'look_up' }, (id: number) => id);
for (let id = 0; id < 100; id++) call(id);
await keepwatch.flush();
await keepwatch.stop({ timeoutMs: 30_000 });
process.stdout.write(`${JSON.stringify(keepwatch.status())}\n`);
