// What this process has archived of its own events, as the ledger says it: a replay, or a drain that was started again, counts nothing twice.
import type { Lane } from '../../event.ts';
import type { LaneCounts } from './commit-batch.ts';

const KEYS = ['archived', 'deadLettered', 'quarantined', 'damaged', 'restored'] as const;
const NOTHING: LaneCounts = { archived: 0, deadLettered: 0, quarantined: 0, damaged: 0, restored: 0 };

export class ArchiveTotals {
  /** Runs that failed. */
  failures = 0;
  batches = 0;
  batchSecondsSum = 0;
  readonly #sources = new Map<bigint, Map<Lane, LaneCounts>>();
  /** Of sources that are closed. */
  #closed = NOTHING;

  /** A batch of a source and lane is committed. @param total what the ledger says of the lane */
  noteCommit(sourceId: bigint, lane: Lane, total: LaneCounts, durationSeconds: number): void {
    const lanes = this.#sources.get(sourceId) ?? new Map<Lane, LaneCounts>();
    lanes.set(lane, combine(lanes.get(lane) ?? NOTHING, total, Math.max));
    this.#sources.set(sourceId, lanes);
    this.batches++;
    this.batchSecondsSum += durationSeconds;
  }

  /** Nothing more will come of the source. */
  close(sourceId: bigint): void {
    for (const total of this.#sources.get(sourceId)?.values() ?? []) this.#closed = combine(this.#closed, total, add);
    this.#sources.delete(sourceId);
  }

  /** Of all sources of this process, cumulative. */
  get counts(): LaneCounts {
    const lanes = [...this.#sources.values()].flatMap((source) => [...source.values()]);
    return lanes.reduce((sum, total) => combine(sum, total, add), this.#closed);
  }
}

function add(one: number, other: number): number {
  return one + other;
}

function combine(one: LaneCounts, other: LaneCounts, with_: (one: number, other: number) => number): LaneCounts {
  return Object.fromEntries(KEYS.map((key) => [key, with_(one[key], other[key])])) as unknown as LaneCounts;
}
