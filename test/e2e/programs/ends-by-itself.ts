// An app that does its work and has nothing more to do; it forgets to stop Keepwatch.
import { createKeepwatch } from '../../../src/index.ts';

const keepwatch = await createKeepwatch();
await keepwatch.start();
const work = () => keepwatch.tracker.track({ type: 'custom', name: 'work' }, () => 1)();
for (let call = 0; call < 3; call++) work();
await keepwatch.flush();
process.stdout.write(`flushed ${keepwatch.status().archive?.archived}\n`);
work();
