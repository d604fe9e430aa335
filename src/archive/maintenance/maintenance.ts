// What the archive needs now and then: removes days that are no longer kept.
import type { Database } from '../../db/database.ts';
import type { Logger } from '../../logger.ts';
import { type LeasedRun, LeasedWork } from './leased-work.ts';
import { expirePartitions } from './retention.ts';

const EVERY_MS = 300_000;
const WAITING_MS = 10_000;

export interface MaintenanceOptions {
  /** A connection of its own: to count a day that goes takes as long as it takes. */
  readonly database: Database;
  /** Unique to this process. */
  readonly holder: string;
  /** How long raw events are kept. */
  readonly keepMs: number;
  readonly logger: Logger;
}

export function createMaintenance({ database, holder, keepMs, logger }: MaintenanceOptions): LeasedWork {
  async function run(leased: LeasedRun): Promise<number | undefined> {
    const { partitions, rows, isWaiting } = await expirePartitions({ ...leased, keepMs });
    if (partitions > 0) logger.info({ partitions, rows }, 'days that are no longer kept are removed');
    return isWaiting ? WAITING_MS : undefined;
  }
  return new LeasedWork({
    database,
    holder,
    name: 'maintenance',
    everyMs: EVERY_MS,
    description: 'maintenance',
    consequence: 'old days stay',
    logger,
    onForbidden: () => logger.info({}, 'retention is left to a process whose database user owns keepwatch.observability_metrics'),
    run,
  });
}
