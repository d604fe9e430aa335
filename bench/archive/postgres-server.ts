// A PostgreSQL server of the benchmark's own: the machine's programs, a temporary data folder, a free loopback port, production's
// durability. A guard process stops it when the benchmark is gone, however it went.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import { MissingPartError } from '../missing-part.ts';

/** Durability as in production; memory fixed, so that machines compare; nothing in the background. */
export const SETTINGS = {
  fsync: 'on',
  synchronous_commit: 'on',
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  autovacuum: 'off',
} as const;

export interface PostgresServer {
  readonly url: string;
  readonly binaries: string;
  readonly database: Database;
  /** `15.20` */
  readonly version: string;
  /** Stops it, and starts it again on the same port; connections are lost. @param between what to do meanwhile with its data folder */
  restart(between: (folder: string) => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The folder with postgres, initdb and psql: what `pg_config --bindir` names, else the newest of Debian's.
 * @throws MissingPartError
 */
export function findPostgres(): string {
  const named = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' }).stdout?.trim() ?? '';
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [named, ...versions.map((version) => join(debian, version, 'bin'))].filter((folder) => folder !== '');
  const found = folders.find((folder) => ['postgres', 'initdb', 'psql'].every((program) => existsSync(join(folder, program))));
  if (found === undefined) {
    throw new MissingPartError('It needs postgres, initdb and psql: install PostgreSQL (Debian: apt-get install postgresql-15).');
  }
  return found;
}

/** Makes and starts a server below `folder`, beside others. As root it runs as the user `postgres`. @param more settings besides SETTINGS */
export async function startPostgres(folder: string, more: Readonly<Record<string, string>> = {}): Promise<PostgresServer> {
  const binaries = findPostgres();
  const user = findServerUser();
  const home = mkdtempSync(join(folder, 'postgres-'));
  chmodSync(folder, 0o755);
  const password = randomBytes(12).toString('hex');
  const passwordFile = join(home, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user !== undefined) for (const path of [home, passwordFile]) chownSync(path, user.uid, user.gid);
  const data = join(home, 'data');
  const initdb = ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '--no-locale'];
  await promisify(execFile)(join(binaries, 'initdb'), initdb, { ...user, cwd: home });
  const port = await findFreePort();
  const settings = { ...SETTINGS, ...more, listen_addresses: '127.0.0.1', port, unix_socket_directories: home };
  const log = join(home, 'log');
  const start = () => startGuarded(join(binaries, 'postgres'), data, settings, log, { ...user, cwd: home });
  let guard = start();
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  const database = createDatabase({ url, max: 2 });
  try {
    const version = await waitUntilReady(database, guard);
    return {
      url,
      binaries,
      database,
      version,
      async restart(between) {
        await guard.stop();
        await between(data);
        guard = start();
        await waitUntilReady(database, guard);
      },
      async stop() {
        await closeDatabase(database);
        await guard.stop();
      },
    };
  } catch (error) {
    await closeDatabase(database);
    await guard.stop();
    throw new Error(`PostgreSQL did not start: ${readFileSync(log, 'utf8').trim()}`, { cause: error });
  }
}

interface Guard {
  isRunning(): boolean;
  stop(): Promise<void>;
}

/** A shell waits for the end of its input, which comes when this process ends too, and then stops the server. */
function startGuarded(program: string, data: string, settings: object, log: string, options: object): Guard {
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${String(value)}`]);
  const script = 'exec 3<&0; "$@" </dev/null & server=$!; (read -r _ <&3; kill -INT $server 2>/dev/null) & wait $server';
  const guard = spawn('/bin/sh', ['-c', script, 'sh', program, '-D', data, ...flags], {
    ...options,
    stdio: ['pipe', 'ignore', openSync(log, 'a')],
    detached: true,
  });
  const exited = once(guard, 'exit');
  return {
    isRunning: () => guard.exitCode === null && guard.signalCode === null,
    async stop() {
      guard.stdin?.end();
      await exited;
    },
  };
}

async function waitUntilReady(database: Database, guard: Guard): Promise<string> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    try {
      return (await database.one<{ version: string }>(`select split_part(current_setting('server_version'), ' ', 1) as version`))
        .version;
    } catch (error) {
      if (performance.now() > deadline || !guard.isRunning()) throw error;
      await setTimeout(50);
    }
  }
}

/** PostgreSQL refuses to run as root. */
function findServerUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = ['-u', '-g'].map((flag) =>
    Number.parseInt(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout, 10),
  );
  if (uid === undefined || gid === undefined || Number.isNaN(uid) || Number.isNaN(gid)) {
    throw new MissingPartError('PostgreSQL does not run as root, and there is no user postgres to run it.');
  }
  return { uid, gid };
}

async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  await new Promise((done) => probe.close(done));
  return port;
}
