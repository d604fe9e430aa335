// A Postgres server of a test's own, of the machine's package, that it can stop and start again.
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './postgres.ts';
import { waitFor } from './wait-for.ts';

const run = promisify(execFile);

export interface PostgresServer {
  /** As superuser, database `postgres`. */
  readonly url: string;
  start(): Promise<void>;
  /** `immediate`: as a crash would; the next start recovers. */
  stop(mode: 'fast' | 'immediate'): Promise<void>;
  /** Kills the postmaster with -9; resolves when its children have noticed, and ended too. */
  kill(): Promise<void>;
  /** Kills one of its backends with -9: the others are ended, and the server recovers. */
  killBackend(pid: number): void;
  /** Takes the CPU from all of its processes (SIGSTOP): connections stay open, and nothing answers. */
  freeze(): void;
  thaw(): void;
  /** Stops it if it runs, and removes its data. */
  remove(): Promise<void>;
}

/**
 * Makes and starts a server.
 * @param binary path of `postgres`; initdb and pg_ctl stand beside it
 * @param folder a new one, removed with the server; default: on the disk, as in production
 */
export async function createPostgresServer(
  binary: string,
  folder = mkdtempSync(join(tmpdir(), 'keepwatch-postgres-')),
): Promise<PostgresServer> {
  const data = join(folder, 'data');
  const user = serverUser();
  const port = await freePort();
  const tool = (name: string) => join(dirname(binary), name);
  const options = { ...user, cwd: folder };
  chmodSync(folder, 0o755);
  mkdirSync(data);
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, 'test', { mode: 0o600 });
  if (user !== undefined) for (const path of [folder, data, passwordFile]) chownSync(path, user.uid, user.gid);
  await run(
    tool('initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8'],
    options,
  );

  let isRunning = false;
  const start = async () => {
    const flags = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1`;
    await run(tool('pg_ctl'), ['-D', data, '-l', join(folder, 'log'), '-o', flags, '-w', '-t', '60', 'start'], options);
    isRunning = true;
  };
  const stop = async (mode: 'fast' | 'immediate') => {
    if (isRunning) await run(tool('pg_ctl'), ['-D', data, '-m', mode, '-w', 'stop'], options);
    isRunning = false;
  };
  /** The postmaster first, so that it makes no more of them. */
  const pids = (): number[] => {
    const [postmaster = ''] = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
    const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').trim().split(' ');
    return [postmaster, ...children].flatMap((pid) => (pid === '' ? [] : [Number(pid)]));
  };
  /** One that ends meanwhile has no need of it. */
  const signalAll = (signal: NodeJS.Signals) => {
    for (const pid of pids()) {
      try {
        process.kill(pid, signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  };
  await start();
  return {
    url: `postgres://postgres:test@127.0.0.1:${port}/postgres`,
    start,
    stop,
    async kill() {
      const [postmaster, ...children] = pids();
      if (postmaster !== undefined) process.kill(postmaster, 'SIGKILL');
      isRunning = false;
      await waitFor(() => children.every((pid) => !existsSync(`/proc/${pid}`)), { timeoutMs: 30_000, what: 'backends to end' });
    },
    killBackend: (pid) => {
      if (pids().includes(pid)) process.kill(pid, 'SIGKILL');
    },
    freeze: () => signalAll('SIGSTOP'),
    thaw: () => signalAll('SIGCONT'),
    async remove() {
      if (isRunning) signalAll('SIGCONT');
      await stop('immediate');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Postgres and PgBouncer refuse to run as root. */
export function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
