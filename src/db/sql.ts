// Loads the files of sql/: one statement (or migration) per file. A missing or broken file is an error at first use, never a log line.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pgPromise from 'pg-promise';
import { KeepwatchError } from '../errors.ts';

export type SqlFile = InstanceType<typeof pgPromise.QueryFile>;

/** The folder of the package: the nearest one above this file that has a sql/ folder, both in src/ and in dist/src/. */
export const PACKAGE_FOLDER = findPackageFolder(dirname(fileURLToPath(import.meta.url)));

function findPackageFolder(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'sql', 'migrations'))) return folder;
    if (folder === dirname(folder)) throw new KeepwatchError('ERR_SQL_FILE', `no sql/migrations folder above ${from}`);
  }
}

/**
 * The statement in `sql/<name>.sql`, with pg-promise's named parameters (`$<name>`).
 * @throws KeepwatchError ERR_SQL_FILE when the file is missing or cannot be parsed
 */
export function loadSql(name: string): SqlFile {
  const file = new pgPromise.QueryFile(join(PACKAGE_FOLDER, 'sql', `${name}.sql`), { noWarnings: true });
  if (file.error) throw new KeepwatchError('ERR_SQL_FILE', `sql/${name}.sql: ${file.error.message}`, { cause: file.error });
  return file;
}

/** The text of `sql/<name>.sql` as it stands, for statements sent with bound `$1` parameters or as scripts. */
export function readSql(name: string): string {
  try {
    return readFileSync(join(PACKAGE_FOLDER, 'sql', `${name}.sql`), 'utf8');
  } catch (cause) {
    throw new KeepwatchError('ERR_SQL_FILE', `sql/${name}.sql cannot be read`, { cause });
  }
}
