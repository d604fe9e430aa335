// What rollups need now and then, done by one process of all: deltas folded, what is missing added, months that are no longer kept removed.
// Runs beside the drain, never throws. Where nobody may do it, deltas stay as they are, and every answer stays right.
import type { Database } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import type { Logger } from '../../logger.ts';
import { BackOff } from '../back-off.ts';
import { Lease } from '../maintenance/lease.ts';
import { backfillRollups } from './backfill.ts';
import { foldRollups } from './fold.ts';

const EVERY_MS = 15_000;
const LEASE_SECONDS = 60;

const mayMaintain = loadSql('archive/may-maintain');

export interface UpkeepOptions {
  /** A connection of its own. */
  readonly database: Database;
  /** Unique to this process. */
  readonly holder: string;
  readonly logger: Logger;
}

export class RollupUpkeep {
  readonly #options: UpkeepOptions;
  readonly #lease: Lease;
  readonly #backOff: BackOff;
  #dueMs = -Infinity;
  #run: Promise<void> | undefined;
  #isStopping = false;

  constructor(options: UpkeepOptions) {
    const { database, holder, logger } = options;
    this.#options = options;
    this.#lease = new Lease({ database, name: 'rollups', holder, seconds: LEASE_SECONDS });
    this.#backOff = new BackOff('upkeep of rollups', logger, { consequence: 'they take more room, and stay right' });
  }

  /** Begins a run when it is time for one. */
  tick(): void {
    const nowMs = performance.now();
    if (this.#run !== undefined || this.#isStopping || nowMs < this.#dueMs || this.#backOff.isWaiting) return;
    this.#dueMs = nowMs + EVERY_MS;
    this.#run = this.#keepUp()
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

  async #keepUp(): Promise<void> {
    const { database, logger } = this.#options;
    const { may_maintain: isAllowed } = await database.one<{ may_maintain: boolean }>(mayMaintain);
    if (!isAllowed || !(await this.#lease.take())) return;
    const common = { database, lease: this.#lease, shouldStop: () => this.#isStopping };
    await foldRollups(common);
    const rows = await backfillRollups(common);
    if (rows > 0) logger.info({ rows }, 'rows that were archived without rollups are added to them');
  }
}
