// What the archive needs now and then: removes days of raw events and log lines, months of rollups, and what was refused, that are no longer
// kept; gives the days that stay the indexes of this version.
import type { Database } from '../../db/database.ts';
import type { Logger } from '../../logger.ts';
import { removeExpiredUsage } from '../rollups/usage.ts';
import { removeExpiredDeltas } from './expired-deltas.ts';
import { removeExpiredRefusals } from './expired-refusals.ts';
import { type LeasedRun, LeasedWork } from './leased-work.ts';
import { expirePartitions } from './retention.ts';
import { indexTraces } from './trace-indexes.ts';

const EVERY_MS = 300_000;
const WAITING_MS = 10_000;

export interface MaintenanceOptions {
  /** A connection of its own: to count a day that goes takes as long as it takes. */
  readonly database: Database;
  /** Unique to this process. */
  readonly holder: string;
  /** How long raw events and log lines are kept. */
  readonly keepMs: number;
  /** How long rollups are kept, at least `keepMs`; default: for ever. */
  readonly keepRollupsMs?: number | undefined;
  readonly logger: Logger;
}

export function createMaintenance({ database, holder, keepMs, keepRollupsMs, logger }: MaintenanceOptions): LeasedWork {
  async function run(leased: LeasedRun): Promise<number | undefined> {
    const days = await expirePartitions({ ...leased, retained: 'events', keepMs });
    if (days.partitions > 0) {
      logger.info({ partitions: days.partitions, rows: days.rows }, 'days that are no longer kept are removed');
    }
    const logs = await expirePartitions({ ...leased, retained: 'logs', keepMs });
    if (logs.partitions > 0) {
      logger.info({ partitions: logs.partitions, rows: logs.rows }, 'days of log lines that are no longer kept are removed');
    }
    const isHeldUp = keepRollupsMs !== undefined && (await expireRollups(leased, keepRollupsMs, logger));
    const refusals = await removeExpiredRefusals(leased, keepMs);
    if (refusals.deadLetters + refusals.quarantined > 0) {
      logger.warn(refusals, 'dead letters and quarantined rows that are no longer kept are removed');
    }
    const indexed = await indexTraces(leased);
    if (indexed !== undefined)
      logger.info({ partition: indexed }, 'a day of an earlier version has an index of time and trace id');
    return days.isWaiting || logs.isWaiting || isHeldUp || indexed !== undefined ? WAITING_MS : undefined;
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

/** @returns whether some are still there */
async function expireRollups(leased: LeasedRun, keepMs: number, logger: Logger): Promise<boolean> {
  const { partitions, rows, isWaiting } = await expirePartitions({ ...leased, retained: 'rollups', keepMs });
  if (partitions > 0) logger.info({ partitions, rows }, 'months of rollups that are no longer kept are removed');
  await removeExpiredUsage(leased, keepMs);
  const late = await removeExpiredDeltas(leased, keepMs);
  if (late > 0) logger.info({ rows: late }, 'what came late to months of rollups that are no longer kept is removed');
  return isWaiting;
}
