// What the ways into Postgres have in common: they are prepared with rows, then load all of them, as often as asked.
import { answerParent, cpuUs } from '../child-side.ts';

export interface ArchivePlan {
  readonly databaseUrl: string;
  /** For files of the contender's own; exists. */
  readonly folder: string;
  /** Keepwatch's spool. Where a contender finds it filled, the rows come from there. */
  readonly spoolDir: string;
  /** Where PostgreSQL's programs are. */
  readonly binaries: string;
  readonly rows: number;
  /** The end of the events' time, in milliseconds since the epoch. */
  readonly untilMs: number;
}

export interface ArchiveSlice {
  readonly seconds: number;
  /** CPU time of the contender's Node process; null where the work is done by another program. */
  readonly cpuUs: number | null;
}

export type ArchiveContenderMethods = {
  prepare(plan: ArchivePlan): Promise<void>;
  /** Makes ready what the next `load` takes, its connections too, outside the measured time. */
  refill(): Promise<void>;
  /** Loads all rows; resolves when they are committed. */
  load(): Promise<ArchiveSlice>;
};

/** A way into Postgres. */
export interface Loader {
  refill?(): Promise<void>;
  load(): Promise<void>;
  /** The work is done by another program: this process's CPU time says nothing. */
  readonly isElsewhere?: boolean;
}

export function serveLoader(createLoader: (plan: ArchivePlan) => Promise<Loader>): void {
  let loader: Loader | undefined;
  answerParent({
    async prepare(plan) {
      loader = await createLoader(plan);
    },
    async refill() {
      await loader?.refill?.();
    },
    async load() {
      const cpuBefore = cpuUs();
      const startedAt = performance.now();
      await loader?.load();
      const seconds = (performance.now() - startedAt) / 1000;
      return { seconds, cpuUs: loader?.isElsewhere === true ? null : cpuUs() - cpuBefore };
    },
  } satisfies ArchiveContenderMethods);
}
