// What the archive needs now and then, done by one process of all: removes days that are no longer kept. Runs beside the drain, never throws.
import type { Database } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import type { Logger } from '../../logger.ts';
import { BackOff } from '../back-off.ts';
import { Lease } from './lease.ts';
import { expirePartitions } from './retention.ts';

const EVERY_MS = 300_000;
const WAITING_MS = 10_000;
const LEASE_SECONDS = 60;

const mayMaintain = loadSql('archive/may-maintain');

export interface MaintenanceOptions {
  /** A connection of its own: to count a day that goes takes as long as it takes. */
  readonly database: Database;
  /** Unique to this process. */
  readonly holder: string;
  /** How long raw events are kept. */
  readonly keepMs: number;
  readonly logger: Logger;
}

export class Maintenance {
  readonly #options: MaintenanceOptions;
  readonly #lease: Lease;
  readonly #backOff: BackOff;
  #dueMs = -Infinity;
  #run: Promise<void> | undefined;
  #isStopping = false;
  #hasSaidSo = false;

  constructor(options: MaintenanceOptions) {
    const { database, holder, logger } = options;
    this.#options = options;
    this.#lease = new Lease({ database, name: 'maintenance', holder, seconds: LEASE_SECONDS });
    this.#backOff = new BackOff('maintenance', logger, { consequence: 'old days stay' });
  }

  /** Begins a run when it is time for one. */
  tick(): void {
    const nowMs = performance.now();
    if (this.#run !== undefined || this.#isStopping || nowMs < this.#dueMs || this.#backOff.isWaiting) return;
    this.#dueMs = nowMs + EVERY_MS;
    this.#run = this.#maintain()
      .then(() => this.#backOff.succeed())
      .catch((error: unknown) => this.#backOff.fail(error))
      .finally(() => {
        this.#run = undefined;
      });
  }

  /** Begins nothing more. @returns when the step under way is done */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#run;
  }

  async #isAllowed(): Promise<boolean> {
    const { database, logger } = this.#options;
    const { may_maintain: isAllowed } = await database.one<{ may_maintain: boolean }>(mayMaintain);
    if (!isAllowed && !this.#hasSaidSo) {
      this.#hasSaidSo = true;
      logger.info({}, 'retention is left to a process whose database user owns keepwatch.observability_metrics');
    }
    return isAllowed;
  }

  async #maintain(): Promise<void> {
    const { database, keepMs, logger } = this.#options;
    if (!(await this.#isAllowed()) || !(await this.#lease.take())) return;
    const shouldStop = () => this.#isStopping;
    const { partitions, rows, isWaiting } = await expirePartitions({ database, lease: this.#lease, keepMs, shouldStop });
    if (partitions > 0) logger.info({ partitions, rows }, 'days that are no longer kept are removed');
    if (isWaiting) this.#dueMs = performance.now() + WAITING_MS;
  }
}
