// The passwords of an embedded server: random, made once, in a file beside the data that only its owner can read.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KeepwatchError } from '../errors.ts';

export interface EmbeddedSecrets {
  readonly superuserPassword: string;
  /** Of the role keepwatch_rules. */
  readonly rulesPassword: string;
}

function pathIn(folder: string): string {
  return join(folder, 'secrets.json');
}

/** The superuser's password as libpq reads it (PGPASSFILE), for any port: a person's psql needs no password on its command line. */
export function passwordFileIn(folder: string): string {
  return join(folder, 'pgpass');
}

/** @throws KeepwatchError ERR_EMBEDDED_POSTGRES when the file is missing, unreadable or damaged */
export function readSecrets(folder: string): EmbeddedSecrets {
  try {
    const secrets = JSON.parse(readFileSync(pathIn(folder), 'utf8')) as Partial<EmbeddedSecrets>;
    if (typeof secrets.superuserPassword === 'string' && typeof secrets.rulesPassword === 'string') {
      return { superuserPassword: secrets.superuserPassword, rulesPassword: secrets.rulesPassword };
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new KeepwatchError('ERR_EMBEDDED_POSTGRES', `${pathIn(folder)} cannot be read (${code ?? 'no JSON'})`, { cause });
  }
  throw new KeepwatchError('ERR_EMBEDDED_POSTGRES', `${pathIn(folder)} does not hold the passwords of the server`);
}

/** Makes the file, whole or not at all, when there is none yet. Only the watchdog calls it. */
export function createSecrets(folder: string): EmbeddedSecrets {
  if (!existsSync(pathIn(folder))) {
    const secrets: EmbeddedSecrets = {
      superuserPassword: randomBytes(24).toString('hex'),
      rulesPassword: randomBytes(24).toString('hex'),
    };
    writeFileSync(passwordFileIn(folder), `127.0.0.1:*:*:postgres:${secrets.superuserPassword}\n`, { mode: 0o600 });
    const partial = `${pathIn(folder)}.new`;
    writeFileSync(partial, `${JSON.stringify(secrets)}\n`, { mode: 0o600 });
    renameSync(partial, pathIn(folder));
  }
  return readSecrets(folder);
}
