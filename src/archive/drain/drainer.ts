// Everything that the archive does in Postgres, for one process: marks, batches, watermark, partitions, sources that ended, what dead
// processes left, maintenance. Knows folders and numbers, not the spool's objects: it runs in a thread of its own (drain-worker.ts).
import type { Database } from '../../db/database.ts';
import type { SpoolLane } from '../../event.ts';
import type { Logger } from '../../logger.ts';
import { BackOff } from '../back-off.ts';
import type { LeasedWork } from '../maintenance/leased-work.ts';
import { KnownSeries } from '../rollups/series.ts';
import type { Source } from '../spool/source.ts';
import type { LaneCounts } from './commit-batch.ts';
import { type DrainContext, readMark } from './drain.ts';
import {
  type AskReport,
  type ClockState,
  type CloseRequest,
  type Drain,
  type DrainNews,
  type DrainReport,
  type DrainRequest,
  type LookRequest,
  monotonicMs,
  type SourceState,
} from './drain-messages.ts';
import { expireSuspects, SUSPECT_SHARE } from './expire-suspects.ts';
import { describeSkew } from './ingest-window.ts';
import { drainLeftovers } from './leftovers.ts';
import { createPartitions, type Partitions } from './partitions.ts';
import { RefusalStreak } from './refused-rows.ts';
import { SegmentMemory } from './segment-memory.ts';
import { SourceDrain } from './source-drain.ts';

const LEFTOVERS_EVERY_MS = 30_000;
/** Share of the spool that acknowledged segments may take. */
export const GRACE_SHARE = 0.25;

export interface DrainerOptions {
  /** Three connections are used at most: for what is live, for what ended, for what dead processes left. */
  readonly database: Database;
  readonly spoolDir: string;
  readonly spoolMaxBytes: number;
  /** Run between drains; default: none. */
  readonly maintenance?: LeasedWork | undefined;
  /** Of rollups, likewise. */
  readonly upkeep?: LeasedWork;
  /** How long raw events are kept; undefined: for ever. */
  readonly keepMs: number | undefined;
  readonly tell: (news: DrainNews) => void;
  readonly logger: Logger;
}

export class Drainer implements Drain {
  readonly #options: DrainerOptions;
  readonly #partitions: Partitions;
  readonly #refusals: RefusalStreak;
  readonly #series = new KnownSeries();
  readonly #memory = new SegmentMemory();
  readonly #drains = new Map<bigint, SourceDrain>();
  /** Sources that the ledger knows. */
  readonly #registered = new Set<bigint>();
  readonly #leftoversBackOff: BackOff;
  /** What was said to wait for a newer process. */
  readonly #newer = new Set<string>();
  #leftovers: Promise<void> | undefined;
  #leftoversDueMs = -Infinity;
  #isStopping = false;
  #isTerminated = false;

  constructor(options: DrainerOptions) {
    this.#options = options;
    this.#partitions = createPartitions(options.database);
    this.#refusals = new RefusalStreak(options.logger);
    this.#leftoversBackOff = new BackOff('archive of dead processes', options.logger);
  }

  async ask(request: DrainRequest): Promise<AskReport> {
    await this.#makeRoom(request.acknowledgedMaxBytes);
    const mark = await readMark(request.state.source, 'rest', this.#context(request));
    return { skew: describeSkew(mark.clockOffsetMs ?? 0) };
  }

  drain(request: DrainRequest): Promise<DrainReport> {
    return this.#trying(async () => {
      const { state, retired } = request;
      const context = this.#context(request);
      const drain = this.#drainOf(state);
      const marks = await drain.readMarks(context, state);
      if (drain.isBehind) {
        this.#registered.clear();
        this.#series.distrust();
      }
      await this.#register(retired, context);
      const report = await drain.run(context, state, marks, { isEnded: false, isWhole: request.isWhole });
      if (report.hasEvents) await drain.tellWatermark(context, state);
      await this.#partitions.coverAhead(performance.now() + marks.rest.databaseOffsetMs);
      await this.#makeRoom(request.acknowledgedMaxBytes);
      return report;
    });
  }

  drainRetired(request: DrainRequest): Promise<DrainReport> {
    return this.#trying(async () => {
      const { state } = request;
      const context = { ...this.#context(request), shouldStop: () => this.#isStopping };
      const drain = this.#drainOf(state);
      return await drain.run(context, state, await drain.readMarks(context, state), { isEnded: true, isWhole: true });
    });
  }

  async close({ state }: CloseRequest): Promise<void> {
    await this.#drainOf(state).close(this.#context({ offsetMs: 0 }), state);
    this.#drains.delete(state.source.sourceId);
  }

  /** Beside the own drains, so that a backlog does not hold up what is live. */
  lookAfter({ own, closed }: LookRequest): Promise<void> {
    this.#options.maintenance?.tick();
    this.#options.upkeep?.tick();
    const nowMs = performance.now();
    const isDue = nowMs >= this.#leftoversDueMs && !this.#leftoversBackOff.isWaiting;
    if (this.#leftovers === undefined && isDue && !this.#isStopping) {
      this.#leftoversDueMs = nowMs + LEFTOVERS_EVERY_MS;
      this.#leftovers = this.#drainLeftovers(new Set(own), new Set(closed)).finally(() => {
        this.#leftovers = undefined;
      });
    }
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#leftovers;
    await Promise.all([this.#options.maintenance?.stop(), this.#options.upkeep?.stop()]);
  }

  /** Its connections are somebody else's, and what waits for them rejects when they are closed. */
  terminate(): Promise<void> {
    this.#isStopping = true;
    this.#isTerminated = true;
    return Promise.resolve();
  }

  async #drainLeftovers(own: ReadonlySet<bigint>, closed: ReadonlySet<bigint>): Promise<void> {
    const { tell, spoolMaxBytes } = this.#options;
    const { now: _now, ...common } = this.#context({ offsetMs: 0 });
    const maxAcknowledgedBytes = spoolMaxBytes * GRACE_SHARE;
    const context = { ...common, shouldStop: () => this.#isStopping, onNewer: this.#noteNewer, maxAcknowledgedBytes };
    try {
      await this.#expireSuspects();
      await drainLeftovers(context, { own, closed });
      this.#leftoversBackOff.succeed();
    } catch (error) {
      tell({ kind: 'failed' });
      this.#leftoversDueMs = -Infinity;
      this.#leftoversBackOff.fail(error);
    }
  }

  async #expireSuspects(): Promise<void> {
    const { database, spoolDir, spoolMaxBytes, keepMs, logger, tell } = this.#options;
    const maxBytes = spoolMaxBytes * SUSPECT_SHARE;
    tell({ kind: 'suspects', ...(await expireSuspects({ database, spoolDir, maxBytes, keepMs, logger })) });
  }

  readonly #noteNewer = (path: string): void => {
    if (this.#newer.has(path)) return;
    this.#newer.add(path);
    this.#options.logger.warn({ path }, 'written by a newer version: it waits in the spool for a newer process');
  };

  /** Known to the ledger first: the watermark of what is new must not speak for what is older. */
  async #register(sources: readonly Source[], context: DrainContext): Promise<void> {
    for (const source of sources) {
      if (this.#registered.has(source.sourceId)) continue;
      await readMark(source, 'rest', context);
      this.#registered.add(source.sourceId);
    }
  }

  async #trying<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#partitions.forget();
      throw error;
    }
  }

  /** Acknowledged segments give way to what waits, those of the oldest source first, and take no more than their share. */
  async #makeRoom(maxBytes: number): Promise<void> {
    let left = maxBytes;
    for (const drain of [...this.#drains.values()].reverse()) {
      await drain.trim(left);
      left = Math.max(0, left - drain.acknowledgedBytes);
    }
  }

  #drainOf({ source, folder }: SourceState): SourceDrain {
    const { sourceId } = source;
    const { tell } = this.#options;
    let drain = this.#drains.get(sourceId);
    if (drain === undefined) {
      drain = new SourceDrain({
        source,
        folder,
        onAcknowledge: (lane: SpoolLane, segment: number) => tell({ kind: 'acknowledged', sourceId, lane, segment }),
        onTotal: (lane: SpoolLane, total: LaneCounts, durationMs: number) =>
          tell({ kind: 'committed', sourceId, lane, total, durationSeconds: durationMs / 1000 }),
      });
      this.#drains.set(sourceId, drain);
    }
    return drain;
  }

  #context({ offsetMs }: ClockState): DrainContext {
    const { database, spoolDir, keepMs, logger } = this.#options;
    const now = () => monotonicMs() + offsetMs;
    const shouldStop = () => this.#isTerminated;
    return {
      database,
      spoolDir,
      keepMs,
      logger,
      partitions: this.#partitions,
      refusals: this.#refusals,
      series: this.#series,
      memory: this.#memory,
      now,
      shouldStop,
    };
  }
}
