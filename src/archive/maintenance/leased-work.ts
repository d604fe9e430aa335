// Work that is due now and then and that one process of all does: by a lease in Postgres, beside the drain. It never throws: what goes wrong is
// said once, and tried again later.
import type { Database } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import type { Logger } from '../../logger.ts';
import { BackOff } from '../back-off.ts';
import { Lease } from './lease.ts';

const LEASE_SECONDS = 60;

const mayMaintain = loadSql('archive/may-maintain');

/** What a run works with. */
export interface LeasedRun {
  readonly database: Database;
  /** Ours when the run begins; to be renewed between steps. */
  readonly lease: Lease;
  /** To be asked between steps. */
  readonly shouldStop: () => boolean;
}

export interface LeasedWorkOptions {
  /** A connection of its own: the work takes as long as it takes. */
  readonly database: Database;
  /** Unique to this process. */
  readonly holder: string;
  /** Of the lease. */
  readonly name: string;
  /** From the begin of a run to that of the next one. */
  readonly everyMs: number;
  /** As log lines name the work, and what follows while it fails. */
  readonly description: string;
  readonly consequence: string;
  readonly logger: Logger;
  /** Called once when the user of the database may not do it: only the owner of the tables may. */
  readonly onForbidden?: () => void;
  /** @returns how soon to run again, in milliseconds; undefined: as usual */
  readonly run: (run: LeasedRun) => Promise<number | undefined>;
}

export class LeasedWork {
  readonly #options: LeasedWorkOptions;
  readonly #lease: Lease;
  readonly #backOff: BackOff;
  #dueMs = -Infinity;
  #run: Promise<void> | undefined;
  #isStopping = false;
  #hasSaidSo = false;

  constructor(options: LeasedWorkOptions) {
    const { database, holder, name, description, consequence, logger } = options;
    this.#options = options;
    this.#lease = new Lease({ database, name, holder, seconds: LEASE_SECONDS });
    this.#backOff = new BackOff(description, logger, { consequence });
  }

  /** Begins a run when it is time for one. */
  tick(): void {
    const nowMs = performance.now();
    if (this.#run !== undefined || this.#isStopping || nowMs < this.#dueMs || this.#backOff.isWaiting) return;
    this.#dueMs = nowMs + this.#options.everyMs;
    this.#run = this.#work()
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

  async #work(): Promise<void> {
    const { database, run } = this.#options;
    if (!(await this.#isAllowed()) || !(await this.#lease.take())) return;
    const againMs = await run({ database, lease: this.#lease, shouldStop: () => this.#isStopping });
    if (againMs !== undefined) this.#dueMs = performance.now() + againMs;
  }

  async #isAllowed(): Promise<boolean> {
    const { database, onForbidden } = this.#options;
    const { may_maintain: isAllowed } = await database.one<{ may_maintain: boolean }>(mayMaintain);
    if (!isAllowed && !this.#hasSaidSo) {
      this.#hasSaidSo = true;
      onForbidden?.();
    }
    return isAllowed;
  }
}
