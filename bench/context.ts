// What every section of the benchmark is given.
import type { Children } from './children.ts';

/** How much to measure. */
export interface Effort {
  /** Fresh sets of processes. */
  readonly generations: number;
  /** Rounds in each generation. */
  readonly rounds: number;
  /** Tiny slices: shows that everything runs, its figures mean nothing. */
  readonly isQuick: boolean;
}

export interface BenchContext {
  readonly effort: Effort;
  readonly children: Children;
  /** A temporary folder of this run, removed at its end. */
  readonly folder: string;
  /** Tells how far it is. */
  progress(text: string): void;
  /** Is called when the run ends, however it ends: the last one first. */
  onEnd(release: () => Promise<void> | void): void;
}
