// A process of its own, never imported: it runs the embedded Postgres of one folder for as long as anybody is connected to its socket.
// The socket is all at once: the lock (whoever binds it is the watchdog), the meeting place, and the count of users, which the kernel
// keeps even for a process that is killed. Gets its orders as JSON on stdin.
import { linkSync, renameSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { describeError } from '../errors.ts';
import type { WatchdogAnswer } from './embedded.ts';
import type { EmbeddedPlace } from './embedded-place.ts';
import {
  findPostmaster,
  hasCluster,
  makeCluster,
  type Postmaster,
  startPostmaster,
  stopPostmaster,
} from './embedded-postmaster.ts';
import { createSecrets, readSecrets } from './embedded-secrets.ts';

/** How long a watchdog that nobody uses yet waits for its first user. */
const FIRST_USER_MS = 10_000;

class Watchdog {
  readonly #place: EmbeddedPlace;
  readonly #server: Server;
  /** All of them: users, those on their way out, who learn from the end of their connection that the server is down, and probes. */
  readonly #connections = new Set<Socket>();
  readonly #users = new Set<Socket>();
  #starting: Promise<Postmaster | undefined> = Promise.resolve(undefined);
  #answer: WatchdogAnswer | undefined;
  #isStopping = false;

  constructor(place: EmbeddedPlace, server: Server) {
    this.#place = place;
    this.#server = server;
  }

  async run(): Promise<void> {
    this.#server.on('connection', (socket) => this.#meet(socket));
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void this.#stop());
    setTimeout(() => this.#users.size === 0 && void this.#stop(), FIRST_USER_MS).unref();
    this.#starting = this.#start();
    const postmaster = await this.#starting;
    for (const user of this.#users) this.#tell(user);
    await postmaster?.ended;
    if (postmaster !== undefined) await this.#stop();
  }

  async #start(): Promise<Postmaster | undefined> {
    try {
      const isNew = !hasCluster(this.#place);
      const secrets = isNew ? createSecrets(this.#place.folder) : readSecrets(this.#place.folder);
      if (isNew) makeCluster(this.#place, secrets.superuserPassword);
      const postmaster = findPostmaster(this.#place) ?? (await startPostmaster(this.#place));
      this.#answer = { kind: 'ready', port: postmaster.port, watchdogPid: process.pid };
      return postmaster;
    } catch (error) {
      this.#answer = { kind: 'failed', message: describeError(error) };
      return undefined;
    }
  }

  #meet(socket: Socket): void {
    // Only who says `use` is a user: another watchdog connects too, to see whether this one lives.
    socket.once('data', () => {
      if (this.#isStopping) return;
      this.#users.add(socket);
      this.#tell(socket);
    });
    const leave = () => this.#leave(socket);
    socket.on('end', leave).on('error', leave);
    socket.on('close', () => {
      this.#connections.delete(socket);
      leave();
    });
    this.#connections.add(socket);
  }

  #tell(user: Socket): void {
    if (this.#answer !== undefined) user.write(`${JSON.stringify(this.#answer)}\n`);
  }

  #leave(socket: Socket): void {
    const wasUser = this.#users.delete(socket);
    if (wasUser && this.#users.size === 0) void this.#stop();
    else if (!this.#isStopping) socket.end();
  }

  /** The socket stays bound until the server is down, so that the next watchdog never meets a server that is shutting down. */
  async #stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const postmaster = await this.#starting;
    if (postmaster !== undefined) await stopPostmaster(postmaster, this.#place);
    this.#server.close();
    for (const socket of this.#connections) socket.destroy();
  }
}

/** Binds the socket. @returns undefined when a living watchdog has it */
async function claimSocket(path: string): Promise<Server | undefined> {
  for (;;) {
    const claimed = await listen(path);
    if (claimed !== undefined) return claimed;
    if (await isAnswered(path)) return undefined;
    // Stale, left by a crash. It is moved aside before it is removed: were it in truth the new socket of another process that found it
    // stale at the same moment, it is put back. Should two watchdogs live after all, Postgres lets only one of them use the data.
    const aside = `${path}.${process.pid}`;
    try {
      renameSync(path, aside);
      if (await isAnswered(aside)) linkSync(aside, path);
      unlinkSync(aside);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** @returns undefined when the path exists */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((done, fail) => {
    const candidate = createServer({ allowHalfOpen: true });
    candidate.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') done(undefined);
      else fail(error);
    });
    candidate.listen(path, () => done(candidate));
  });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((done) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      done(true);
    });
    probe.once('error', () => done(false));
  });
}

process.umask(0o077);
const place = JSON.parse(await text(process.stdin)) as EmbeddedPlace;
const server = await claimSocket(place.socketPath);
if (server !== undefined) await new Watchdog(place, server).run();
