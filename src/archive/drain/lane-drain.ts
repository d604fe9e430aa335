// Brings what this process has sealed in one lane to Postgres, and knows how far that is done. When the ledger went back, what it has
// forgotten is archived again, from the segments that are kept for the grace time.
import type { SpoolLane } from '../../event.ts';
import type { Acknowledged } from '../spool/acknowledged.ts';
import type { Source } from '../spool/source.ts';
import { listSegments, type SegmentEntry, segmentPath } from '../spool/spool-folder.ts';
import type { LaneCounts, Place } from './commit-batch.ts';
import { type DrainContext, drainSegments, isBefore, type Mark, readMark } from './drain.ts';
import type { LaneReport, LaneState } from './drain-messages.ts';
import type { Replay } from './replay.ts';

export interface LaneDrainOptions {
  readonly lane: SpoolLane;
  readonly source: Source;
  /** The source's own folder in the spool. */
  readonly folder: string;
  readonly acknowledged: Acknowledged;
  /** Told after each commit what the ledger says. */
  readonly onTotal: (lane: SpoolLane, total: LaneCounts, durationMs: number) => void;
  /** Told how far segments are committed. */
  readonly onAcknowledge: (lane: SpoolLane, segment: number) => void;
}

export interface LaneResult extends LaneReport {
  /** All that was named is committed. */
  readonly isDone: boolean;
}

export class LaneDrain {
  readonly #options: LaneDrainOptions;
  #committedMs = -Infinity;
  /** How far the ledger ever was. */
  #proved: Place = { segment: 0, batch: 0 };
  #restored = 0;
  #isBehind = false;
  /** Since the ledger went back, until it was told. */
  #replay: Replay | undefined;

  constructor(options: LaneDrainOptions) {
    this.#options = options;
  }

  /** Every event of the lane that ended before this moment is committed, or accounted for; -Infinity while nothing is known. */
  get committedMs(): number {
    return this.#committedMs;
  }

  /** The ledger forgot something that is not archived again yet. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /**
   * Compares what the ledger says with what it has said before, and with what was acknowledged. To be done for all lanes of the source before
   * any is drained.
   */
  compare(mark: Place): void {
    const acknowledged = { segment: this.#options.acknowledged.from(this.#options.lane, 0).at(-1)?.segment ?? 0, batch: 0 };
    if (isBefore(this.#proved, acknowledged)) this.#proved = acknowledged;
    this.#isBehind = isBefore(mark, this.#proved);
    if (this.#isBehind) {
      this.#replay ??= { events: 0, lost: 0 };
      this.#committedMs = -Infinity;
    } else this.#proved = mark;
  }

  /**
   * Drains what is sealed.
   * @param mark what the ledger says, compared already; undefined: it is to be asked
   * @throws what Postgres or the file system says; a next call goes on from there
   */
  async run(context: DrainContext, state: LaneState, mark: Mark | undefined): Promise<LaneResult> {
    const { lane, source } = this.#options;
    const isIdle = state.sealed.length === 0 && state.memory === undefined && !this.#isBehind;
    const result = isIdle
      ? { isDone: true, missing: [], mustRetell: false }
      : await this.#drain(context, state, mark ?? (await readMark(source, lane, context)));
    // With nothing left that was accepted, all that the tracker spoke for is committed.
    if (result.isDone && state.isAllNamed && !this.#isBehind) {
      this.#committedMs = Math.max(this.#committedMs, state.lowWatermarkMs);
    }
    return result;
  }

  /** The replay that has come to its end, once. */
  takeReplay(): Replay | undefined {
    const done = this.#isBehind ? undefined : this.#replay;
    if (done !== undefined) this.#replay = undefined;
    return done;
  }

  async #drain(context: DrainContext, state: LaneState, mark: Mark): Promise<LaneResult> {
    const { lane, source, acknowledged } = this.#options;
    const sealed = await this.#listSealed(state);
    const there = new Set([...sealed, ...acknowledged.from(lane, mark.segment)].map(({ segment }) => segment));
    const missing = state.sealed.filter((segment) => segment > mark.segment && !there.has(segment));
    const replayed = this.#isBehind ? acknowledged.from(lane, mark.segment) : [];
    // Not past one that is missing: its owner has to learn that first.
    const firstMissing = Math.min(...missing);
    const onFinish = (segment: number) => {
      if (segment < firstMissing) this.#options.onAcknowledge(lane, segment);
    };
    const drainContext = { ...context, provedUntil: this.#proved, onCommit: this.#noteCommit(context), onFinish };
    const segments = [...replayed, ...sealed].toSorted((a, b) => a.segment - b.segment);
    const memory = state.memory === undefined ? [] : [memoryEntry(this.#options, state.memory)];
    const result = await drainSegments(source, lane, [...segments, ...memory], drainContext, mark);
    this.compare(result.mark);
    const isDone = result.isDone && missing.length === 0;
    if (isDone) this.#options.onAcknowledge(lane, Math.max(state.lastSealed, state.memory?.segment ?? 0));
    if (!this.#isBehind) this.#committedMs = Math.max(this.#committedMs, result.lowWatermarkMs);
    return {
      isDone,
      missing,
      // What no file has any more is told with the next segment, which tells all counts again.
      mustRetell: result.unknownTailBytes > 0 || (result.isDone && this.#isBehind),
    };
  }

  #noteCommit({ onCommit }: DrainContext): NonNullable<DrainContext['onCommit']> {
    return (outcome, durationMs, place) => {
      const { restored } = outcome.total;
      if (this.#replay !== undefined) {
        const { events, lost } = this.#replay;
        const again = place.segment > this.#proved.segment ? 0 : outcome.archived + outcome.deadLettered + outcome.quarantined;
        this.#replay = { events: events + again, lost: lost + Math.max(0, restored - this.#restored) };
      }
      this.#restored = Math.max(this.#restored, restored);
      if (isBefore(this.#proved, place)) this.#proved = place;
      this.#options.onTotal(this.#options.lane, outcome.total, durationMs);
      onCommit?.(outcome, durationMs, place);
    };
  }

  /** One that could not be renamed when it was given up counts as sealed: nothing will be added to it. */
  async #listSealed({ lastSealed }: LaneState): Promise<readonly SegmentEntry[]> {
    const { lane, folder } = this.#options;
    const listed = (await listSegments(folder, lane)).filter(({ segment }) => segment <= lastSealed);
    return listed.map((entry) => ({ ...entry, isSealed: true }));
  }
}

function memoryEntry({ folder, lane }: LaneDrainOptions, { segment, bytes }: NonNullable<LaneState['memory']>): SegmentEntry {
  const path = segmentPath(folder, lane, segment, 'seg');
  return {
    path,
    lane,
    segment,
    isSealed: true,
    isAcknowledged: false,
    content: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
  };
}
