// What test/endurance/programs/outage-app.ts says of itself, a line of JSON at a time.
import type { DropReason } from '../../src/event.ts';

/** `warm`: busy, then idle with Postgres; `outage`: the day without; `back`: behind it. */
export type Phase = 'warm' | 'ready' | 'outage' | 'back' | 'ended';

export interface OutageReport {
  readonly phase: Phase;
  /** Since the start. */
  readonly seconds: number;
  /** Bytes of the process, all its threads. */
  readonly rss: number;
  /** The most since the phase began. */
  readonly phaseMaxRss: number;
  readonly recorded: number;
  /** Of those recorded. */
  readonly failures: number;
  /** Dropped before the spool. */
  readonly ringDropped: number;
  readonly archived: number;
  /** Dropped by the spool. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  readonly spoolBytes: number;
  readonly spoolEvents: number;
  readonly batches: number;
  readonly state: 'ok' | 'degraded';
}
