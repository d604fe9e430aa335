// What a busy machine takes from everybody, so that tests of how long something takes are as strict on one that has time, and no stricter on others.
import { setTimeout as delay } from 'node:timers/promises';

export interface Machine {
  /**
   * How much of the time between two moments (Date.now) the machine took from whoever waits, as one does for a lease or a lock; and from somebody who
   * has so many statements to wait for besides, one after the other.
   */
  lateMs(fromMs: number, toMs: number, statements?: number): number;
  stop(): Promise<void>;
}

const PROBE_MS = 100;
/** How long an answer may take on a machine that has time. */
const ANSWER_MS = 10;

/**
 * Measures how late somebody is who has nothing to do but to wait 100 ms and ask the database something, again and again. Whoever waits is as late
 * as all of that together; whoever works, once for each statement. On an idle machine that is 0.
 */
export function watchMachine(ask: () => Promise<unknown>): Machine {
  const asked: { readonly atMs: number; readonly lateMs: number }[] = [];
  let isStopped = false;
  /** Undefined: nothing is asked any more. */
  let askingSinceMs: number | undefined;
  const lateNow = () => Math.max(0, Date.now() - (askingSinceMs ?? Date.now()) - PROBE_MS - ANSWER_MS);
  const watching = (async () => {
    while (!isStopped) {
      askingSinceMs = Date.now();
      await delay(PROBE_MS);
      await ask();
      asked.push({ atMs: Date.now(), lateMs: lateNow() });
    }
    askingSinceMs = undefined;
  })();
  return {
    lateMs(fromMs, toMs, statements = 0) {
      const meanwhile = asked.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
      const sumMs = meanwhile.reduce((sum, { lateMs }) => sum + lateMs, toMs >= (askingSinceMs ?? Infinity) ? lateNow() : 0);
      return sumMs + (statements * sumMs) / Math.max(1, meanwhile.length);
    },
    stop() {
      isStopped = true;
      return watching;
    },
  };
}
