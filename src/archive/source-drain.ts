// Brings what this process has sealed of one source to Postgres: its two lanes, and what the ledger may have forgotten of it.
import { loadSql } from '../db/sql.ts';
import type { Lane } from '../event.ts';
import { Acknowledged } from './acknowledged.ts';
import type { LaneCounts } from './commit-batch.ts';
import { type DrainContext, type Mark, readMark } from './drain.ts';
import { LaneDrain } from './lane-drain.ts';
import { sayReplayed } from './replay.ts';
import type { SourceSpool } from './source-spool.ts';
import { removeSource, setAsideStrangers } from './spool-folder.ts';

const touchSource = loadSql('archive/touch-source');
const closeSource = loadSql('archive/close-source');

/** Of `keep` only once it has segments: few sources ever do. */
export interface Marks {
  readonly keep: Mark | undefined;
  readonly rest: Mark;
}

export class SourceDrain {
  readonly #spool: SourceSpool;
  readonly #acknowledged: Acknowledged;
  readonly #lanes: Readonly<Record<Lane, LaneDrain>>;

  constructor(spool: SourceSpool) {
    const { source, folder } = spool;
    const acknowledged = new Acknowledged(folder);
    const create = (lane: Lane) => new LaneDrain({ lane, spool: spool.lane(lane), source, folder, acknowledged });
    this.#spool = spool;
    this.#acknowledged = acknowledged;
    this.#lanes = { keep: create('keep'), rest: create('rest') };
  }

  /** What the ledger said at its best, of each lane. */
  get totals(): readonly LaneCounts[] {
    return [this.#lanes.keep.total, this.#lanes.rest.total];
  }

  /** Bytes of its acknowledged segments. */
  get acknowledgedBytes(): number {
    return this.#acknowledged.bytes;
  }

  /**
   * Asks the ledger how far it is; of all lanes before any is drained: when it went back, none speaks for the watermark of another.
   * @throws what Postgres says
   */
  async readMarks(context: DrainContext): Promise<Marks> {
    const { source } = this.#spool;
    const rest = await readMark(source, 'rest', context);
    const keep = this.#spool.lane('keep').lastSealed > 0 ? await readMark(source, 'keep', context) : undefined;
    this.#lanes.rest.compare(rest);
    if (keep !== undefined) this.#lanes.keep.compare(keep);
    if (this.#isBehind) await this.#acknowledged.refresh();
    return { keep, rest };
  }

  /**
   * Drains what is sealed: failures and slow events first.
   * @returns whether all of it is committed
   * @throws what Postgres or the file system says; a next call goes on from there
   */
  async run(context: DrainContext, marks: Marks): Promise<boolean> {
    const { keep, rest } = this.#lanes;
    const isKeepDone = await keep.run({ ...context, otherLanesMs: rest.committedMs }, marks.keep);
    const isRestDone = await rest.run({ ...context, otherLanesMs: keep.committedMs }, marks.rest);
    await this.#acknowledged.refresh();
    if (this.#isBehind) return false;
    sayReplayed([keep.takeReplay(), rest.takeReplay()], this.#spool.source, context.logger);
    await this.#acknowledged.expire();
    return isKeepDone && isRestDone;
  }

  /** Moves the watermark of an idle source, which commits nothing that would. */
  async tellWatermark({ database }: DrainContext, nowMs: number): Promise<void> {
    const lowWatermarkMs = Math.min(this.#lanes.keep.committedMs, this.#lanes.rest.committedMs);
    if (!Number.isFinite(lowWatermarkMs)) return;
    await database.none(touchSource, { sourceId: this.#spool.source.sourceId, lowWatermarkMs, nowMs });
  }

  /** Removes acknowledged segments until no more than `maxBytes` are left. */
  async trim(maxBytes: number): Promise<void> {
    await this.#acknowledged.trim(maxBytes);
  }

  /** Nothing more will come of it. Its folder stays as long as its acknowledged segments are kept. */
  async close({ database }: DrainContext): Promise<void> {
    const { source, folder, lowWatermarkMs } = this.#spool;
    await database.none(closeSource, {
      sourceId: source.sourceId,
      lowWatermarkMs: Number.isFinite(lowWatermarkMs) ? lowWatermarkMs : null,
      unknownTailBytes: 0,
    });
    await setAsideStrangers(folder);
    await this.#acknowledged.refresh();
    if (this.#acknowledged.size === 0) await removeSource(folder);
  }

  get #isBehind(): boolean {
    return this.#lanes.keep.isBehind || this.#lanes.rest.isBehind;
  }
}
