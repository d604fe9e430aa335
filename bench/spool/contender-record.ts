// Recording alone, the reference: events go through the ring, and the pump lets them go.
import { serveStore } from './contender.ts';
import { createKeepwatchStore } from './keepwatch-store.ts';

serveStore(createKeepwatchStore(() => ({ sink: undefined, finish: async () => 0, reset() {} })));
