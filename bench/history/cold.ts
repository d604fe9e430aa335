// The same questions of a server that was just started, whose files are in no cache of the machine either.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import type { PostgresServer } from '../archive/postgres-server.ts';

/** Asks once. @param ask of a database that has a connection, and has been asked nothing @returns milliseconds */
export async function timeCold(server: PostgresServer, ask: (database: Database) => Promise<unknown>): Promise<number> {
  await server.restart(evict);
  const database = createDatabase({ url: server.url, max: 1 });
  try {
    await database.one('select 1 as connected');
    const startedMs = performance.now();
    await ask(database);
    return performance.now() - startedMs;
  } finally {
    await closeDatabase(database);
  }
}

/** What is written to the disk, the cache of the system lets go of (GNU dd). */
async function evict(folder: string): Promise<void> {
  await promisify(execFile)('find', [
    ...[folder, '-type', 'f', '-size', '+0', '-exec'],
    ...['dd', 'of={}', 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none', ';'],
  ]);
}
