// What readers of a store get, whichever store it is: an event as the view keepwatch.events shows it, and the summary of a type and name.
import type { EventStatus, EventType } from './event.ts';

/** One event; times as ISO 8601 with microseconds, trace ids in W3C hexadecimal. */
export interface EventRow {
  /** UUID v7. */
  readonly id: string;
  readonly name: string;
  readonly type: EventType;
  readonly status: EventStatus;
  readonly start_time: string;
  readonly end_time: string;
  readonly duration_ms: number;
  readonly service: string;
  readonly trace_id: string | null;
  readonly span_id: string | null;
  readonly parent_span_id: string | null;
  /** Name and message of what was thrown; null unless it failed. */
  readonly error: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** How many executions it stands for; 1 unless sampled. */
  readonly weight: number;
  /** 63 bits in decimal digits: the process that recorded it. */
  readonly source_id: string;
}

/**
 * Rate, errors and duration of one type and name. Aborted executions are in `count` and `aborted` alone; where all were aborted, the rest
 * is null. Quantiles are those of a histogram: the bucket that the exact one is in, at most 1.083 % from it.
 */
export interface SummaryRow {
  readonly type: EventType;
  readonly name: string;
  /** Executions: the sum of the weights. */
  readonly count: number;
  readonly failures: number;
  readonly aborted: number;
  /** Share of those that were not aborted which succeeded, 0..1. */
  readonly success_rate: number | null;
  readonly avg_ms: number | null;
  readonly min_ms: number | null;
  readonly max_ms: number | null;
  readonly p50_ms: number | null;
  readonly p95_ms: number | null;
  readonly p99_ms: number | null;
}
