// A drainer with connections of its own: what a thread needs to be one.
import { closeDatabase, createDatabase } from '../../db/database.ts';
import type { Logger } from '../../logger.ts';
import { createMaintenance } from '../maintenance/maintenance.ts';
import { createRollupUpkeep } from '../rollups/upkeep.ts';
import type { DrainNews } from './drain-messages.ts';
import { Drainer } from './drainer.ts';

/** How long to count the rows of a day may take. */
const MAINTENANCE_TIMEOUT_MS = 3_600_000;
/** For what is live, for what ended, for what dead processes left. */
const CONNECTIONS = 3;
/** For what removes old days, and for rollups, which do not wait for it. */
const MAINTENANCE_CONNECTIONS = 2;
/** Time for the goodbye of idle connections. */
const CLOSE_MS = 500;

/** Plain values: handed to a thread when it starts. */
export interface DrainSettings {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly spoolDir: string;
  readonly spoolMaxBytes: number;
  /** Days that are no longer kept are removed; undefined: everything is kept. */
  readonly keepMs: number | undefined;
  /** Likewise months of rollups. */
  readonly keepRollupsMs: number | undefined;
  /** Unique to this process. */
  readonly holder: string;
}

export interface OpenDrainer {
  readonly drainer: Drainer;
  /** Ends its connections, those in use too after a moment. */
  close(): Promise<void>;
}

/** Opens nothing yet: connections are made as they are needed. */
export function openDrainer(
  settings: DrainSettings,
  { tell, logger }: { tell: (news: DrainNews) => void; logger: Logger },
): OpenDrainer {
  const { url, applicationName, spoolDir, spoolMaxBytes, keepMs, keepRollupsMs, holder } = settings;
  const database = createDatabase({ url, max: CONNECTIONS, applicationName });
  const own = createDatabase({
    url,
    max: MAINTENANCE_CONNECTIONS,
    queryTimeoutMs: MAINTENANCE_TIMEOUT_MS,
    applicationName: 'keepwatch maintenance',
  });
  const pools = [database, own];
  const maintenance =
    keepMs === undefined ? undefined : createMaintenance({ database: own, keepMs, keepRollupsMs, holder, logger });
  const upkeep = createRollupUpkeep({ database: own, holder, keepMs: keepRollupsMs, logger });
  const drainer = new Drainer({ database, spoolDir, spoolMaxBytes, maintenance, upkeep, keepMs, tell, logger });
  return {
    drainer,
    async close() {
      await Promise.all(pools.map((each) => closeDatabase(each, { timeoutMs: CLOSE_MS })));
    },
  };
}
