// Brings what this process has sealed of one source to Postgres: its two lanes, and what the ledger may have forgotten of it.
import { loadSql } from '../../db/sql.ts';
import type { Lane } from '../../event.ts';
import { Acknowledged } from '../spool/acknowledged.ts';
import { removeSource, setAsideStrangers } from '../spool/spool-folder.ts';
import { type DrainContext, type Mark, readMark } from './drain.ts';
import type { DrainReport, SourceState } from './drain-messages.ts';
import { LaneDrain, type LaneDrainOptions } from './lane-drain.ts';
import { sayReplayed } from './replay.ts';

const touchSource = loadSql('archive/touch-source');
const closeSource = loadSql('archive/close-source');

/** Of `keep` only once it has segments: few sources ever do. */
export interface Marks {
  readonly keep: Mark | undefined;
  readonly rest: Mark;
}

export type SourceDrainOptions = Pick<LaneDrainOptions, 'source' | 'folder' | 'onTotal' | 'onAcknowledge'>;

export class SourceDrain {
  readonly #options: SourceDrainOptions;
  readonly #acknowledged: Acknowledged;
  readonly #lanes: Readonly<Record<Lane, LaneDrain>>;
  #hasLooked = false;

  constructor(options: SourceDrainOptions) {
    const acknowledged = new Acknowledged(options.folder);
    this.#options = options;
    this.#acknowledged = acknowledged;
    this.#lanes = {
      keep: new LaneDrain({ ...options, lane: 'keep', acknowledged }),
      rest: new LaneDrain({ ...options, lane: 'rest', acknowledged }),
    };
  }

  /** Bytes of its acknowledged segments. */
  get acknowledgedBytes(): number {
    return this.#acknowledged.bytes;
  }

  /**
   * Asks the ledger how far it is; of all lanes before any is drained: when it went back, none speaks for the watermark of another.
   * @throws what Postgres says
   */
  async readMarks(context: DrainContext, { lanes }: SourceState): Promise<Marks> {
    const { source } = this.#options;
    const { keep, rest } = this.#lanes;
    const restMark = await readMark(source, 'rest', context);
    const keepMark = lanes.keep.lastSealed > 0 ? await readMark(source, 'keep', context) : undefined;
    if (!this.#hasLooked) await this.#acknowledged.refresh();
    this.#hasLooked = true;
    rest.compare(restMark);
    if (keepMark !== undefined) keep.compare(keepMark);
    if (this.isBehind) await this.#acknowledged.refresh();
    return { keep: keepMark, rest: restMark };
  }

  /**
   * Drains what is sealed: failures and slow events first.
   * @throws what Postgres or the file system says; a next call goes on from there
   */
  async run(context: DrainContext, { lanes }: SourceState, marks: Marks): Promise<DrainReport> {
    const { source } = this.#options;
    const { keep, rest } = this.#lanes;
    const otherLanesMs = (lane: Lane) => (lanes[lane].isUsed ? this.#lanes[lane].committedMs : Infinity);
    const keepResult = await keep.run({ ...context, otherLanesMs: otherLanesMs('rest') }, lanes.keep, marks.keep);
    const restResult = await rest.run({ ...context, otherLanesMs: otherLanesMs('keep') }, lanes.rest, marks.rest);
    await this.#acknowledged.refresh();
    const reports = { keep: keepResult, rest: restResult };
    if (this.isBehind) return { isDone: false, lanes: reports };
    sayReplayed([keep.takeReplay(), rest.takeReplay()], source, context.logger);
    await this.#acknowledged.expire();
    return { isDone: keepResult.isDone && restResult.isDone, lanes: reports };
  }

  /** Moves the watermark of an idle source, which commits nothing that would. */
  async tellWatermark({ database, now }: DrainContext, { lanes }: SourceState): Promise<void> {
    const used = (['keep', 'rest'] as const).filter((lane) => lanes[lane].isUsed);
    const lowWatermarkMs = Math.min(...used.map((lane) => this.#lanes[lane].committedMs));
    if (!Number.isFinite(lowWatermarkMs)) return;
    await database.none(touchSource, { sourceId: this.#options.source.sourceId, lowWatermarkMs, nowMs: now?.() });
  }

  /** Removes acknowledged segments until no more than `maxBytes` are left. */
  async trim(maxBytes: number): Promise<void> {
    await this.#acknowledged.trim(maxBytes);
  }

  /** Nothing more will come of it. Its folder stays as long as its acknowledged segments are kept. */
  async close({ database }: DrainContext, { lanes }: SourceState): Promise<void> {
    const { source, folder } = this.#options;
    const used = (['keep', 'rest'] as const).filter((lane) => lanes[lane].isUsed);
    const lowWatermarkMs = Math.min(...used.map((lane) => lanes[lane].lowWatermarkMs));
    await database.none(closeSource, {
      sourceId: source.sourceId,
      lowWatermarkMs: Number.isFinite(lowWatermarkMs) ? lowWatermarkMs : null,
      unknownTailBytes: 0,
    });
    await setAsideStrangers(folder);
    await this.#acknowledged.refresh();
    if (this.#acknowledged.size === 0) await removeSource(folder);
  }

  get isBehind(): boolean {
    return this.#lanes.keep.isBehind || this.#lanes.rest.isBehind;
  }
}
