// The rows of the tables, added up by source, lane and series: what the law compares with the ledger. Pure: reads nothing.

import { seriesKey, seriesName } from '../segments/series-counts.ts';
import type { VerifiedRollups } from './verify-rollups.ts';

/** One source and lane as the ledger has it; lane is null for a source without a ledger. */
export interface LedgerRow {
  readonly source_id: string;
  readonly service: string | null;
  readonly instance: string | null;
  readonly closed: boolean | null;
  readonly unknown_tail_bytes: number | null;
  readonly expired: number;
  readonly lane: string | null;
  readonly segment: number | null;
  readonly batch: number | null;
  readonly recorded: number | null;
  readonly archived: number | null;
  readonly dead_lettered: number | null;
  readonly quarantined: number | null;
  readonly sampled_out: number | null;
  readonly dropped: Readonly<Record<string, number>> | null;
}

/** What the tables hold of one series. */
export interface SeriesRows {
  readonly type: string;
  readonly name: string;
  recorded: number;
  dropped: number;
  expired: number;
  rows: number;
  quarantined: number;
  deadLettered: number;
}

/** Of one source and lane. */
export interface LaneRows {
  readonly sourceId: string;
  readonly lane: string;
  /** By `seriesKey`. */
  readonly series: Map<string, SeriesRows>;
  /** Those whose series cannot be read among them. */
  deadLettered: number;
  doubled: number;
  readonly doubledIds: string[];
}

export interface Tables {
  readonly ledger: readonly LedgerRow[];
  /** By `laneKey`. */
  readonly lanes: ReadonlyMap<string, LaneRows>;
  readonly uncomparedIds: number;
  readonly rollups: VerifiedRollups;
}

export function laneKey(sourceId: string, lane: string | null): string {
  return `${sourceId} ${lane ?? ''}`;
}

/** Adds up: what is asked for begins at zero. */
export class RowCounts {
  /** By `laneKey`. */
  readonly lanes = new Map<string, LaneRows>();

  lane(sourceId: string, lane: string): LaneRows {
    const key = laneKey(sourceId, lane);
    let found = this.lanes.get(key);
    if (found === undefined) {
      found = { sourceId, lane, series: new Map(), deadLettered: 0, doubled: 0, doubledIds: [] };
      this.lanes.set(key, found);
    }
    return found;
  }

  series(lane: LaneRows, type: string, given: string): SeriesRows {
    const name = seriesName(given);
    const key = seriesKey(type, name);
    let found = lane.series.get(key);
    if (found === undefined) {
      found = { type, name, recorded: 0, dropped: 0, expired: 0, rows: 0, quarantined: 0, deadLettered: 0 };
      lane.series.set(key, found);
    }
    return found;
  }
}
