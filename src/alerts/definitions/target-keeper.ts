// Writes the targets that the code of this process declares to Postgres: at start, when new ones appear, and once an hour to say that they still hold.
import type { Database } from '../../db/database.ts';
import { describeError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { type Schedule, startSchedule } from '../../schedule.ts';
import type { Target } from '../../target.ts';
import { declareTargets, touchTargets } from './targets.ts';

export interface TargetKeeperOptions {
  readonly database: Database;
  readonly service: string;
  readonly instance: string;
  /** What the code has declared so far; called every 10 s. */
  readonly targets: () => readonly Target[];
  readonly logger: Logger;
}

const CRON = '*/10 * * * * *';
const TOUCH_MS = 3_600_000;

export class TargetKeeper {
  readonly #options: TargetKeeperOptions;
  /** What Postgres was told, by type, name and quantile. */
  readonly #declared = new Map<string, number>();
  #schedule: Schedule | undefined;
  #run: Promise<void> | undefined;
  #touchedAtMs = 0;
  #isFailing = false;

  constructor(options: TargetKeeperOptions) {
    this.#options = options;
  }

  /** Resolves when what is declared by now is written, or could not be: then it is tried again. May be called again. */
  async start(): Promise<void> {
    this.#schedule ??= startSchedule(CRON, () => this.#keep());
    await this.#keep();
  }

  /** Writes what has come since the last run, for processes that do not live for long; then there is no new run. */
  async stop(): Promise<void> {
    if (this.#schedule === undefined) return;
    this.#schedule.stop();
    await this.#run;
    if (!this.#isFailing) await this.#keep();
  }

  /** Never rejects. */
  #keep(): Promise<void> {
    this.#run ??= this.#write().finally(() => {
      this.#run = undefined;
    });
    return this.#run;
  }

  async #write(): Promise<void> {
    const { database, service, instance, targets, logger } = this.#options;
    try {
      const all = targets();
      const news = all.filter((target) => this.#declared.get(keyOf(target)) !== target.limitMs);
      const isTouchDue = all.length > 0 && performance.now() - this.#touchedAtMs >= TOUCH_MS;
      await declareTargets(database, { service, instance, targets: news });
      for (const target of news) this.#declared.set(keyOf(target), target.limitMs);
      if (isTouchDue) {
        await touchTargets(database, service, all);
        this.#touchedAtMs = performance.now();
      }
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) logger.warn({ error: describeError(error) }, 'targets cannot be written; tried again every 10 s');
      this.#isFailing = true;
    }
  }
}

function keyOf({ type, name, quantile }: Target): string {
  return JSON.stringify([type, name, quantile]);
}
