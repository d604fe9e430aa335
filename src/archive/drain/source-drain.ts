// Brings what this process has sealed of one source to Postgres: the lanes of its events, then its log lines, and what the ledger may have
// forgotten of them.
import { loadSql } from '../../db/sql.ts';
import { LANES, type Lane } from '../../event.ts';
import { Acknowledged } from '../spool/acknowledged.ts';
import { removeSource, setAsideStrangers } from '../spool/spool-folder.ts';
import { type DrainContext, type Mark, readMark } from './drain.ts';
import type { DrainReport, SourceState } from './drain-messages.ts';
import { LaneDrain, type LaneDrainOptions } from './lane-drain.ts';
import { LogDrain } from './log-drain.ts';
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
  readonly #logs: LogDrain;
  #hasClosed = false;
  #hasLooked = false;

  constructor(options: SourceDrainOptions) {
    const acknowledged = new Acknowledged(options.folder);
    this.#options = options;
    this.#acknowledged = acknowledged;
    this.#lanes = {
      keep: new LaneDrain({ ...options, lane: 'keep', acknowledged }),
      rest: new LaneDrain({ ...options, lane: 'rest', acknowledged }),
    };
    this.#logs = new LogDrain({ ...options, acknowledged });
  }

  /** Bytes of its acknowledged segments. */
  get acknowledgedBytes(): number {
    return this.#acknowledged.bytes;
  }

  /**
   * Asks the ledger how far it is; of all lanes of events before any is drained: when it went back, none speaks for the watermark of another.
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
   * Drains what is sealed: failures and slow events first, log lines last.
   * @param request.isEnded no event will come any more
   * @param request.isWhole go on with log lines until all are committed
   * @throws what Postgres or the file system says; a next call goes on from there
   */
  async run(
    context: DrainContext,
    state: SourceState,
    marks: Marks,
    { isEnded, isWhole }: { isEnded: boolean; isWhole: boolean },
  ): Promise<DrainReport> {
    const { source } = this.#options;
    const { lanes } = state;
    const { keep, rest } = this.#lanes;
    const otherLanesMs = (lane: Lane) => (lanes[lane].isUsed ? this.#lanes[lane].committedMs : Infinity);
    const keepResult = await keep.run({ ...context, otherLanesMs: otherLanesMs('rest') }, lanes.keep, marks.keep);
    const restResult = await rest.run({ ...context, otherLanesMs: otherLanesMs('keep') }, lanes.rest, marks.rest);
    const hasEvents = !this.isBehind && keepResult.isDone && restResult.isDone && LANES.every((lane) => lanes[lane].isAllNamed);
    // Rules wait for no source of which only log lines are left.
    if (isEnded && hasEvents && this.#logs.isUsed(lanes.logs)) await this.#close(context, state);
    const logsResult = await this.#logs.run(context, lanes.logs, { isWhole });
    await this.#acknowledged.refresh();
    const report = { hasEvents, lanes: { keep: keepResult, rest: restResult, logs: logsResult } };
    if (this.isBehind || this.#logs.lane.isBehind) return { ...report, isDone: false };
    sayReplayed(
      [keep, rest, this.#logs.lane].map((lane) => lane.takeReplay()),
      source,
      context.logger,
    );
    if (logsResult.reason === undefined) await this.#acknowledged.expire();
    const isDone = keepResult.isDone && restResult.isDone && logsResult.isDone;
    return { ...report, isDone, ...(logsResult.reason !== undefined && { logsWait: logsResult.reason }) };
  }

  /** Moves the watermark of an idle source, which commits nothing that would. */
  async tellWatermark({ database, now }: DrainContext, { lanes }: SourceState): Promise<void> {
    const used = LANES.filter((lane) => lanes[lane].isUsed);
    const lowWatermarkMs = Math.min(...used.map((lane) => this.#lanes[lane].committedMs));
    if (!Number.isFinite(lowWatermarkMs)) return;
    await database.none(touchSource, { sourceId: this.#options.source.sourceId, lowWatermarkMs, nowMs: now?.() });
  }

  /** Removes acknowledged segments until no more than `maxBytes` are left. */
  async trim(maxBytes: number): Promise<void> {
    await this.#acknowledged.trim(maxBytes);
  }

  /** Nothing more will come of it. Its folder stays as long as its acknowledged segments are kept. */
  async close(context: DrainContext, state: SourceState): Promise<void> {
    const { folder } = this.#options;
    this.#hasClosed = false;
    await this.#close(context, state);
    await setAsideStrangers(folder);
    await this.#acknowledged.refresh();
    if (this.#acknowledged.size === 0) await removeSource(folder);
  }

  async #close({ database }: DrainContext, { lanes }: SourceState): Promise<void> {
    if (this.#hasClosed) return;
    const used = LANES.filter((lane) => lanes[lane].isUsed);
    const lowWatermarkMs = Math.min(...used.map((lane) => lanes[lane].lowWatermarkMs));
    await database.none(closeSource, {
      sourceId: this.#options.source.sourceId,
      lowWatermarkMs: Number.isFinite(lowWatermarkMs) ? lowWatermarkMs : null,
      unknownTailBytes: 0,
    });
    this.#hasClosed = true;
  }

  /** The ledger forgot events that are not archived again yet. */
  get isBehind(): boolean {
    return this.#lanes.keep.isBehind || this.#lanes.rest.isBehind;
  }
}
