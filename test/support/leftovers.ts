// What a run leaves behind: sockets of pools, servers, child processes, workers, timers. Each would keep the process alive, or hide a leak.
import type { ChildProcess } from 'node:child_process';
import { type Server, Socket } from 'node:net';
import { waitFor } from './wait-for.ts';

interface Timer {
  readonly timer: WeakRef<NodeJS.Timeout>;
  /** Its stack is text only when somebody reads it: sources are looked up then. */
  readonly made: Error;
}

const timers = new Set<Timer>();

/** From now on every timer remembers where it was made. */
export function rememberTimers(): void {
  for (const name of ['setTimeout', 'setInterval'] as const) {
    const original = globalThis[name] as (...given: unknown[]) => NodeJS.Timeout;
    const remembering = (...given: unknown[]) => {
      const timer = original(...given);
      timers.add({ timer: new WeakRef(timer), made: new Error() });
      if (timers.size % 1000 === 0) forgetEnded();
      return timer;
    };
    globalThis[name] = Object.assign(remembering, original) as never;
  }
}

function placeOf({ made }: Timer): string {
  const lines = (made.stack ?? '').split('\n').slice(2);
  const ours = lines.find((line) => !line.includes('node:') && !line.includes('node_modules'));
  return (ours ?? lines.find((line) => !line.includes('node:')) ?? 'an unknown place').trim();
}

function forgetEnded(): void {
  for (const entry of timers) if (!isRunning(entry)) timers.delete(entry);
}

function isRunning({ timer }: Timer): boolean {
  const found = timer.deref();
  return found?.hasRef() === true && (found as unknown as { _destroyed: boolean })._destroyed === false;
}

/** @throws Error naming what is still there after a second */
export async function waitForNothingLeft(): Promise<void> {
  try {
    await waitFor(() => leftovers().length === 0, { timeoutMs: 1000 });
  } catch {
    throw new Error(`the tests leave behind: ${leftovers().join('; ')}`);
  }
}

function leftovers(): string[] {
  const handles = (process as unknown as { _getActiveHandles(): object[] })._getActiveHandles();
  const inUse = handles.map(describeHandle).filter((text) => text !== undefined);
  const running = [...timers].filter(isRunning).map(placeOf);
  const ofTests = running.filter((place) => !/mocha|wait-for/.test(place));
  return [...inUse, ...ofTests.map((place) => `a timer made ${place}`)];
}

/** Undefined for what belongs to the process itself, and for what does not keep it alive. */
function describeHandle(handle: object): string | undefined {
  const { _handle } = handle as { _handle?: { hasRef?(): boolean; fd?: number } | null };
  if (_handle?.hasRef?.() === false) return undefined;
  switch (handle.constructor.name) {
    case 'ChildProcess': {
      const child = handle as ChildProcess;
      return `child process ${child.pid}: ${child.spawnargs.join(' ').slice(0, 200)}`;
    }
    case 'Worker':
      return 'a worker thread';
    case 'Server':
      return `a server on ${JSON.stringify((handle as Server).address())}`;
    default:
  }
  if (handle instanceof Socket && handle.remotePort !== undefined) {
    return `a socket to ${handle.remoteAddress}:${handle.remotePort} (a pool or a client that was not closed)`;
  }
  return undefined;
}
