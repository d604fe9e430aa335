// Drives the archive of this process: on a cron schedule it collects and seals, and has the drain bring what is sealed to Postgres. A run never
// throws out, and none overlaps another. Sources that were ended are drained beside the runs (backlog.ts).
import { describeError } from '../errors.ts';
import type { LaneBatch } from '../event.ts';
import type { Logger } from '../logger.ts';
import { type Schedule, startSchedule } from '../schedule.ts';
import { within } from '../within.ts';
import { BackOff } from './back-off.ts';
import { Backlog } from './backlog.ts';
import { ArchiveTotals } from './drain/archive-totals.ts';
import { type Drain, type DrainNews, type DrainRequest, monotonicMs } from './drain/drain-messages.ts';
import { GRACE_SHARE } from './drain/drainer.ts';
import { applyReport, describeSource } from './drain/source-state.ts';
import { Heartbeat } from './heartbeat.ts';
import type { SourceSpool } from './spool/source-spool.ts';
import type { Spool } from './spool/spool.ts';
import { Wait } from './wait.ts';

/** So much waits, and a run is made before its time. */
const EARLY_EVENTS = 20_000;
const EARLY_BYTES = 8_000_000;
/** So much waits when Postgres comes back, and what comes then is not held up by it: it gets a source of its own. */
const BACKLOG_BYTES = 2 * EARLY_BYTES;
const HOLD_MS = 60_000;
const TERMINATE_MS = 1000;
/** How often what a drain reports is told and drained again at once; then the next run does. */
const MAX_PASSES = 3;

export interface ArchiverOptions {
  readonly spool: Spool;
  readonly spoolDir: string;
  /** Of the whole spool. */
  readonly spoolMaxBytes: number;
  /** @param tell what the drain says besides its answers */
  readonly createDrain: (tell: (news: DrainNews) => void) => Drain;
  /** Cron expression of 5 or 6 fields. */
  readonly cron: string;
  readonly now: () => number;
  /** Makes the tracker hand on what it has. */
  readonly collect: () => void;
  readonly logger: Logger;
}

export class Archiver {
  readonly totals = new ArchiveTotals();
  readonly #options: ArchiverOptions;
  readonly #drain: Drain;
  readonly #backOff: BackOff;
  readonly #backlog: Backlog;
  readonly #heartbeat: Heartbeat;
  #schedule: Schedule | undefined;
  #run: Promise<void> = Promise.resolve();
  #isRunWaiting = false;
  #isStopping = false;
  #hasStopped = false;
  /** Of a run. */
  readonly #wait = new Wait();
  #skew: string | undefined;
  /** Why log lines wait. */
  #logsWait: string | undefined;

  constructor(options: ArchiverOptions) {
    this.#options = options;
    this.#drain = options.createDrain((news) => this.#hear(news));
    this.#backOff = new BackOff('archive', options.logger);
    this.#heartbeat = new Heartbeat(options);
    this.#backlog = new Backlog({
      spool: options.spool,
      drain: this.#drain,
      request: (source) => this.#request(source, { takesMemory: true, isWhole: true }),
      onClose: (sourceId) => this.totals.close(sourceId),
      onFailure: () => {
        this.totals.failures++;
      },
      logger: options.logger,
    });
  }

  /** What is wrong, a sentence each; empty while all is well. */
  get reasons(): readonly string[] {
    const reason = this.#backOff.reason ?? this.#backlog.reason;
    const reasons = reason === undefined ? [] : [`Postgres cannot be written: ${reason}`];
    return [...reasons, this.#wait.reason, this.#backlog.stall, this.#skew, this.#logsWait ?? this.#backlog.logsWait].filter(
      (each) => each !== undefined,
    );
  }

  /** Makes the schedule, and the first run at once, without waiting for it. */
  start(): void {
    if (this.#schedule !== undefined || this.#isStopping) return;
    this.#schedule = startSchedule(this.#options.cron, () => this.#tick());
    // Not part of a run: one that waits for Postgres would let another machine take this process for dead, and the spool grow beyond its bound.
    this.#heartbeat.start();
    void this.#tick();
  }

  /** Hands a batch of events or log lines to the spool, and runs early when much waits. */
  accept(batch: LaneBatch): number {
    const { spool } = this.#options;
    const taken = spool.accept(batch);
    const { current } = spool;
    const isMuch = current.rows >= EARLY_EVENTS || current.bytes >= EARLY_BYTES;
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
    // A run before it may wait for what keeps no process alive; a script that waits for this is not to end amid it.
    const hold = setInterval(() => {}, HOLD_MS);
    try {
      await this.#enter(async () => {
        await this.#seal();
        if (!this.#hasStopped) await this.#drainAll();
      });
    } finally {
      clearInterval(hold);
    }
  }

  /**
   * No new run; waits for the last one, which drains all, as long as it is given; then the source is closed. When Postgres cannot be
   * reached everything stays sealed in the spool. Never rejects.
   */
  async stop(timeoutMs: number): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#schedule?.stop();
    const { spool } = this.#options;
    const finish = async () => {
      // Sealed before its turn: a run that waits for Postgres must not keep events from the disk.
      await this.#seal();
      await this.#enter(async () => {
        await this.#seal();
        spool.close();
        let isDone = await this.#drainAll();
        if (spool.hasUntoldCounts) {
          await spool.seal();
          isDone = await this.#drainAll();
        }
        if (isDone && spool.events + spool.logs === 0) {
          await this.#drain.close({ state: describeSource(spool.current, { takesMemory: false }) });
        }
        await this.#drain.stop();
      });
    };
    await within(timeoutMs, finish());
    await within(TERMINATE_MS, this.#drain.terminate());
    this.#hasStopped = true;
    this.#heartbeat.stop();
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
      await this.#drainLive(true);
      if (this.#backOff.reason !== undefined) return;
      this.#backlog.start();
      await this.#drain.lookAfter({ own: this.#options.spool.sourceIds, closed: this.#backlog.closedIds });
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
    this.#wait.begin('the disk of the spool');
    for (let pass = 0; pass < 2; pass++) {
      this.#collect();
      this.#options.spool.tellSeries();
      await this.#options.spool.seal();
    }
    this.#wait.end();
  }

  /** What is live, and what ended. @returns whether all that is sealed is committed */
  async #drainAll(): Promise<boolean> {
    const isDone = await this.#drainLive(false);
    if (this.#backOff.reason === undefined) await this.#backlog.finish();
    return isDone && this.#options.spool.retired.length === 0;
  }

  /**
   * Drains what is sealed of the source that takes the events.
   * @param mayCollect ask Postgres first, and collect and seal only when it answers, so that an outage makes few large files
   * @returns whether all that is sealed is committed
   */
  async #drainLive(mayCollect: boolean): Promise<boolean> {
    const { spool } = this.#options;
    try {
      this.#wait.begin('Postgres');
      this.#noteSkew((await this.#drain.ask(this.#request(spool.current, { takesMemory: false, isWhole: false }))).skew);
      if (mayCollect) {
        if (this.#backOff.reason !== undefined && spool.current.bytes >= BACKLOG_BYTES) spool.rotate();
        await this.#sealInTime();
      }
      let isDone = false;
      for (let pass = 0; pass < MAX_PASSES; pass++) {
        const { current } = spool;
        this.#wait.begin('Postgres', current.source.sourceId);
        const report = await this.#drain.drain(this.#request(current, { takesMemory: true, isWhole: !mayCollect }));
        isDone = report.isDone;
        this.#logsWait = report.logsWait;
        // What is to be told again waits for nobody: the next event may be an hour away.
        if (!applyReport(current, report)) break;
        await this.#sealInTime();
      }
      this.#backOff.succeed();
      return isDone;
    } catch (error) {
      this.totals.failures++;
      this.#backOff.fail(error);
      return false;
    } finally {
      this.#wait.end();
    }
  }

  async #sealInTime(): Promise<void> {
    this.#collect();
    this.#wait.begin('the disk of the spool');
    await this.#options.spool.seal();
  }

  #request(source: SourceSpool, { takesMemory, isWhole }: { takesMemory: boolean; isWhole: boolean }): DrainRequest {
    const { spool, spoolMaxBytes, now } = this.#options;
    return {
      state: describeSource(source, { takesMemory }),
      isWhole,
      retired: spool.retired.map((retired) => retired.source),
      offsetMs: now() - monotonicMs(),
      acknowledgedMaxBytes: spool.failure === undefined ? Math.min(spoolMaxBytes * GRACE_SHARE, spool.freeBytes) : 0,
    };
  }

  #hear(news: DrainNews): void {
    if (news.kind === 'failed') this.totals.failures++;
    else if (news.kind === 'suspects') {
      this.totals.suspectBytes = news.bytes;
      this.totals.suspectsRemoved += news.removed;
    } else if (news.kind === 'committed') {
      this.#wait.noteAnswer(news.sourceId);
      this.#backlog.noteAnswer(news.sourceId);
      this.totals.noteCommit(news.sourceId, news.lane, news.total, news.durationSeconds);
    } else {
      const { current, retired } = this.#options.spool;
      const lane = [current, ...retired].find(({ source }) => source.sourceId === news.sourceId)?.lane(news.lane);
      lane?.acknowledge(news.segment);
      lane?.acknowledgeMemory(news.segment);
    }
  }

  /** The clock never goes back: only a new process gets rid of one that was set ahead. */
  #noteSkew(skew: string | undefined): void {
    if (skew !== undefined && this.#skew === undefined) this.#options.logger.warn({}, skew);
    this.#skew = skew;
  }

  #collect(): void {
    try {
      this.#options.collect();
    } catch (error) {
      this.#options.logger.error({}, `the tracker could not hand on its events: ${describeError(error)}`);
    }
  }
}
