// An archive as the benches of the write side have it, and events offered to it as the tracker offers them.
import { setImmediate } from 'node:timers/promises';
import { type Archive, createArchive } from '../../src/archive/archive.ts';
import type { Database } from '../../src/db/database.ts';
import { silentLogger } from '../../src/logger.ts';
import type { TakeBatch } from './reference-batch.ts';
import { SERVICE } from './reference-events.ts';

/** What the tracker offers at a time. */
const BATCH_SIZE = 1024;

/** Not started. */
export function createBenchArchive(database: Database, spoolDir: string): Archive {
  return createArchive({
    database,
    spoolDir,
    spoolMaxBytes: 4e9,
    durability: 'process',
    service: SERVICE,
    instance: 'bench',
    cron: '*/2 * * * * *',
    now: Date.now,
    collect() {},
    logger: silentLogger,
  });
}

/**
 * Hands it the events from `from` to `until`, as fast as it takes them.
 * @param recordedBefore what the tracker had recorded before the first event of all
 */
export async function offerEvents(
  { sink }: Archive,
  take: TakeBatch,
  { from, until, recordedBefore }: { readonly from: number; readonly until: number; readonly recordedBefore: number },
): Promise<void> {
  for (let next = from; next < until; ) {
    next += sink.accept(take(next, Math.min(next + BATCH_SIZE, until), recordedBefore));
    await setImmediate();
  }
}
