// Brings the schema up to date: sql/migrations/NNNNNN_verb_object.sql, forward only, each in one transaction, safe from many processes at once.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, KeepwatchError } from '../errors.ts';
import { type Database, inTransaction, sqlState } from './database.ts';
import { loadSql, PACKAGE_FOLDER, readSql } from './sql.ts';

const LIST_MIGRATIONS = loadSql('db/list-migrations');
const RECORD_MIGRATION = loadSql('db/record-migration');
const UNDEFINED_TABLE = '42P01';
const INSUFFICIENT_PRIVILEGE = '42501';

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly text: string;
  readonly sha256: string;
  /** The file begins with `-- breaking`: a process that does not know it must not go on. */
  readonly isBreaking: boolean;
}

export interface MigrateResult {
  /** Names applied by this call, in order. */
  readonly applied: readonly string[];
  /** Highest version that the database has now. */
  readonly version: number;
}

/** The migrations that this version of Keepwatch knows, in order. @throws KeepwatchError ERR_SQL_FILE for a misnamed file or a gap */
export function loadMigrations(folder: string = join(PACKAGE_FOLDER, 'sql', 'migrations')): Migration[] {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort();
  return files.map((file, index) => {
    const match = /^(\d{6})_[a-z0-9_]+\.sql$/.exec(file);
    if (match === null || Number(match[1]) !== index + 1) {
      throw new KeepwatchError(
        'ERR_SQL_FILE',
        `sql/migrations/${file}: expected a name that begins with ${String(index + 1).padStart(6, '0')}_`,
      );
    }
    const text = readFileSync(join(folder, file), 'utf8');
    const sha256 = createHash('sha256').update(text).digest('hex');
    return { version: index + 1, name: file.replace(/\.sql$/, ''), text, sha256, isBreaking: text.startsWith('-- breaking') };
  });
}

const KNOWN_VERSION = loadMigrations().length;

/**
 * Applies what is missing; needs no right to create when nothing is. Concurrent callers wait for each other on a transaction-level advisory lock.
 * @throws KeepwatchError ERR_DATABASE_SCHEMA when an applied migration differs from ours, a newer, breaking one is there, or the user of
 *   `database` may not read the schema, or not change it where it is not up to date
 */
export async function migrate(database: Database, migrations: readonly Migration[] = loadMigrations()): Promise<MigrateResult> {
  const known = new Map((await listApplied(database)).map((row) => [row.version, row]));
  const applied: string[] = [];
  for (const migration of migrations) {
    const found = known.get(migration.version);
    if (found !== undefined) refuseOtherText(migration, found);
    else if (await apply(database, migration)) applied.push(migration.name);
  }
  return { applied, version: refuseNewerSchema(await listApplied(database), migrations.length) };
}

interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly sha256: string;
  readonly is_breaking: boolean;
}

/** In order; none where there is no schema yet. */
async function listApplied(database: Database): Promise<AppliedMigration[]> {
  try {
    return await database.any<AppliedMigration>(LIST_MIGRATIONS);
  } catch (cause) {
    if (sqlState(cause) === UNDEFINED_TABLE) return [];
    if (sqlState(cause) !== INSUFFICIENT_PRIVILEGE) throw cause;
    throw refusal(
      `this user may not read the schema keepwatch: ${describeError(cause)}; grant it the role keepwatch_writer`,
      cause,
    );
  }
}

/** @returns whether it was applied by this call; false when another caller was faster */
async function apply(database: Database, migration: Migration): Promise<boolean> {
  try {
    return await inTransaction(database, async (transaction) => {
      await transaction.multi(readSql('db/prepare-migrations'));
      const found = await transaction.oneOrNone<AppliedMigration>(RECORD_MIGRATION, migration);
      if (found !== null) {
        refuseOtherText(migration, found);
        return false;
      }
      await transaction.multi(migration.text);
      return true;
    });
  } catch (cause) {
    if (sqlState(cause) !== INSUFFICIENT_PRIVILEGE) throw cause;
    const what = 'the schema keepwatch is not up to date, and this user may not change it';
    throw refusal(`${what}: ${describeError(cause)}; run \`keepwatch migrate\` as its owner`, cause);
  }
}

function refuseOtherText(migration: Migration, found: AppliedMigration): void {
  if (found.sha256 === migration.sha256) return;
  throw refusal(`migration ${migration.name} was applied with another text; migrations are never edited`);
}

/**
 * For code that goes on for days while another version migrates.
 * @param breakingVersion the newest breaking migration that the database has; null without one
 * @throws KeepwatchError ERR_DATABASE_SCHEMA when this version of Keepwatch does not know it
 */
export function refuseBreakingSchema(breakingVersion: number | null): void {
  if (breakingVersion !== null && breakingVersion > KNOWN_VERSION) throw tooNew(`number ${breakingVersion}`);
}

function tooNew(migration: string): KeepwatchError {
  return refusal(`the database has migration ${migration}, which this version of Keepwatch cannot work with; upgrade Keepwatch`);
}

/** @returns the highest version; @throws KeepwatchError ERR_DATABASE_SCHEMA for a breaking migration newer than `known` */
function refuseNewerSchema(applied: readonly AppliedMigration[], known: number): number {
  const breaking = applied.find((row) => row.version > known && row.is_breaking);
  if (breaking !== undefined) throw tooNew(breaking.name);
  return applied.at(-1)?.version ?? 0;
}

function refusal(message: string, cause?: unknown): KeepwatchError {
  return new KeepwatchError('ERR_DATABASE_SCHEMA', message, { cause });
}
