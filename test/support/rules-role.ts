// The role that rules run as, in the shape that production gives it, on the test server. A role belongs to the whole server: it is made once.
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import type { TestDatabase } from './postgres.ts';

const NAME = 'keepwatch_test_rules';

/** Makes the role if it is missing, lets it read what is published in this database, and opens a pool as it. */
export async function openRulesDatabase(test: TestDatabase, options: { readonly max?: number } = {}): Promise<Database> {
  await test.database.none(
    `do $$ begin create role ${NAME} login noinherit password 'test'; exception when duplicate_object or unique_violation then null; end $$`,
  );
  await test.database.none(
    `grant usage on schema keepwatch to ${NAME};
     grant select on keepwatch.observability_metrics, keepwatch.events, keepwatch.sources to ${NAME}`,
  );
  const url = Object.assign(new URL(test.url), { username: NAME, password: 'test' }).href;
  return createDatabase({ url, max: options.max ?? 2, applicationName: 'keepwatch rules' });
}

/** Ends the pool. */
export async function closeRulesDatabase(rulesDatabase: Database): Promise<void> {
  await closeDatabase(rulesDatabase);
}
