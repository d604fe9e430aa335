// What the sessions of a server do, for people who have to find out why a run did not come to its end.
import type { Database } from '../../src/db/database.ts';
import { describeError } from '../../src/errors.ts';

const SESSIONS = `select format('%s %s %s %s/%s for %s, blocked by %s: %s', pid, application_name, state, wait_event_type, wait_event,
    now() - query_start, pg_blocking_pids(pid), left(regexp_replace(query, '\\s+', ' ', 'g'), 100)) as line
  from pg_stat_activity where backend_type = 'client backend' and (state <> 'idle' or datname = current_database()) order by query_start`;

/** A line each; what Postgres says when it does not tell. */
export async function describeSessions(database: Database): Promise<string> {
  try {
    return (await database.any<{ line: string }>(SESSIONS)).map(({ line }) => `    ${line}`).join('\n');
  } catch (error) {
    return `    no sessions: ${describeError(error)}`;
  }
}
