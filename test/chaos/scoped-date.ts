// A wall clock that jumps for one run alone: what is started inside of `withScopedDate` sees `Date` shifted, others do not.
import { AsyncLocalStorage } from 'node:async_hooks';

export interface WallClock {
  shiftMs: number;
}

const scope = new AsyncLocalStorage<WallClock>();
const RealDate = globalThis.Date;

/** Replaces the global `Date`, once, for as long as the process lives. Without a scope it is as before. */
export function installScopedDate(): void {
  if (globalThis.Date !== RealDate) return;
  const shiftMs = () => scope.getStore()?.shiftMs ?? 0;
  globalThis.Date = class extends RealDate {
    constructor(...given: unknown[]) {
      if (given.length === 0) super(RealDate.now() + shiftMs());
      else super(...(given as [number]));
    }
    static override now(): number {
      return RealDate.now() + shiftMs();
    }
  } as DateConstructor;
}

/** Runs `work`, and all that it starts, by a wall clock of its own. */
export function withScopedDate<T>(clock: WallClock, work: () => Promise<T>): Promise<T> {
  return scope.run(clock, work);
}
