// What all contenders for wrapped calls share: they wrap a small sync and a small async function, and call them many times.
import { setImmediate } from 'node:timers/promises';
import { answerParent, cpuUs } from '../child-side.ts';

export type Work = (input: number) => number;
export type AsyncWork = (input: number) => Promise<number>;

/** How a contender measures a function. */
export interface Wrapper {
  sync(work: Work): Work;
  async(work: AsyncWork): AsyncWork;
  /** Finishes deferred work, so that its CPU time counts. */
  settle?(): Promise<void> | void;
  /** How many calls it has counted; undefined for one that does not measure. */
  counted?(): Promise<number>;
}

export const STYLES = ['sync', 'async'] as const;
export type CallStyle = (typeof STYLES)[number];

export interface TrackSlice {
  readonly nsPerCall: number;
}

export type TrackContenderMethods = {
  run(argument: { style: CallStyle; calls: number }): Promise<TrackSlice>;
  counted(): Promise<number | null>;
};

/** Calls between two turns of the event loop: deferred work gets its turn, as in a server. */
const BURST = 500;

export function serveWrapper(wrapper: Wrapper): void {
  const sync = wrapper.sync((input) => (input * 31 + 7) % 1009);
  const async = wrapper.async(async (input) => (input * 31 + 7) % 1009);
  let value = 1;
  const runs = {
    async sync(calls: number) {
      for (let call = 0; call < calls; call++) value = sync(value);
    },
    async async(calls: number) {
      for (let call = 0; call < calls; call++) value = await async(value);
    },
  } satisfies Record<CallStyle, (calls: number) => Promise<void>>;
  answerParent({
    async run({ style, calls }) {
      const cpuBefore = cpuUs();
      for (let done = 0; done < calls; done += BURST) {
        await runs[style](Math.min(BURST, calls - done));
        await setImmediate();
      }
      await wrapper.settle?.();
      return { nsPerCall: ((cpuUs() - cpuBefore) * 1000) / calls };
    },
    counted: async () => (await wrapper.counted?.()) ?? null,
  } satisfies TrackContenderMethods);
}
