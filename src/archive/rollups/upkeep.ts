// What rollups need now and then: deltas folded, days that are over made of their hours, what is missing added, hours of usage closed. Where
// nobody may do it, deltas and hours stay as they are, and every answer stays right.
import type { Database } from '../../db/database.ts';
import type { Logger } from '../../logger.ts';
import { type LeasedRun, LeasedWork } from '../maintenance/leased-work.ts';
import { backfillRollups } from './backfill.ts';
import { closeDays } from './close-days.ts';
import { foldRollups } from './fold.ts';
import { closeUsage } from './usage.ts';

const EVERY_MS = 15_000;

export interface UpkeepOptions {
  /** A connection of its own. */
  readonly database: Database;
  /** Unique to this process. */
  readonly holder: string;
  /** How long rollups are kept; default: for ever. */
  readonly keepMs?: number | undefined;
  readonly logger: Logger;
}

export function createRollupUpkeep({ database, holder, keepMs, logger }: UpkeepOptions): LeasedWork {
  async function run(leased: LeasedRun): Promise<undefined> {
    await foldRollups({ ...leased, keepMs });
    await closeDays(leased);
    const rows = await backfillRollups(leased);
    if (rows > 0) logger.info({ rows }, 'rows that were archived without rollups are added to them');
    await closeUsage(leased);
  }
  return new LeasedWork({
    database,
    holder,
    name: 'rollups',
    everyMs: EVERY_MS,
    description: 'upkeep of rollups',
    consequence: 'they take more room, answers over weeks take longer, and all stay right',
    logger,
    run,
  });
}
