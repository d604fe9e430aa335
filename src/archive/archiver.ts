// Drives the archive of this process: on a cron schedule it collects, seals and drains. A run never throws out, and none overlaps another.
import type { Database } from '../db/database.ts';
import { describeError } from '../errors.ts';
import type { EventBatch } from '../event.ts';
import type { Logger } from '../logger.ts';
import { type Schedule, startSchedule } from '../schedule.ts';
import { within } from '../within.ts';
import { BackOff } from './back-off.ts';
import { type BatchOutcome, describeSkew, type LaneCounts } from './commit-batch.ts';
import { type DrainContext, readMark } from './drain.ts';
import { drainLeftovers } from './leftovers.ts';
import type { Maintenance } from './maintenance.ts';
import { createPartitions, type Partitions } from './partitions.ts';
import { RefusalStreak } from './refused-rows.ts';
import { SourceDrain } from './source-drain.ts';
import type { SourceSpool } from './source-spool.ts';
import type { Spool } from './spool.ts';

/** So much waits, and a run is made before its time. */
const EARLY_EVENTS = 20_000;
const EARLY_BYTES = 8_000_000;
const LEFTOVERS_EVERY_MS = 30_000;
const HEARTBEAT_MS = 5000;
/** What has not answered for so long is said to hang. */
const STALL_MS = 5000;
/** Share of the spool that acknowledged segments may take. */
const GRACE_SHARE = 0.25;

export interface ArchiverOptions {
  readonly database: Database;
  readonly spool: Spool;
  readonly spoolDir: string;
  /** Of the whole spool. */
  readonly spoolMaxBytes: number;
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

/** What this process has archived of its own events, cumulative. */
export interface ArchiverTotals {
  archived: number;
  deadLettered: number;
  quarantined: number;
  damaged: number;
  /** Lost when the ledger went back. */
  restored: number;
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
    restored: 0,
    failures: 0,
    batches: 0,
    batchSecondsSum: 0,
  };
  readonly #options: ArchiverOptions;
  readonly #partitions: Partitions;
  readonly #refusals: RefusalStreak;
  readonly #drains = new Map<SourceSpool, SourceDrain>();
  /** What the ledger said of sources that are closed. */
  readonly #closedTotals: LaneCounts[] = [];
  readonly #closedIds = new Set<bigint>();
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
        if (isDone && spool.events === 0) await this.#drainOf(spool.current).close(this.#drainContext());
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
      this.#options.spool.tellSeries();
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
      await this.#makeRoom();
      this.#waitFor('Postgres');
      const drain = this.#drainOf(current);
      const marks = await drain.readMarks(context);
      this.#noteSkew(describeSkew(marks.rest.clockOffsetMs ?? 0));
      if (mayCollect) {
        this.#collect();
        this.#waitFor('the disk of the spool');
        await spool.seal();
        this.#waitFor('Postgres');
      }
      // Known to the ledger first: the watermark of what is new must not speak for what is older.
      for (const { source } of spool.retired) await readMark(source, 'rest', context);
      let isDone = await drain.run(context, marks);
      if (current.events === 0) await drain.tellWatermark(context, now());
      for (const source of spool.retired) if (!(await this.#finishRetired(source, context))) isDone = false;
      await this.#partitions.coverAhead(performance.now() + marks.rest.databaseOffsetMs);
      await this.#makeRoom();
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

  /** Drains a source that was ended; closes it when nothing is left. @returns whether it is closed */
  async #finishRetired(source: SourceSpool, context: DrainContext): Promise<boolean> {
    const drain = this.#drainOf(source);
    const isDone = await drain.run(context, await drain.readMarks(context));
    if (!isDone || source.events > 0 || source.hasUntoldCounts) return false;
    await drain.close(context);
    this.#closedTotals.push(...drain.totals);
    this.#closedIds.add(source.source.sourceId);
    this.#drains.delete(source);
    this.#options.spool.release(source);
    return true;
  }

  #drainOf(source: SourceSpool): SourceDrain {
    let drain = this.#drains.get(source);
    if (drain === undefined) {
      drain = new SourceDrain(source);
      this.#drains.set(source, drain);
    }
    return drain;
  }

  /** Acknowledged segments give way to what waits, and take no more than their share. */
  async #makeRoom(): Promise<void> {
    const { spool, spoolMaxBytes } = this.#options;
    let left = spool.failure === undefined ? Math.min(spoolMaxBytes * GRACE_SHARE, spool.freeBytes) : 0;
    for (const drain of [...this.#drains.values()].reverse()) {
      await drain.trim(left);
      left -= drain.acknowledgedBytes;
    }
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
    const { spool, spoolMaxBytes } = this.#options;
    const maxAcknowledgedBytes = spoolMaxBytes * GRACE_SHARE;
    const context = { ...this.#drainContext(), shouldStop: () => this.#isStopping, maxAcknowledgedBytes };
    const own = [spool.current, ...spool.retired].map(({ source }) => source.sourceId);
    this.#leftovers = drainLeftovers(context, { own: new Set(own), closed: this.#closedIds })
      .then((bytes) => {
        spool.setOtherBytes(bytes);
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

  #collect(): void {
    try {
      this.#options.collect();
    } catch (error) {
      this.#options.logger.error({}, `the tracker could not hand on its events: ${describeError(error)}`);
    }
  }

  readonly #noteCommit = (_outcome: BatchOutcome, durationMs: number): void => {
    this.#waitFor('Postgres');
    const { totals } = this;
    const lanes = [...this.#closedTotals, ...[...this.#drains.values()].flatMap((drain) => drain.totals)];
    for (const key of ['archived', 'deadLettered', 'quarantined', 'damaged', 'restored'] as const) {
      totals[key] = lanes.reduce((sum, counts) => sum + counts[key], 0);
    }
    totals.batches++;
    totals.batchSecondsSum += durationMs / 1000;
  };
}
