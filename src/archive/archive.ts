// The archive of one process: a spool that takes its events, and an archiver that brings them to Postgres. Exactly once.
import type { Database } from '../db/database.ts';
import { KeepwatchError } from '../errors.ts';
import type { DropReason, EventSink, SpoolLane } from '../event.ts';
import type { EventStore, StoreStats } from '../event-store.ts';
import type { LogSink } from '../log.ts';
import type { Logger } from '../logger.ts';
import { Archiver } from './archiver.ts';
import type { LaneCounts } from './drain/commit-batch.ts';
import type { Drain, DrainNews } from './drain/drain-messages.ts';
import { DrainThread } from './drain/drain-thread.ts';
import { Drainer } from './drain/drainer.ts';
import { formatSourceId } from './spool/source.ts';
import type { HomeClock } from './spool/source-home.ts';
import { Spool } from './spool/spool.ts';

export interface ArchiveOptions {
  /** The database, migrated or about to be: the drain has connections of its own, and a thread of its own. */
  readonly connection?: ArchiveConnection;
  /** Instead of it, a pool: three connections are used at most. Not closed by the archive; the drain runs in this thread then. */
  readonly database?: Database;
  /** Default: `worker` with a `connection`. */
  readonly thread?: 'worker' | 'main';
  /** Shared by the processes of one service; made when the first event is written. */
  readonly spoolDir: string;
  /** Bytes at most in the spool; what comes then is dropped and counted, reason `spool_full`. */
  readonly spoolMaxBytes: number;
  /** `process`: survives kill -9. `disk`: every write survives a power loss too. */
  readonly durability: 'process' | 'disk';
  readonly service: string;
  readonly instance: string;
  /** When to drain: a cron expression of 5 or 6 fields. */
  readonly cron: string;
  /** The process clock that the events carry: milliseconds since the epoch. */
  readonly now: () => number;
  /** Makes the tracker hand all it has to the sink, at once; an empty batch too, so that the watermark of an idle source moves. */
  readonly collect: () => void;
  readonly logger: Logger;
  /** How long raw events are kept; default: for ever. Days that are older are removed, by those that have a `connection`. */
  readonly keepMs?: number;
  /** How long rollups are kept, by whole months, at least as long; default: for ever. */
  readonly keepRollupsMs?: number;
  /** Bytes at most that wait in memory for the disk; default 8 MB. */
  readonly maxQueueBytes?: number;
  /** What the lease of the spool's folder is measured by; default: the clocks of the system. */
  readonly leaseClock?: HomeClock;
}

export interface ArchiveConnection {
  /** `postgres://…` */
  readonly url: string;
  /** Shown in pg_stat_activity; default `keepwatch`. */
  readonly applicationName?: string;
}

export interface ArchiveStats extends StoreStats {
  readonly logs: LogStats;
}

/** Of log lines, likewise. */
export interface LogStats {
  readonly archived: number;
  readonly deadLettered: number;
  readonly quarantined: number;
  /** Dropped behind the log stream, by reason. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  readonly spooled: number;
}

/** What still waits when the process ends is drained by the next one. */
export interface Archive extends EventStore {
  /** 63 random bits: `source_id` of what this process records now. */
  readonly sourceId: bigint;
  readonly sink: EventSink & LogSink;
  /** Makes the schedule and the first run, without waiting for Postgres. What dead processes left is drained beside it. */
  start(): void;
  stats(): ArchiveStats;
}

/** Builds it; nothing runs and no file is made yet. */
export function createArchive(options: ArchiveOptions): Archive {
  const { spoolDir, spoolMaxBytes, durability, service, instance, cron, collect, now, logger } = options;
  const spool = new Spool({
    spoolDir,
    service,
    instance,
    now,
    maxBytes: spoolMaxBytes,
    ...(options.maxQueueBytes === undefined ? {} : { maxQueueBytes: options.maxQueueBytes }),
    ...(options.leaseClock === undefined ? {} : { clock: options.leaseClock }),
    durability,
    logger,
  });
  const holder = formatSourceId(spool.current.source.sourceId);
  const createDrain = (tell: (news: DrainNews) => void) => createDrainOf(options, holder, tell);
  const archiver = new Archiver({ spool, spoolDir, spoolMaxBytes, createDrain, cron, now, collect, logger });

  function stats(): ArchiveStats {
    const { archived, deadLettered, quarantined, ...lost } = archiver.totals.counts;
    const { failures, batches, batchSecondsSum, suspectBytes, suspectsRemoved } = archiver.totals;
    const reasons = [
      ...archiver.reasons,
      ...(spool.failure === undefined ? [] : [`the spool cannot be written: ${spool.failure}`]),
      ...describeFull(spool.fullLanes),
    ];
    const { oldestMs } = spool;
    return {
      archived,
      deadLettered,
      quarantined,
      dropped: { ...spool.dropped, ...describeLost(lost) },
      failures,
      spoolBytes: spool.bytes,
      spoolEvents: spool.events,
      spoolLimitBytes: spoolMaxBytes,
      spoolFreeBytes: spool.freeBytes,
      suspectBytes,
      suspectsRemoved,
      lagSeconds: oldestMs === undefined ? 0 : Math.max(0, (now() - oldestMs) / 1000),
      state: reasons.length === 0 ? 'ok' : 'degraded',
      reasons,
      batches,
      batchSecondsSum,
      logs: logStats(),
    };
  }

  function logStats(): LogStats {
    const { archived, deadLettered, quarantined, ...lost } = archiver.totals.logs;
    const dropped = { ...spool.droppedLogs, ...describeLost(lost) };
    return { archived, deadLettered, quarantined, dropped, spooled: spool.logs };
  }

  return {
    get sourceId() {
      return spool.current.source.sourceId;
    },
    sink: { accept: (batch) => archiver.accept(batch) },
    start: () => archiver.start(),
    flush: () => archiver.flush(),
    stop: ({ timeoutMs }) => archiver.stop(timeoutMs),
    appendSync: () => archiver.appendSync(),
    stats,
  };
}

function describeLost({ damaged, restored }: Pick<LaneCounts, 'damaged' | 'restored'>) {
  return { ...(damaged > 0 && { damaged }), ...(restored > 0 && { restore: restored }) };
}

function describeFull(lanes: readonly SpoolLane[]): string[] {
  if (lanes.length === 0) return [];
  if (lanes.includes('keep')) return ['the spool is full: events are dropped'];
  if (!lanes.includes('rest')) return ['the spool is filling: log lines are dropped'];
  return ['the spool is almost full: events that neither failed nor were slow are dropped'];
}

/** @param holder unique to this process */
function createDrainOf(options: ArchiveOptions, holder: string, tell: (news: DrainNews) => void): Drain {
  const { connection, database, thread, keepMs, keepRollupsMs, spoolDir, spoolMaxBytes, logger } = options;
  if (database !== undefined) return new Drainer({ database, spoolDir, spoolMaxBytes, keepMs, tell, logger });
  if (connection === undefined)
    throw new KeepwatchError('ERR_USAGE', 'createArchive: neither a connection nor a database was given');
  const { url, applicationName = 'keepwatch' } = connection;
  const settings = { url, applicationName, spoolDir, spoolMaxBytes, keepMs, keepRollupsMs, holder };
  return new DrainThread({ settings, tell, logger, isHere: thread === 'main' });
}
