// Brings what this process has sealed in one lane to Postgres, and knows how far that is done. When the ledger went back, what it has
// forgotten is archived again, from the segments that are kept for the grace time.
import type { Lane } from '../event.ts';
import type { Acknowledged } from './acknowledged.ts';
import type { LaneCounts, Place } from './commit-batch.ts';
import { type DrainContext, drainSegments, isBefore, type Mark, readMark } from './drain.ts';
import type { LaneSpool } from './lane-spool.ts';
import type { Replay } from './replay.ts';
import type { Source } from './source.ts';
import { listSegments, type SegmentEntry } from './spool-folder.ts';

export interface LaneDrainOptions {
  readonly lane: Lane;
  readonly spool: LaneSpool;
  readonly source: Source;
  /** The source's own folder in the spool. */
  readonly folder: string;
  readonly acknowledged: Acknowledged;
}

const NOTHING: LaneCounts = { archived: 0, deadLettered: 0, quarantined: 0, damaged: 0, restored: 0 };

export class LaneDrain {
  readonly #options: LaneDrainOptions;
  #committedMs = -Infinity;
  /** How far the ledger ever was. */
  #proved: Place = { segment: 0, batch: 0 };
  #total = NOTHING;
  #isBehind = false;
  /** Since the ledger went back, until it was told. */
  #replay: Replay | undefined;

  constructor(options: LaneDrainOptions) {
    this.#options = options;
  }

  /**
   * Every event of the lane that ended before this moment is committed, or accounted for; -Infinity while nothing is known, +Infinity for
   * a lane that is not used.
   */
  get committedMs(): number {
    return this.#options.spool.isUsed ? this.#committedMs : Infinity;
  }

  /** What the ledger said at its best: a replay counts nothing twice. */
  get total(): LaneCounts {
    return this.#total;
  }

  /** The ledger forgot something that is not archived again yet. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Compares what the ledger says with what it has said before. To be done for all lanes of the source before any is drained. */
  compare(mark: Place): void {
    this.#isBehind = isBefore(mark, this.#proved);
    if (this.#isBehind) {
      this.#replay ??= { events: 0, lost: 0 };
      this.#committedMs = -Infinity;
    } else this.#proved = mark;
  }

  /**
   * Drains what is sealed.
   * @param mark what the ledger says, compared already; undefined: it is to be asked
   * @returns whether all of it is committed
   * @throws what Postgres or the file system says; a next call goes on from there
   */
  async run(context: DrainContext, mark: Mark | undefined): Promise<boolean> {
    const { lane, spool, source } = this.#options;
    const isIdle = spool.bytes === 0 && !this.#isBehind;
    const isDone = isIdle || (await this.#drain(context, mark ?? (await readMark(source, lane, context))));
    // With nothing left that was accepted, all that the tracker spoke for is committed.
    if (spool.events === 0 && !this.#isBehind) this.#committedMs = Math.max(this.#committedMs, spool.lowWatermarkMs);
    return isDone;
  }

  /** The replay that has come to its end, once. */
  takeReplay(): Replay | undefined {
    const done = this.#isBehind ? undefined : this.#replay;
    if (done !== undefined) this.#replay = undefined;
    return done;
  }

  async #drain(context: DrainContext, mark: Mark): Promise<boolean> {
    const { lane, spool, source, acknowledged } = this.#options;
    const { segments, lastSealed } = await this.#listSealed(mark.segment);
    const replayed = this.#isBehind ? acknowledged.from(lane, mark.segment) : [];
    const result = await drainSegments(
      source,
      lane,
      [...replayed, ...segments].toSorted((a, b) => a.segment - b.segment),
      { ...context, provedUntil: this.#proved, onCommit: this.#noteCommit(context) },
      mark,
    );
    this.compare(result.mark);
    if (result.isDone) spool.acknowledge(lastSealed);
    // What no file has any more is told with the next segment, which tells all counts again.
    if (result.unknownTailBytes > 0 || (result.isDone && this.#isBehind)) spool.retellCounts();
    if (!this.#isBehind) this.#committedMs = Math.max(this.#committedMs, result.lowWatermarkMs);
    return result.isDone;
  }

  #noteCommit({ onCommit }: DrainContext): NonNullable<DrainContext['onCommit']> {
    return (outcome, durationMs, place) => {
      if (this.#replay !== undefined) {
        const { events, lost } = this.#replay;
        const again = place.segment > this.#proved.segment ? 0 : outcome.archived + outcome.deadLettered + outcome.quarantined;
        this.#replay = { events: events + again, lost: lost + Math.max(0, outcome.total.restored - this.#total.restored) };
      }
      if (isBefore(this.#proved, place)) this.#proved = place;
      this.#total = mostOf(this.#total, outcome.total);
      onCommit?.(outcome, durationMs, place);
    };
  }

  /** @param committedUntil the segment of the mark: later ones have to be there */
  async #listSealed(committedUntil: number): Promise<{ segments: SegmentEntry[]; lastSealed: number }> {
    const { lane, spool, folder, acknowledged } = this.#options;
    for (;;) {
      const { lastSealed } = spool;
      // Not one that is sealed while the folder is read: the list may lack the one before it. A segment that could not be renamed when it
      // was given up counts as sealed: nothing will be added to it.
      const listed = (await listSegments(folder, lane)).filter(({ segment }) => segment <= lastSealed);
      const segments = listed.map((entry) => ({ ...entry, isSealed: true }));
      const there = new Set([...segments, ...acknowledged.from(lane, committedUntil)].map(({ segment }) => segment));
      const isThere = (segment: number) => segment <= committedUntil || segment > lastSealed || there.has(segment);
      if (!spool.forgetMissing(isThere)) return { segments, lastSealed };
      await spool.seal();
    }
  }
}

function mostOf(one: LaneCounts, other: LaneCounts): LaneCounts {
  return {
    archived: Math.max(one.archived, other.archived),
    deadLettered: Math.max(one.deadLettered, other.deadLettered),
    quarantined: Math.max(one.quarantined, other.quarantined),
    damaged: Math.max(one.damaged, other.damaged),
    restored: Math.max(one.restored, other.restored),
  };
}
