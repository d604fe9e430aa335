// What the archiver and the drain say to each other: plain values, since a thread may stand between them.
import type { SpoolLane } from '../../event.ts';
import type { Source } from '../spool/source.ts';
import type { LaneCounts } from './commit-batch.ts';

/** A source of this process, as it stands now. */
export interface SourceState {
  readonly source: Source;
  /** Its own folder in the spool. */
  readonly folder: string;
  readonly lanes: Readonly<Record<SpoolLane, LaneState>>;
}

export interface LaneState {
  /** It was offered a batch, be it an empty one. */
  readonly isUsed: boolean;
  /** Number of the segment that was sealed last; 0 before the first. */
  readonly lastSealed: number;
  /** Numbers of those that are sealed and not acknowledged. */
  readonly sealed: readonly number[];
  /** A complete segment that the disk has refused, behind all that are sealed. */
  readonly memory: { readonly segment: number; readonly bytes: Uint8Array } | undefined;
  /** No event waits but in segments that are named here. */
  readonly isAllNamed: boolean;
  /** All that was recorded before is accepted, or counted; -Infinity while nothing is known. */
  readonly lowWatermarkMs: number;
}

/** The clock that events carry. */
export interface ClockState {
  /** Clock of the process minus the monotonic clock of the machine (`monotonicMs`). */
  readonly offsetMs: number;
}

export interface DrainRequest extends ClockState {
  readonly state: SourceState;
  /** Sources that were ended: known to the ledger before anything newer is committed. */
  readonly retired: readonly Source[];
  /** All is to be committed, however long that takes: log lines have not just a moment. */
  readonly isWhole: boolean;
  /** Bytes that acknowledged segments of this process may take. */
  readonly acknowledgedMaxBytes: number;
}

export interface AskReport {
  /** What is wrong with the clock of this process; undefined: nothing is. */
  readonly skew: string | undefined;
}

/** What became of a lane. */
export interface LaneReport {
  /** Sealed segments that somebody removed. */
  readonly missing: readonly number[];
  /** The next segment has to tell all counts again: the block that said them is lost. */
  readonly mustRetell: boolean;
}

export interface DrainReport {
  /** Everything that was named is committed. */
  readonly isDone: boolean;
  /** All events are: what is not, are log lines. */
  readonly hasEvents: boolean;
  /** Why log lines wait; undefined: nothing but time. */
  readonly logsWait?: string;
  readonly lanes: Readonly<Record<SpoolLane, LaneReport>>;
}

export interface CloseRequest {
  readonly state: SourceState;
}

export interface LookRequest {
  /** Sources that this process drains itself. */
  readonly own: readonly bigint[];
  /** Sources of this process that are closed. */
  readonly closed: readonly bigint[];
}

/** Said while a call is under way, or between calls. */
export type DrainNews =
  /** Segments up to this one are committed. */
  | { readonly kind: 'acknowledged'; readonly sourceId: bigint; readonly lane: SpoolLane; readonly segment: number }
  | {
      readonly kind: 'committed';
      readonly sourceId: bigint;
      readonly lane: SpoolLane;
      /** What the ledger says of the lane. */
      readonly total: LaneCounts;
      readonly durationSeconds: number;
    }
  /** What is in suspect/, and how many files of it were removed just now. */
  | { readonly kind: 'suspects'; readonly bytes: number; readonly removed: number }
  /** A run that nobody waits for has failed. */
  | { readonly kind: 'failed' };

/** What an archiver asks of a drain. Every call rejects with what Postgres or the file system says; a next call goes on from there. */
export interface Drain {
  /** Asks the ledger how far the source is: whether Postgres answers. */
  ask(request: DrainRequest): Promise<AskReport>;
  /** Drains what is sealed of the source that takes the events, and moves its watermark. */
  drain(request: DrainRequest): Promise<DrainReport>;
  /** Drains a source that was ended, beside the other one. */
  drainRetired(request: DrainRequest): Promise<DrainReport>;
  /** Nothing more will come of the source. */
  close(request: CloseRequest): Promise<void>;
  /** Begins what is due now and then: what dead processes left, old days. Does not wait for it. */
  lookAfter(request: LookRequest): Promise<void>;
  /** Begins nothing more. Resolves when what is under way has ended. */
  stop(): Promise<void>;
  /** Ends it now, whatever it does. What it was about to commit is found in the spool by the next process. Never rejects. */
  terminate(): Promise<void>;
}

/** The monotonic clock of the machine, the same in all threads, in milliseconds. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
