// The archive of one process: a spool that takes its events, and an archiver that brings them to Postgres. Exactly once.
import type { Database } from '../db/database.ts';
import type { DropReason, EventSink, Lane } from '../event.ts';
import type { Logger } from '../logger.ts';
import { Archiver } from './archiver.ts';
import { Maintenance, type MaintenanceOptions } from './maintenance.ts';
import { formatSourceId } from './source.ts';
import type { HomeClock } from './source-home.ts';
import { Spool } from './spool.ts';

export interface ArchiveOptions {
  /** Migrated, or about to be; two connections are used at most. Not closed by the archive. */
  readonly database: Database;
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
  /** Removes days that are no longer kept, on a database of its own. Default: everything is kept. */
  readonly maintenance?: Pick<MaintenanceOptions, 'database' | 'keepMs'>;
  /** Bytes at most that wait in memory for the disk; default 8 MB. */
  readonly maxQueueBytes?: number;
  /** What the lease of the spool's folder is measured by; default: the clocks of the system. */
  readonly leaseClock?: HomeClock;
}

/** Numbers of this process since it started, and how it is now. */
export interface ArchiveStats {
  readonly archived: number;
  readonly deadLettered: number;
  readonly quarantined: number;
  /** Dropped behind the tracker, by reason. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** Runs that failed. */
  readonly failures: number;
  readonly spoolBytes: number;
  readonly spoolEvents: number;
  /** Age of the oldest event that waits; 0 when none does. */
  readonly lagSeconds: number;
  readonly state: 'ok' | 'degraded';
  /** Why it is degraded, a sentence each. */
  readonly reasons: readonly string[];
  readonly batches: number;
  readonly batchSecondsSum: number;
}

export interface Archive {
  /** 63 random bits: `source_id` of what this process records now. */
  readonly sourceId: bigint;
  readonly sink: EventSink;
  /** Makes the schedule and the first run, without waiting for Postgres. What dead processes left is drained beside it. */
  start(): void;
  /** Resolves when everything recorded so far is committed or, when Postgres cannot be reached, on the disk. Never rejects. */
  flush(): Promise<void>;
  /** Flushes, closes the source, and ends in time whatever Postgres does. Never rejects. */
  stop(options: { timeoutMs: number }): Promise<void>;
  /** For `process.on('exit')`: what still waits is written synchronously, and drained by the next process. Never throws. */
  appendSync(): void;
  stats(): ArchiveStats;
}

/** Builds it; nothing runs and no file is made yet. */
export function createArchive(options: ArchiveOptions): Archive {
  const { database, spoolDir, durability, service, instance, now, logger } = options;
  const spool = new Spool({
    spoolDir,
    service,
    instance,
    now,
    maxBytes: options.spoolMaxBytes,
    ...(options.maxQueueBytes === undefined ? {} : { maxQueueBytes: options.maxQueueBytes }),
    ...(options.leaseClock === undefined ? {} : { clock: options.leaseClock }),
    durability,
    logger,
  });
  const { cron, collect } = options;
  const maintenance =
    options.maintenance &&
    new Maintenance({ ...options.maintenance, holder: formatSourceId(spool.current.source.sourceId), logger });
  const keepMs = options.maintenance?.keepMs;
  const { spoolMaxBytes } = options;
  const archiver = new Archiver({ database, spool, spoolDir, spoolMaxBytes, cron, now, collect, maintenance, keepMs, logger });

  function stats(): ArchiveStats {
    const { archived, deadLettered, quarantined, damaged, restored, failures, batches, batchSecondsSum } = archiver.totals;
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
      dropped: { ...spool.dropped, ...(damaged > 0 && { damaged }), ...(restored > 0 && { restore: restored }) },
      failures,
      spoolBytes: spool.bytes,
      spoolEvents: spool.events,
      lagSeconds: oldestMs === undefined ? 0 : Math.max(0, (now() - oldestMs) / 1000),
      state: reasons.length === 0 ? 'ok' : 'degraded',
      reasons,
      batches,
      batchSecondsSum,
    };
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

function describeFull(lanes: readonly Lane[]): string[] {
  if (lanes.length === 0) return [];
  if (lanes.includes('keep')) return ['the spool is full: events are dropped'];
  return ['the spool is almost full: events that neither failed nor were slow are dropped'];
}
