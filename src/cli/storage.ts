// The database of a command: the one that DATABASE_URL names, or the embedded one, joined or started for as long as the command runs.
import type { Config } from '../config.ts';
import { closeDatabase, createDatabase, type Database, pingDatabase } from '../db/database.ts';
import { openEmbeddedPostgres } from '../db/embedded.ts';
import { migrate } from '../db/migrate.ts';
import { ensureRoles } from '../db/roles.ts';
import { KeepwatchError } from '../errors.ts';

export interface Storage {
  readonly database: Database;
  readonly url: string;
  /** Logs in as keepwatch_rules; undefined when no such login is configured. */
  readonly rulesUrl: string | undefined;
  /** What a person types to look inside; holds no password. */
  readonly psqlCommand: string;
  close(): Promise<void>;
}

/**
 * Opens the database and brings its schema up to date.
 * @param say hears what a person should know, a line each
 * @throws KeepwatchError ERR_DATABASE_UNAVAILABLE, ERR_DATABASE_SCHEMA or ERR_EMBEDDED_POSTGRES
 */
export async function openStorage(config: Config, say: (line: string) => void): Promise<Storage> {
  const embedded = config.databaseUrl === undefined ? await openEmbeddedPostgres({ folder: config.pgDir, say }) : undefined;
  const url = embedded?.url ?? config.databaseUrl ?? '';
  const database = createDatabase({ url, max: 4, applicationName: 'keepwatch cli' });
  const close = async () => {
    await closeDatabase(database);
    await embedded?.close();
  };
  try {
    await pingDatabase(database, url);
    await migrate(database);
    if (embedded !== undefined) await ensureRoles(database, { rulesPassword: embedded.rulesPassword, hardens: true });
  } catch (error) {
    await close();
    throw error;
  }
  const psqlCommand = embedded?.psqlCommand ?? 'psql "$DATABASE_URL"';
  return { database, url, rulesUrl: embedded?.rulesUrl ?? config.alertsDatabaseUrl, psqlCommand, close };
}

/**
 * For what only an archive can answer: where events are lines of files, an embedded server would be started to find nothing in it.
 * @throws KeepwatchError ERR_USAGE with KEEPWATCH_JSONL_DIR and without DATABASE_URL
 */
export function refuseFilesAlone({ databaseUrl, jsonlDir }: Config, command: string): void {
  if (databaseUrl !== undefined || jsonlDir === undefined) return;
  throw new KeepwatchError(
    'ERR_USAGE',
    `${command}: it asks an archive in Postgres, and there are only the files of KEEPWATCH_JSONL_DIR, as DATABASE_URL is not set; ` +
      'allowed: DATABASE_URL, or for files: summary, recent, prune, erase',
  );
}

/** Opens the storage, does the work, closes it whatever happened. Where an embedded server keeps its data is said by `demo` and `serve`. */
export async function withStorage<T>(config: Config, work: (storage: Storage) => Promise<T>): Promise<T> {
  const storage = await openStorage(config, () => {});
  try {
    return await work(storage);
  } finally {
    await storage.close();
  }
}
