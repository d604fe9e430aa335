// Writes events to a JSONL folder, numbered, as fast as it may, and says after each flush how many are in it. Ends well at SIGTERM. Given how
// many, it writes no more than about so many, and waits for the signal.
import { setTimeout as delay } from 'node:timers/promises';
import { createTestStore } from '../../support/jsonl-folder.ts';

const [folder = '', name = '', most = 'Infinity'] = process.argv.slice(2);
const { store, tracker } = createTestStore(folder);
const series = { type: 'custom', name, service: 'test', metadata: '' } as const;
let isStopping = false;
process.once('SIGTERM', () => {
  isStopping = true;
});
let number = 0;
while (!isStopping) {
  for (let index = 0; index < 200 && number < Number(most); index++) {
    tracker.record({ series, metadata: `"n":${number++},"text":"${'x'.repeat(200)}"` });
  }
  await store.flush();
  process.stdout.write(`flushed ${store.stats().archived}\n`);
  await delay(2);
}
await store.stop({ timeoutMs: 5000 });
process.stdout.write(`${JSON.stringify({ recorded: tracker.recorded, stats: store.stats() })}\n`);
