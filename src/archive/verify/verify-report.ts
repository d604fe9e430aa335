// What `keepwatch verify` finds, in words and numbers that stay as they are: scripts read them (`--json`).
import type { VerifiedRollups } from './verify-rollups.ts';

/** Where something does not hold, as far as that is known. */
export interface Place {
  /** `source_id` as SQL shows it. */
  readonly sourceId: string;
  readonly lane?: string;
  readonly type?: string;
  readonly name?: string;
  readonly segment?: number;
  /** Of the segment, counted from 1. */
  readonly block?: number;
  readonly file?: string;
  /** In the file, in bytes. */
  readonly offset?: number;
  /** Of rows. */
  readonly ids?: readonly string[];
}

/**
 * `missing_rows`, `surplus_rows`: fewer or more rows than the ledger says. `doubled_rows`: several with one id. `dead_letters`,
 * `quarantine`: not as many as the ledger says. `ledger_counts`: the ledger does not add up. `missing_blocks`, `surplus_blocks`: the counts
 * in the spool do not fit its rows. `missing_events`, `surplus_events`: of a series. `series_counts`: more counted by series than in all.
 * `unreadable`: a file or folder of the spool.
 */
export type DifferenceKind =
  | 'missing_rows'
  | 'surplus_rows'
  | 'doubled_rows'
  | 'dead_letters'
  | 'quarantine'
  | 'ledger_counts'
  | 'missing_blocks'
  | 'surplus_blocks'
  | 'missing_events'
  | 'surplus_events'
  | 'series_counts'
  | 'unreadable';

/** The law does not hold here. */
export interface Difference extends Place {
  readonly kind: DifferenceKind;
  readonly expected: number | null;
  readonly found: number | null;
  /** A sentence with the place and both numbers. */
  readonly message: string;
  /** What to do about it. */
  readonly advice: string;
}

/** Events that are lost and accounted for, and where that was, as far as it is known. */
export interface Loss extends Place {
  /** As in the ledger: `damaged`, `restore`. */
  readonly reason: string;
  readonly events: number;
  readonly message: string;
}

/** One series of a source and lane. Counts are cumulative since the source was opened. */
export interface VerifiedSeries {
  readonly type: string;
  /** Its first 500 characters. */
  readonly name: string;
  readonly recorded: number;
  /** Rows in observability_metrics. */
  readonly rows: number;
  readonly expired: number;
  readonly deadLettered: number;
  readonly quarantined: number;
  readonly queued: number;
  /** Before they came into a block. */
  readonly dropped: number;
  /** Lost in the spool or with it: what the lane has dropped, and no series was named. Negative: not told yet. */
  readonly unnamed: number;
}

/** One source and lane. Counts are cumulative since the source was opened. */
export interface VerifiedLane {
  /** `source_id` as SQL shows it. */
  readonly sourceId: string;
  readonly service: string;
  readonly instance: string;
  readonly lane: string;
  readonly recorded: number;
  readonly archived: number;
  readonly deadLettered: number;
  readonly quarantined: number;
  readonly sampledOut: number;
  readonly dropped: Readonly<Record<string, number>>;
  /** In the spool, not yet committed. */
  readonly queued: number;
  /** In observability_metrics, or observability_logs. */
  readonly rows: number;
  /** Archived events that retention has removed. */
  readonly expired: number;
  /** Rows too many, whose id another row has. */
  readonly duplicates: number;
  /** Bytes that a killed process was writing, at most 250 ms: how many events they held nobody knows. With the first lane of a source. */
  readonly unknownTailBytes: number;
  readonly closed: boolean;
  /** Recorded events whose series is known. Fewer than `recorded`: the last ones of a process that was killed, or lives and will tell. */
  readonly seriesRecorded: number;
  /** All series, when they were asked for; else none. */
  readonly series: readonly VerifiedSeries[];
  /** What does not hold. */
  readonly problems: readonly Difference[];
  /** What is lost, and accounted for. */
  readonly losses: readonly Loss[];
}

type TotalKey =
  | 'recorded'
  | 'archived'
  | 'deadLettered'
  | 'quarantined'
  | 'sampledOut'
  | 'dropped'
  | 'queued'
  | 'rows'
  | 'expired'
  | 'duplicates'
  | 'unknownTailBytes'
  | 'seriesRecorded'
  | 'problems';

export interface VerifyReport {
  /** The law holds everywhere, and rollups equal what they are made of. */
  readonly ok: boolean;
  /** By source and lane. */
  readonly sources: readonly VerifiedLane[];
  /** Of events; problems and unknown tails of all lanes. */
  readonly totals: Readonly<Record<TotalKey, number>>;
  /** Of log lines. */
  readonly logs: Readonly<Record<TotalKey, number>>;
  /** Rows whose ids were not compared with each other, because their table is large: `allIds` does. */
  readonly uncomparedIds: number;
  readonly rollups: VerifiedRollups;
}

/** How far a verification is. */
export interface VerifyProgress {
  /** What is being read: a folder of the spool, a partition. */
  readonly what: string;
  /** Bytes of tables that are read, and of all. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

/** `source 1 lane rest`, and the series where there is one. */
export function describePlace({ sourceId, lane, type, name }: Place): string {
  const series = type === undefined ? '' : `, ${type} ${name ?? ''}`;
  return `source ${sourceId}${lane === undefined || lane === '' ? '' : ` lane ${lane}`}${series}`;
}
