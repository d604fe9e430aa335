// The database's roles: keepwatch_owner, keepwatch_writer and keepwatch_reader are groups to grant to users; keepwatch_rules logs in and
// runs the SQL of alerting rules, which is not trusted. May be run at any time, by many at once.
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describeError, KeepwatchError } from '../errors.ts';
import { type Database, inTransaction, sqlState } from './database.ts';
import { loadSql, PACKAGE_FOLDER, readSql } from './sql.ts';

export interface EnsureRolesOptions {
  /** Set as the password of keepwatch_rules; undefined leaves the one that it has. */
  readonly rulesPassword?: string | undefined;
  /** Also runs docs/harden.sql, which takes rights from PUBLIC: for a database that is Keepwatch's alone. Default false. */
  readonly hardens?: boolean;
}

export interface EnsureRolesResult {
  /** What keepwatch_rules could do beyond reading, in words, each with its remedy; empty when all is well. */
  readonly problems: readonly string[];
}

const ATTEMPTS = 20;

/**
 * Makes the roles and grants what each needs in this database. Run it after the migrations, as a user that may create roles.
 * @throws KeepwatchError ERR_RULES_ROLE when the user of `database` may not do that
 */
export async function ensureRoles(database: Database, options: EnsureRolesOptions = {}): Promise<EnsureRolesResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await inTransaction(database, async (transaction) => {
        await transaction.none(readSql('db/create-roles'));
        if (options.rulesPassword !== undefined) {
          await transaction.none(loadSql('db/set-rules-password'), { verifier: scramVerifier(options.rulesPassword) });
        }
        await transaction.multi(readSql('db/grant-roles'));
        if (options.hardens === true) await transaction.multi(readFileSync(join(PACKAGE_FOLDER, 'docs', 'harden.sql'), 'utf8'));
        const rows = await transaction.any<{ problem: string }>(loadSql('db/check-rules-role'));
        return { problems: rows.map(({ problem }) => problem) };
      });
    } catch (error) {
      if (attempt < ATTEMPTS && isMeeting(error)) await delay(Math.random() * 20 * attempt);
      else if (sqlState(error) === '42501') {
        throw new KeepwatchError(
          'ERR_RULES_ROLE',
          `the roles cannot be made: ${describeError(error)}; needs a user with CREATEROLE`,
          {
            cause: error,
          },
        );
      } else throw error;
    }
  }
}

/** Another database of the same server makes or changes the same roles: duplicate object or key, or XX000 "tuple concurrently updated". */
function isMeeting(error: unknown): boolean {
  return ['42710', '23505', 'XX000', '40P01'].includes(sqlState(error) ?? '');
}

/** What Postgres stores for a password under scram-sha-256 (RFC 5803, RFC 7677). Ours are ASCII: SASLprep would change nothing. */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  const iterations = 4096;
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${hmac(salted, 'Server Key').toString('base64')}`;
}
