// How many connections the evaluation of rules has, and what they are like.
import { createDatabase, type Database } from '../db/database.ts';

/** Groups that are evaluated at the same time; what all processes have may not be more than the role has (`sql/db/create-roles.sql`). */
const RULES_CONNECTIONS = 4;
/** Of what surrounds a query of rules, which has timeouts of its own: how long a group waits for a connection that is dead. */
const RULES_TIMEOUT_MS = 10_000;

/**
 * How long connections are kept that evaluate nothing: from slot to slot of groups that are evaluated every minute or two. A new one costs the
 * start of a backend, the proof of a password on both sides, and what Postgres then reads anew of its catalog.
 */
const IDLE_MS = 150_000;

/** What the owner of the schema needs at most: a commit for each group that is evaluated at the same time; leases; whatever else asks. */
const OWNER_CONNECTIONS = RULES_CONNECTIONS + 2;

/** Connections for the queries of rules alone. Close them with `closeDatabase`. @param url logs in as keepwatch_rules */
export function openRulesConnections(url: string): Database {
  return createDatabase({
    url,
    max: RULES_CONNECTIONS,
    applicationName: 'keepwatch rules',
    queryTimeoutMs: RULES_TIMEOUT_MS,
    idleTimeoutMs: IDLE_MS,
    holdsProcess: false,
  });
}

/** Connections of the owner of the schema. Close them with `closeDatabase`. @param url logs in as the owner */
export function openOwnerConnections(url: string, applicationName: string): Database {
  return createDatabase({ url, max: OWNER_CONNECTIONS, applicationName, idleTimeoutMs: IDLE_MS, holdsProcess: false });
}
