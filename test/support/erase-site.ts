// What tests of `erase` need: archives on one spool, dead processes in it, and a look into every byte that is kept.
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drainLeftovers } from '../../src/archive/drain/leftovers.ts';
import { createPartitions } from '../../src/archive/drain/partitions.ts';
import { formatSourceId } from '../../src/archive/spool/source.ts';
import type { Database } from '../../src/db/database.ts';
import { silentLogger } from '../../src/logger.ts';
import type { ArrayEvent } from './array-batch.ts';
import type { TestArchive } from './test-archive.ts';

/** An event of somebody: in its metadata and in its error. */
export function eventOf(user: string, more: ArrayEvent = {}): ArrayEvent {
  const metadata = `"user_id":${JSON.stringify(user)},"note":${JSON.stringify(`of ${user}`)}`;
  return { metadata, status: 'failure', error: `no rights for ${user}`, lane: 'keep', ...more };
}

/** Rewrites source.json so that the process does not look like its owner any more. */
export function disown(spoolDir: string, { archive }: TestArchive): void {
  const path = join(spoolDir, formatSourceId(archive.sourceId), 'source.json');
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), pidStartTime: '1' }));
  utimesSync(path, 0, 0);
}

export const drain = (database: Database, spoolDir: string) =>
  drainLeftovers({ database, partitions: createPartitions(database), spoolDir, logger: silentLogger });

/** In which files of the spool, and in how many rows of which tables, the text still stands. */
export async function placesOf(text: string, database: Database, spoolDir: string): Promise<Record<string, number>> {
  const places: Record<string, number> = {};
  for (const entry of existsSync(spoolDir) ? readdirSync(spoolDir, { recursive: true, withFileTypes: true }) : []) {
    if (entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(text)) places[entry.name] = 1;
  }
  const tables = await database.any<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'keepwatch'::regnamespace and relkind = 'r' order by 1`,
  );
  for (const { name } of tables) {
    const { rows } = await database.one<{ rows: number }>(
      `select count(*)::int as rows from keepwatch.$<name:name> as t
       where position($<text> in t::text) > 0 or position($<hex> in t::text) > 0`,
      { name, text, hex: Buffer.from(text).toString('hex') },
    );
    if (rows > 0) places[name] = rows;
  }
  return places;
}
