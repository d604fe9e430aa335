// What Node reports of errors and rejections that nobody handles. mocha's own listeners, which would end the test, stand aside meanwhile.
import { setImmediate as nextTurn } from 'node:timers/promises';

const EVENTS = ['unhandledRejection', 'uncaughtException'] as const;

/** Name and reason of each report that comes while `work` runs and in the two turns after it. */
export async function reportedWhile(work: () => unknown): Promise<[event: string, reason: unknown][]> {
  const reported: [string, unknown][] = [];
  const listeners = EVENTS.map((event) => process.rawListeners(event));
  for (const event of EVENTS) {
    process.removeAllListeners(event);
    process.on(event, (reason: unknown) => reported.push([event, reason]));
  }
  try {
    await work();
    await nextTurn();
    await nextTurn();
  } finally {
    for (const [index, event] of EVENTS.entries()) {
      process.removeAllListeners(event);
      for (const listener of listeners[index] ?? []) process.on(event, listener as () => void);
    }
  }
  return reported;
}
