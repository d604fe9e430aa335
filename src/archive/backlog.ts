// Sources of this process that were ended, and what they still hold: drained beside the runs, so that it does not hold up what is live; then
// closed and forgotten. Never throws.
import type { Logger } from '../logger.ts';
import { BackOff } from './back-off.ts';
import type { Drain, DrainRequest } from './drain/drain-messages.ts';
import { applyReport, describeSource } from './drain/source-state.ts';
import type { SourceSpool } from './spool/source-spool.ts';
import type { Spool } from './spool/spool.ts';
import { Wait } from './wait.ts';

/** How often what a drain reports is told and drained again at once; then the next time does. */
const MAX_PASSES = 3;

export interface BacklogOptions {
  readonly spool: Spool;
  readonly drain: Drain;
  /** What the drain is asked, of a source. */
  readonly request: (source: SourceSpool) => DrainRequest;
  /** Told when nothing more will come of a source. */
  readonly onClose: (sourceId: bigint) => void;
  readonly onFailure: () => void;
  readonly logger: Logger;
}

export class Backlog {
  readonly #options: BacklogOptions;
  readonly #backOff: BackOff;
  readonly #closedIds = new Set<bigint>();
  readonly #wait = new Wait(', asked for events of an earlier source,');
  #run: Promise<void> | undefined;
  #logsWait: string | undefined;

  constructor(options: BacklogOptions) {
    this.#options = options;
    this.#backOff = new BackOff('archive of earlier sources', options.logger);
  }

  /** What the last attempt said; undefined when it was well. */
  get reason(): string | undefined {
    return this.#backOff.reason;
  }

  /** A sentence when what is under way hangs; undefined while it does not. */
  get stall(): string | undefined {
    return this.#wait.reason;
  }

  /** Why log lines of an earlier source wait; undefined: nothing but time. */
  get logsWait(): string | undefined {
    return this.#logsWait;
  }

  /** Postgres has committed something of a source. */
  noteAnswer(sourceId: bigint): void {
    this.#wait.noteAnswer(sourceId);
  }

  /** Sources that are closed, though the process lives. */
  get closedIds(): readonly bigint[] {
    return [...this.#closedIds];
  }

  /** Begins to drain what has ended, unless it is being done, or it is too early to try again. */
  start(): void {
    if (!this.#backOff.isWaiting) this.#begin();
  }

  /** Waits for what is under way, drains once more, be it early, and waits for that. */
  async finish(): Promise<void> {
    await this.#run;
    this.#begin();
    await this.#run;
  }

  #begin(): void {
    const { spool, onFailure } = this.#options;
    if (this.#run !== undefined || spool.retired.length === 0) return;
    this.#run = this.#drainAll()
      .then(() => this.#backOff.succeed())
      .catch((error: unknown) => {
        onFailure();
        this.#backOff.fail(error);
      })
      .finally(() => {
        this.#wait.end();
        this.#run = undefined;
      });
  }

  async #drainAll(): Promise<void> {
    for (const source of this.#options.spool.retired) {
      for (let pass = 0; pass < MAX_PASSES; pass++) {
        this.#wait.begin('Postgres', source.source.sourceId);
        if (await this.#drainSource(source)) break;
        this.#wait.begin('the disk of the spool');
        await source.seal();
      }
    }
  }

  /** @returns whether there is nothing more to do about it now */
  async #drainSource(source: SourceSpool): Promise<boolean> {
    const { spool, drain, request, onClose } = this.#options;
    const report = await drain.drainRetired(request(source));
    const mustTell = applyReport(source, report);
    this.#logsWait = report.logsWait;
    if (!report.isDone || source.hasUntoldCounts) return false;
    if (source.rows > 0) return !mustTell;
    const { sourceId } = source.source;
    this.#wait.begin('Postgres', sourceId);
    await drain.close({ state: describeSource(source, { takesMemory: false }) });
    onClose(sourceId);
    this.#closedIds.add(sourceId);
    spool.release(source);
    return true;
  }
}
