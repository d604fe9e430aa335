// What takes the events of a process and keeps them, whichever store it is: the archive in Postgres, or JSONL files. No behaviour here.
import type { DropReason, EventSink } from './event.ts';

/** Of one process since it started. In the words of the archive; without a database some of them stay zero. */
export interface StoreNumbers {
  /** Committed, or written to a file. */
  readonly archived: number;
  readonly deadLettered: number;
  readonly quarantined: number;
  /** Dropped behind the tracker, by reason. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** Runs, or writes, that failed. */
  readonly failures: number;
  /** What waits: in the spool, or in memory where there is none. */
  readonly spoolBytes: number;
  readonly spoolEvents: number;
  /** What may wait at most, and how much of it is left: of the whole spool, which processes share, or of the memory. The rest drops events. */
  readonly spoolLimitBytes: number;
  readonly spoolFreeBytes: number;
  /** What no event could be read from and is kept for people to look at; and files of it that this process has removed since, as no longer kept. */
  readonly suspectBytes: number;
  readonly suspectsRemoved: number;
  /** Age of the oldest event that waits; 0 when none does. */
  readonly lagSeconds: number;
  /** Transactions, or writes, that archived a batch, and how long they took in all. */
  readonly batches: number;
  readonly batchSecondsSum: number;
}

/** And how it is now. */
export interface StoreStats extends StoreNumbers {
  readonly state: 'ok' | 'degraded';
  /** Why it is degraded, a sentence each. */
  readonly reasons: readonly string[];
}

export interface EventStore {
  readonly sink: EventSink;
  start(): void;
  /** Resolves when everything recorded so far is committed, or on the disk; or the disk refuses. Never rejects. */
  flush(): Promise<void>;
  /** Flushes, takes nothing more, and ends in time whatever Postgres and the disk do. Never rejects. */
  stop(options: { timeoutMs: number }): Promise<void>;
  /** For `process.on('exit')`: what still waits is written synchronously. Never throws. */
  appendSync(): void;
  stats(): StoreStats;
}
