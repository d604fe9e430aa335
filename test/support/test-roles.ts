// Users of the server that tests make: they belong to all of its databases, those of other tests too.
import { type Database, sqlState } from '../../src/db/database.ts';

const DEPENDENT_OBJECTS = '2BP01';

/**
 * Drops a user, and what this database has granted to it. docs/harden.sql, where another test runs it in a database of its own, grants rights to every
 * user there is: one that has any goes only with that database, and is left, unable to log in.
 */
export async function dropUser(database: Database, name: string): Promise<void> {
  await database.none('drop owned by $<name:name>', { name });
  try {
    await database.none('drop role $<name:name>', { name });
  } catch (error) {
    if (sqlState(error) !== DEPENDENT_OBJECTS) throw error;
    await database.none('alter role $<name:name> nologin', { name });
  }
}
