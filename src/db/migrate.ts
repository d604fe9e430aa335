// Brings the schema up to date: sql/migrations/NNNNNN_verb_object.sql, forward only, each in one transaction, safe from many processes at once.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KeepwatchError } from '../errors.ts';
import { type Database, inTransaction } from './database.ts';
import { PACKAGE_FOLDER, readSql } from './sql.ts';

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

/**
 * Applies what is missing. Concurrent callers wait for each other on a transaction-level advisory lock.
 * @throws KeepwatchError ERR_DATABASE_SCHEMA when an applied migration differs from ours, or a newer, breaking one is there
 */
export async function migrate(database: Database, migrations: readonly Migration[] = loadMigrations()): Promise<MigrateResult> {
  const applied: string[] = [];
  for (const migration of migrations) {
    const isNew = await inTransaction(database, async (transaction) => {
      await transaction.multi(readSql('db/prepare-migrations'));
      const known = await transaction.oneOrNone<{ sha256: string }>('select sha256 from keepwatch.migration where version = $1', [
        migration.version,
      ]);
      if (known !== null) {
        if (known.sha256 !== migration.sha256) {
          throw new KeepwatchError(
            'ERR_DATABASE_SCHEMA',
            `migration ${migration.name} was applied with another text; migrations are never edited`,
          );
        }
        return false;
      }
      await transaction.none(
        'insert into keepwatch.migration (version, name, sha256, is_breaking) values ($<version>, $<name>, $<sha256>, $<isBreaking>)',
        migration,
      );
      await transaction.multi(migration.text);
      return true;
    });
    if (isNew) applied.push(migration.name);
  }
  return { applied, version: await refuseNewerSchema(database, migrations.length) };
}

/** @throws KeepwatchError ERR_DATABASE_SCHEMA when the database has a breaking migration newer than `known` */
async function refuseNewerSchema(database: Database, known: number): Promise<number> {
  const rows = await database.any<{ version: number; name: string; is_breaking: boolean }>(
    'select version, name, is_breaking from keepwatch.migration order by version',
  );
  const breaking = rows.find((row) => row.version > known && row.is_breaking);
  if (breaking !== undefined) {
    throw new KeepwatchError(
      'ERR_DATABASE_SCHEMA',
      `the database has migration ${breaking.name}, which this version of Keepwatch cannot work with; upgrade Keepwatch`,
    );
  }
  return rows.at(-1)?.version ?? 0;
}
