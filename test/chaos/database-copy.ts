// The tables of a run as they were at one moment, to be put back: what a failover to a standby that lagged does, or a restored backup.
import type { Database } from '../../src/db/database.ts';
import { waitFor } from '../support/wait-for.ts';

const SCHEMA = 'chaos_copy';

/** Copies every row of the run's sources and series, at one moment. @throws what Postgres says */
export async function copyTables(database: Database, service: string): Promise<void> {
  await database.tx(async (transaction) => {
    await transaction.none('set transaction isolation level repeatable read');
    await transaction.none('drop schema if exists $<schema:name> cascade; create schema $<schema:name>', { schema: SCHEMA });
    for (const table of await listTables(transaction)) {
      await transaction.none(
        `create table $<schema:name>.$<name:name> as
         select * from keepwatch.$<name:name> where $<key:name> in (select $<key:name> from keepwatch.$<owner:name> where service = $<service>)`,
        { ...table, schema: SCHEMA, service },
      );
    }
  });
}

/**
 * Puts the copy back. Whatever the apps of the run were doing in Postgres is ended before: the server that they spoke to is no more. Nobody
 * must be able to connect meanwhile.
 * @returns false when there is no copy
 * @throws what Postgres says
 */
export async function putTablesBack(database: Database, service: string): Promise<boolean> {
  const { exists } = await database.one<{ exists: boolean }>('select to_regnamespace($<schema>) is not null as exists', {
    schema: SCHEMA,
  });
  if (!exists) return false;
  await waitFor(() => endSessions(database, service), { timeoutMs: 10_000, what: 'sessions of the run to end' });
  await database.tx(async (transaction) => {
    await transaction.none("set local session_replication_role = 'replica'"); // foreign keys hold in the copy
    const tables = await listTables(transaction);
    // The owners last: they say which rows are the run's.
    for (const table of tables) {
      await transaction.none(
        'delete from keepwatch.$<name:name> where $<key:name> in (select $<key:name> from keepwatch.$<owner:name> where service = $<service>)',
        { ...table, service },
      );
    }
    for (const { name } of tables) {
      await transaction.none('insert into keepwatch.$<name:name> select * from $<schema:name>.$<name:name>', {
        schema: SCHEMA,
        name,
      });
    }
  });
  return true;
}

type Statements = Pick<Database, 'any'>;

/** What says whose rows are: of a source (events, ledger) or of a series (rollups). */
const OWNERS = { source_id: 'sources', series_id: 'observability_series' } as const;

interface Table {
  readonly name: string;
  readonly key: keyof typeof OWNERS;
  readonly owner: string;
}

/** The owners last. */
async function listTables(transaction: Statements): Promise<Table[]> {
  const found = await transaction.any<Pick<Table, 'name' | 'key'>>(
    `select relname as name, attname as key from pg_class join pg_attribute on attrelid = pg_class.oid
     where relnamespace = 'keepwatch'::regnamespace and relkind in ('r', 'p') and not relispartition and attname = any($1)`,
    [Object.keys(OWNERS)],
  );
  const tables = found.map(({ name, key }) => ({ name, key, owner: OWNERS[key] }));
  return tables.sort((a, b) => Number(a.name === a.owner) - Number(b.name === b.owner));
}

/** @returns whether none is left */
async function endSessions(database: Database, service: string): Promise<boolean> {
  const sessions = await database.any(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and position($<service> in application_name) > 0`,
    { service },
  );
  return sessions.length === 0;
}
