// What all contenders for storing events on the disk share: they are given events in bursts, and store each burst while they are watched.

import { createReferenceEvents, type ReferenceEvent } from '../archive/reference-events.ts';
import { answerParent, cpuUs } from '../child-side.ts';

export interface SpoolSlice {
  /** CPU time of the process, all threads, a million events; by Keepwatch, recording them is a part of it. */
  readonly cpuSeconds: number;
  /** On the disk; 0 where nothing is stored. */
  readonly bytesPerEvent: number;
  /** The longest time between two turns of the event loop, as far as the process had the CPU meanwhile. */
  readonly longestBlockMs: number;
}

export type SpoolContenderMethods = {
  /** Stores so many events. @param argument.bursts of `BURST` events each */
  run(argument: { bursts: number }): Promise<SpoolSlice>;
};

/** Where a contender brings events to. Files of its own go to the working folder. */
export interface Store {
  /** Has the next burst ready, in the turn of the event loop before it is drained. */
  fill(): void;
  /** Brings the burst on its way; resolves when no work for it is left but that of the disk. */
  drain(noteTurn: () => void): Promise<void>;
  /** Everything is on the disk, and synced. @returns bytes there */
  finish(): Promise<number>;
  /** Removes it, and begins anew. @throws when it did not hold `events` */
  reset(events: number): Promise<void> | void;
}

/** Events at a time: an eighth of the ring, where the pump begins to hurry. */
export const BURST = 1024;

export function serveStore(store: Store): void {
  answerParent({
    async run({ bursts }) {
      let longestBlockMs = 0;
      const startUs = cpuUs();
      for (let burst = 0; burst < bursts; burst++) {
        store.fill();
        const turns = watchTurns();
        await store.drain(turns.note);
        longestBlockMs = Math.max(longestBlockMs, turns.longestMs());
      }
      const bytes = await store.finish();
      const usedUs = cpuUs() - startUs;
      const events = bursts * BURST;
      await store.reset(events);
      return { cpuSeconds: usedUs / events, bytesPerEvent: bytes / events, longestBlockMs };
    },
  } satisfies SpoolContenderMethods);
}

/** Of another process the machine may think more highly for a while: only what was both waited and worked is a block. */
function watchTurns(): { note(): void; longestMs(): number } {
  let longestMs = 0;
  let atMs = performance.now();
  let atUs = cpuUs();
  return {
    note() {
      const nowMs = performance.now();
      const nowUs = cpuUs();
      longestMs = Math.max(longestMs, Math.min(nowMs - atMs, (nowUs - atUs) / 1000));
      atMs = nowMs;
      atUs = nowUs;
    },
    longestMs: () => longestMs,
  };
}

/** One burst of the reference events, which every contender stores again and again. */
export function createBurst(): ReferenceEvent[] {
  return createReferenceEvents(BURST, Date.now());
}
