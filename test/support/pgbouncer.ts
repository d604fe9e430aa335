// A PgBouncer of a test's own, of the machine's package, in transaction mode: each transaction may get another server connection.
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeDatabase, createDatabase } from '../../src/db/database.ts';
import { freePort } from './postgres.ts';
import { serverUser } from './postgres-server.ts';
import { startProcess } from './process.ts';
import { waitFor } from './wait-for.ts';

export interface PgBouncer {
  /** The same database and user, through the pool. */
  urlOf(url: string): string;
  stop(): Promise<void>;
}

/**
 * Starts it before a server. It has fewer server connections than its clients want, so that they take turns.
 * @param urls of all users that log in through it
 * @param options.poolSize server connections of each user
 */
export async function startPgBouncer(
  binary: string,
  urls: readonly [string, ...string[]],
  { poolSize = 2 }: { readonly poolSize?: number } = {},
): Promise<PgBouncer> {
  const folder = mkdtempSync(join(tmpdir(), 'keepwatch-pgbouncer-'));
  const port = await freePort();
  const server = new URL(urls[0]);
  const users = urls
    .map((url) => new URL(url))
    .map(({ username, password }) => `"${username}" "${decodeURIComponent(password)}"\n`);
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: join(folder, 'users.txt'),
    pool_mode: 'transaction',
    default_pool_size: poolSize,
    max_client_conn: 100,
  };
  writeFileSync(join(folder, 'users.txt'), users.join(''), { mode: 0o600 });
  writeFileSync(
    join(folder, 'pgbouncer.ini'),
    `[databases]\n* = host=${server.hostname} port=${server.port}\n[pgbouncer]\n${Object.entries(settings)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join('')}`,
  );
  const user = serverUser();
  chmodSync(folder, 0o755);
  if (user !== undefined) chownSync(join(folder, 'users.txt'), user.uid, user.gid);
  const bouncer = startProcess(binary, [join(folder, 'pgbouncer.ini')], { cwd: folder, ...user });
  const urlOf = (url: string) => Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) }).href;
  const stop = async () => {
    await bouncer.end('SIGINT', 5000);
    rmSync(folder, { recursive: true, force: true });
  };
  const probe = createDatabase({ url: urlOf(urls[0]), max: 1 });
  try {
    await waitFor(() => probe.one('select true as is_up'), { timeoutMs: 10_000, what: 'PgBouncer' });
  } catch (error) {
    await stop();
    throw new Error(`PgBouncer does not start:\n${bouncer.output()}`, { cause: error });
  } finally {
    await closeDatabase(probe);
  }
  return { urlOf, stop };
}
