// Work on a cron schedule. node-cron reads the expressions; the waiting is ours, second by second: its own runner sleeps until the wall clock
// has come to the next slot, so that a clock that is set back an hour stops all work for an hour, and one set ahead by days blocks the process.
import { createTask, validate } from 'node-cron';

const SECOND_MS = 1000;
/** How many seconds that nobody looked at (the process was busy) are made up for; behind a greater gap the clock was set. */
const MAX_LATE_SECONDS = 60;

export interface Schedule {
  /** No new run is begun; one that is under way goes on. */
  stop(): void;
}

/** Whether `expression` has 5 or 6 fields that node-cron understands, and that some moment fulfils. */
export function isCronExpression(expression: string): boolean {
  return [5, 6].includes(expression.trim().split(/\s+/).length) && validate(expression);
}

/**
 * Calls `work` in every second that the expression names. A run that is due while one is under way is left out. The timer does not keep the
 * process alive.
 * @param work must not reject
 * @param wallMs milliseconds since the epoch; may jump. Default `Date.now`
 * @throws Error of node-cron when the expression is none
 */
export function startSchedule(expression: string, work: () => Promise<void>, wallMs: () => number = Date.now): Schedule {
  const task = createTask(expression, () => {});
  let lastSecond = secondOf(wallMs());
  let isRunning = false;
  let timer = setTimeout(look, untilNextSecond(wallMs())).unref();

  function look(): void {
    const second = secondOf(wallMs());
    const isDue = secondsToLookAt(lastSecond, second).some((each) => task.match(new Date(each * SECOND_MS)));
    lastSecond = second;
    timer = setTimeout(look, untilNextSecond(wallMs())).unref();
    if (!isDue || isRunning) return;
    void run();
  }

  async function run(): Promise<void> {
    isRunning = true;
    try {
      await work();
    } catch {
      // The contract says that it does not; the next slot comes all the same.
    } finally {
      isRunning = false;
    }
  }

  return {
    stop() {
      clearTimeout(timer);
      void task.destroy();
    },
  };
}

function secondOf(ms: number): number {
  return Math.floor(ms / SECOND_MS);
}

function untilNextSecond(ms: number): number {
  return SECOND_MS - (ms % SECOND_MS);
}

/** Those after `last`; only `now` when the clock was set. */
function secondsToLookAt(last: number, now: number): number[] {
  const passed = now - last;
  if (passed < 0 || passed > MAX_LATE_SECONDS) return [now];
  return Array.from({ length: passed }, (_, index) => last + 1 + index);
}
