// What a server, its ledger and a spool look like, for people who have to find out why a run did not come to its end.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '../../src/db/database.ts';
import { describeError } from '../../src/errors.ts';

const SESSIONS = `select format('%s %s %s %s/%s for %s, blocked by %s: %s', pid, application_name, state, wait_event_type, wait_event,
    now() - query_start, pg_blocking_pids(pid), left(regexp_replace(query, '\\s+', ' ', 'g'), 100)) as line
  from pg_stat_activity where backend_type = 'client backend' and (state <> 'idle' or datname = current_database()) order by query_start`;
/** The newest. */
const LEDGER = `select format('%s %s%s %s: segment %s, block %s, recorded %s, archived %s, dropped %s, %s ago',
    lpad(to_hex(source_id), 16, '0'), instance, case when closed then ' (closed)' else '' end, lane, segment, batch, recorded, archived,
    dropped, now() - updated_at) as line
  from keepwatch.ledger join keepwatch.sources using (source_id) order by updated_at desc limit 20`;

/** A line each: sessions, ledger, files of the spool; what the one or the other says that does not tell. */
export async function describeScene(database: Database, spoolDir: string): Promise<string> {
  const sections = [linesOf(database, SESSIONS), linesOf(database, LEDGER), filesIn(spoolDir)];
  const lines = await Promise.all(sections.map((section) => section.catch((error: unknown) => [describeError(error)])));
  return lines
    .flat()
    .map((line) => `    ${line}`)
    .join('\n');
}

async function linesOf(database: Database, query: string): Promise<string[]> {
  return (await database.any<{ line: string }>(query)).map(({ line }) => line);
}

async function filesIn(spoolDir: string): Promise<string[]> {
  const folders = await readdir(spoolDir, { withFileTypes: true });
  const lists = folders.map(
    async ({ name }) => `${name}: ${(await readdir(join(spoolDir, name)).catch((): string[] => [])).sort().join(' ')}`,
  );
  return Promise.all(lists);
}
