// Drives the archive of this process: on a cron schedule it collects, seals and drains. A run never throws out, and none overlaps another.
import type { Database } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';
import { describeError } from '../errors.ts';
import type { EventBatch, Lane } from '../event.ts';
import type { Logger } from '../logger.ts';
import { type Schedule, startSchedule } from '../schedule.ts';
import { within } from '../within.ts';
import { BackOff } from './back-off.ts';
import { type BatchOutcome, describeSkew } from './commit-batch.ts';
import { type DrainContext, type Mark, readMark } from './drain.ts';
import { LaneDrain } from './lane-drain.ts';
import { drainLeftovers } from './leftovers.ts';
import type { Maintenance } from './maintenance.ts';
import { createPartitions, type Partitions } from './partitions.ts';
import { RefusalStreak } from './refused-rows.ts';
import type { SourceSpool } from './source-spool.ts';
import type { Spool } from './spool.ts';
import { removeSource } from './spool-folder.ts';

/** So much waits, and a run is made before its time. */
const EARLY_EVENTS = 20_000;
const EARLY_BYTES = 8_000_000;
const LEFTOVERS_EVERY_MS = 30_000;
const HEARTBEAT_MS = 5000;
/** What has not answered for so long is said to hang. */
const STALL_MS = 5000;

const touchSource = loadSql('archive/touch-source');
const closeSource = loadSql('archive/close-source');

export interface ArchiverOptions {
  readonly database: Database;
  readonly spool: Spool;
  readonly spoolDir: string;
  /** Cron expression of 5 or 6 fields. */
  readonly cron: string;
  readonly now: () => number;
  /** Makes the tracker hand on what it has. */
  readonly collect: () => void;
  /** Run between drains; undefined: none. */
  readonly maintenance: Maintenance | undefined;
  /** How long raw events are kept; undefined: for ever. */
  readonly keepMs: number | undefined;
  readonly logger: Logger;
}

type LaneDrains = Readonly<Record<Lane, LaneDrain>>;

/** What this process has archived of its own events, cumulative. */
export interface ArchiverTotals {
  archived: number;
  deadLettered: number;
  quarantined: number;
  damaged: number;
  failures: number;
  batches: number;
  batchSecondsSum: number;
}

export class Archiver {
  readonly totals: ArchiverTotals = {
    archived: 0,
    deadLettered: 0,
    quarantined: 0,
    damaged: 0,
    failures: 0,
    batches: 0,
    batchSecondsSum: 0,
  };
  readonly #options: ArchiverOptions;
  readonly #partitions: Partitions;
  readonly #refusals: RefusalStreak;
  readonly #lanes = new WeakMap<SourceSpool, LaneDrains>();
  #releasedDamaged = 0;
  readonly #backOff: BackOff;
  readonly #leftoversBackOff: BackOff;
  #schedule: Schedule | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #run: Promise<void> = Promise.resolve();
  #isRunWaiting = false;
  #leftovers: Promise<void> | undefined;
  #leftoversDueMs = -Infinity;
  #isStopping = false;
  /** What a run waits for, and since when. */
  #waiting: { readonly what: string; readonly sinceMs: number } | undefined;
  #skew: string | undefined;

  constructor(options: ArchiverOptions) {
    this.#options = options;
    this.#partitions = createPartitions(options.database);
    this.#refusals = new RefusalStreak(options.logger);
    this.#backOff = new BackOff('archive', options.logger);
    this.#leftoversBackOff = new BackOff('archive of dead processes', options.logger);
  }

  /** What is wrong, a sentence each; empty while all is well. */
  get reasons(): readonly string[] {
    const { reason } = this.#backOff;
    const reasons = reason === undefined ? [] : [`Postgres cannot be written: ${reason}`];
    const waitedMs = performance.now() - (this.#waiting?.sinceMs ?? Infinity);
    if (waitedMs >= STALL_MS) reasons.push(`${this.#waiting?.what} has not answered for ${Math.round(waitedMs / 1000)} s`);
    if (this.#skew !== undefined) reasons.push(this.#skew);
    return reasons;
  }

  /** Makes the schedule, and the first run at once, without waiting for it. */
  start(): void {
    if (this.#schedule !== undefined || this.#isStopping) return;
    this.#schedule = startSchedule(this.#options.cron, () => this.#tick());
    // Not part of a run: one that waits for Postgres would let another machine take this process for dead.
    this.#heartbeat = setInterval(() => void this.#options.spool.touch(), HEARTBEAT_MS).unref();
    void this.#tick();
  }

  /** Hands a batch to the spool, and runs early when much waits. */
  accept(batch: EventBatch): number {
    const { spool } = this.#options;
    const taken = spool.accept(batch);
    const isMuch = spool.events >= EARLY_EVENTS || spool.bytes >= EARLY_BYTES;
    if (isMuch && this.#schedule !== undefined && !this.#isRunWaiting && !this.#backOff.isWaiting && !this.#isStopping) {
      this.#isRunWaiting = true;
      setImmediate(() => {
        void this.#tick().finally(() => {
          this.#isRunWaiting = false;
        });
      });
    }
    return taken;
  }

  /** Resolves when what was recorded so far is committed or, when Postgres cannot be reached, on the disk. Never rejects. */
  async flush(): Promise<void> {
    this.#collect();
    await this.#enter(async () => {
      await this.#seal();
      await this.#drain(false);
    });
  }

  /**
   * No new run; waits for the last one, which drains all, as long as it is given; then the source is closed. When Postgres cannot be
   * reached everything stays sealed in the spool. Never rejects.
   */
  async stop(timeoutMs: number): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#schedule?.stop();
    const { spool, maintenance } = this.#options;
    const finish = async () => {
      // Sealed before its turn: a run that waits for Postgres must not keep events from the disk.
      await this.#seal();
      await this.#enter(async () => {
        await this.#seal();
        spool.close();
        let isDone = await this.#drain(false);
        if (spool.hasUntoldCounts) {
          await spool.seal();
          isDone = await this.#drain(false);
        }
        if (isDone && spool.events === 0) await this.#close(spool.current);
        await this.#leftovers;
        await maintenance?.stop();
      });
    };
    await within(timeoutMs, finish());
    clearInterval(this.#heartbeat);
    spool.close();
    spool.stopRetrying();
  }

  /** Collects a last time and writes synchronously. Never throws. */
  appendSync(): void {
    this.#collect();
    this.#options.spool.appendSync();
  }

  async #tick(): Promise<void> {
    if (this.#isStopping) return;
    await this.#enter(async () => {
      if (this.#backOff.isWaiting) return;
      await this.#drain(true);
      if (this.#backOff.reason !== undefined) return;
      this.#startLeftovers();
      this.#options.maintenance?.tick();
    });
  }

  /** Runs go one after another; what a run throws ends here. */
  #enter(run: () => Promise<void>): Promise<void> {
    this.#run = this.#run.then(run).catch((error: unknown) => {
      this.totals.failures++;
      this.#options.logger.error({}, `an archive run failed: ${describeError(error)}`);
    });
    return this.#run;
  }

  /** All that the tracker has, sealed; twice, since a full queue takes a part only. */
  async #seal(): Promise<void> {
    for (let pass = 0; pass < 2; pass++) {
      this.#collect();
      await this.#options.spool.seal();
    }
  }

  /**
   * Drains what is sealed: failures and slow events first.
   * @param mayCollect ask Postgres first, and collect and seal only when it answers, so that an outage makes few large files
   * @returns whether all that is sealed is committed
   */
  async #drain(mayCollect: boolean): Promise<boolean> {
    const { spool, now } = this.#options;
    const context = { ...this.#drainContext(), now, onCommit: this.#noteCommit };
    const { current } = spool;
    try {
      this.#waitFor('Postgres');
      const mark = await readMark(current.source, 'rest', context);
      this.#noteSkew(describeSkew(mark.clockOffsetMs ?? 0));
      if (mayCollect) {
        this.#collect();
        this.#waitFor('the disk of the spool');
        await spool.seal();
        this.#waitFor('Postgres');
      }
      // Known to the ledger first: the watermark of what is new must not speak for what is older.
      for (const { source } of spool.retired) await readMark(source, 'rest', context);
      let isDone = await this.#drainSource(current, context, mark);
      if (current.events === 0) await this.#tellWatermark(current);
      for (const source of spool.retired) if (!(await this.#finishRetired(source, context))) isDone = false;
      await this.#partitions.coverAhead(performance.now() + mark.databaseOffsetMs);
      this.#backOff.succeed();
      return isDone;
    } catch (error) {
      this.totals.failures++;
      this.#partitions.forget();
      this.#backOff.fail(error);
      return false;
    } finally {
      this.#waiting = undefined;
    }
  }

  async #drainSource(source: SourceSpool, context: DrainContext, mark?: Mark): Promise<boolean> {
    const { keep, rest } = this.#lanesOf(source);
    const isKeepDone = await keep.run({ ...context, otherLanesMs: rest.committedMs });
    const isRestDone = await rest.run({ ...context, otherLanesMs: keep.committedMs }, mark);
    return isKeepDone && isRestDone;
  }

  /** Drains a source that was ended; closes it when nothing is left. @returns whether it is closed */
  async #finishRetired(source: SourceSpool, context: DrainContext): Promise<boolean> {
    if (!(await this.#drainSource(source, context)) || source.events > 0 || source.hasUntoldCounts) return false;
    await this.#close(source);
    const { keep, rest } = this.#lanesOf(source);
    this.#releasedDamaged += keep.damaged + rest.damaged;
    this.#options.spool.release(source);
    return true;
  }

  #lanesOf(source: SourceSpool): LaneDrains {
    let lanes = this.#lanes.get(source);
    if (lanes === undefined) {
      const create = (lane: Lane) =>
        new LaneDrain({ lane, spool: source.lane(lane), source: source.source, folder: source.folder });
      lanes = { keep: create('keep'), rest: create('rest') };
      this.#lanes.set(source, lanes);
    }
    return lanes;
  }

  /** Of an idle source, which commits nothing that would. */
  async #tellWatermark(source: SourceSpool): Promise<void> {
    const { database, now } = this.#options;
    const { keep, rest } = this.#lanesOf(source);
    const lowWatermarkMs = Math.min(keep.committedMs, rest.committedMs);
    if (!Number.isFinite(lowWatermarkMs)) return;
    await database.none(touchSource, { sourceId: source.source.sourceId, lowWatermarkMs, nowMs: now() });
  }

  #waitFor(what: string): void {
    this.#waiting = { what, sinceMs: performance.now() };
  }

  /** The clock never goes back: only a new process gets rid of one that was set ahead. */
  #noteSkew(skew: string | undefined): void {
    if (skew !== undefined && this.#skew === undefined) this.#options.logger.warn({}, skew);
    this.#skew = skew;
  }

  #drainContext(): DrainContext {
    const { database, spoolDir, keepMs, logger } = this.#options;
    return { database, spoolDir, keepMs, logger, partitions: this.#partitions, refusals: this.#refusals };
  }

  /** Beside the own runs, so that a backlog does not hold up what is live. */
  #startLeftovers(): void {
    const nowMs = performance.now();
    if (this.#leftovers !== undefined || nowMs < this.#leftoversDueMs || this.#leftoversBackOff.isWaiting) return;
    this.#leftoversDueMs = nowMs + LEFTOVERS_EVERY_MS;
    const context = { ...this.#drainContext(), shouldStop: () => this.#isStopping };
    const { spool } = this.#options;
    this.#leftovers = drainLeftovers(spool.current.source.sourceId, context)
      .then((bytes) => {
        const retiredBytes = spool.retired.reduce((sum, source) => sum + source.bytes, 0);
        spool.setOtherBytes(Math.max(0, bytes - retiredBytes));
        this.#leftoversBackOff.succeed();
      })
      .catch((error: unknown) => {
        this.totals.failures++;
        this.#leftoversDueMs = -Infinity;
        this.#leftoversBackOff.fail(error);
      })
      .finally(() => {
        this.#leftovers = undefined;
      });
  }

  async #close(source: SourceSpool): Promise<void> {
    const lowWatermarkMs = Number.isFinite(source.lowWatermarkMs) ? source.lowWatermarkMs : null;
    const { sourceId } = source.source;
    await this.#options.database.none(closeSource, { sourceId, lowWatermarkMs, unknownTailBytes: 0 });
    await removeSource(source.folder, []);
  }

  #collect(): void {
    try {
      this.#options.collect();
    } catch (error) {
      this.#options.logger.error({}, `the tracker could not hand on its events: ${describeError(error)}`);
    }
  }

  readonly #noteCommit = (outcome: BatchOutcome, durationMs: number): void => {
    this.#waitFor('Postgres');
    const { totals } = this;
    totals.archived += outcome.archived;
    totals.deadLettered += outcome.deadLettered;
    totals.quarantined += outcome.quarantined;
    const { spool } = this.#options;
    totals.damaged = this.#releasedDamaged;
    for (const source of [spool.current, ...spool.retired]) {
      const { keep, rest } = this.#lanesOf(source);
      totals.damaged += keep.damaged + rest.damaged;
    }
    totals.batches++;
    totals.batchSecondsSum += durationMs / 1000;
  };
}
