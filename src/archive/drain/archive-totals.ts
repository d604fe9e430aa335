// What this process has archived of its own events, as the ledger says it: a replay, or a drain that was started again, counts nothing twice.
import { LANES, type SpoolLane } from '../../event.ts';
import type { LaneCounts } from './commit-batch.ts';

const KEYS = ['archived', 'deadLettered', 'quarantined', 'damaged', 'restored'] as const;
const NOTHING: LaneCounts = { archived: 0, deadLettered: 0, quarantined: 0, damaged: 0, restored: 0 };

export class ArchiveTotals {
  /** Runs that failed. */
  failures = 0;
  batches = 0;
  batchSecondsSum = 0;
  /** What is in suspect/, as of the last look. */
  suspectBytes = 0;
  /** Files of it that this process has removed. */
  suspectsRemoved = 0;
  readonly #sources = new Map<bigint, Map<SpoolLane, LaneCounts>>();
  /** Of sources that are closed. */
  readonly #closed = new Map<SpoolLane, LaneCounts>();

  /** A batch of a source and lane is committed. @param total what the ledger says of the lane */
  noteCommit(sourceId: bigint, lane: SpoolLane, total: LaneCounts, durationSeconds: number): void {
    const lanes = this.#sources.get(sourceId) ?? new Map<SpoolLane, LaneCounts>();
    lanes.set(lane, combine(lanes.get(lane) ?? NOTHING, total, Math.max));
    this.#sources.set(sourceId, lanes);
    this.batches++;
    this.batchSecondsSum += durationSeconds;
  }

  /** Nothing more will come of the source. */
  close(sourceId: bigint): void {
    for (const [lane, total] of this.#sources.get(sourceId) ?? []) {
      this.#closed.set(lane, combine(this.#closed.get(lane) ?? NOTHING, total, add));
    }
    this.#sources.delete(sourceId);
  }

  /** Events of all sources of this process, cumulative. */
  get counts(): LaneCounts {
    return this.#countsOf(LANES);
  }

  /** Log lines, likewise. */
  get logs(): LaneCounts {
    return this.#countsOf(['logs']);
  }

  #countsOf(lanes: readonly SpoolLane[]): LaneCounts {
    const totals = [this.#closed, ...this.#sources.values()].flatMap((source) =>
      lanes.map((lane) => source.get(lane) ?? NOTHING),
    );
    return totals.reduce((sum, total) => combine(sum, total, add), NOTHING);
  }
}

function add(one: number, other: number): number {
  return one + other;
}

function combine(one: LaneCounts, other: LaneCounts, with_: (one: number, other: number) => number): LaneCounts {
  return Object.fromEntries(KEYS.map((key) => [key, with_(one[key], other[key])])) as unknown as LaneCounts;
}
