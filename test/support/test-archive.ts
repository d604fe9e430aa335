// An archive on a spool of its own, with a small tracker before it.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Archive, type ArchiveOptions, createArchive } from '../../src/archive/archive.ts';
import type { Database } from '../../src/db/database.ts';
import { silentLogger } from '../../src/logger.ts';
import { type ArrayEvent, ArrayTracker } from './array-batch.ts';

export interface TestArchive {
  readonly archive: Archive;
  readonly tracker: ArrayTracker;
}

/** What tests ask of an archive that they flush themselves: its schedule is once a year. */
export const UNHURRIED = {
  spoolMaxBytes: 1e9,
  durability: 'process',
  service: 'test',
  instance: 'test:1',
  cron: '0 0 0 1 1 *',
  logger: silentLogger,
} as const satisfies Partial<ArchiveOptions>;

/**
 * Not started; see `UNHURRIED`.
 * @param database undefined: `options.connection` says where
 */
export function createTestArchive(
  database: Database | undefined,
  spoolDir: string,
  options: Partial<ArchiveOptions> = {},
): TestArchive {
  const tracker = new ArrayTracker();
  const archive = createArchive({
    ...(database && { database }),
    ...UNHURRIED,
    spoolDir,
    now: () => Date.now(),
    collect: tracker.collect,
    ...options,
  });
  tracker.sink = archive.sink;
  return { archive, tracker };
}

/** Archives events as a process does that ends well. */
export async function archiveEvents(database: Database, spoolDir: string, events: readonly ArrayEvent[]): Promise<void> {
  const { archive, tracker } = createTestArchive(database, spoolDir);
  tracker.record(...events);
  await archive.flush();
  await archive.stop({ timeoutMs: 5000 });
}

/** A new folder for a spool, and what removes it. */
export function createSpoolDir(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'keepwatch-spool-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Segments in a spool that wait for Postgres, sealed or not; what is acknowledged and what was set aside left out. */
export function listWaiting(spoolDir: string): string[] {
  if (!existsSync(spoolDir)) return [];
  const names = readdirSync(spoolDir, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => /\.(open|seg)$/.test(name) && !name.startsWith('suspect')).sort();
}
