// Where a case plays: its copy of Express, the measurer, the servers that it opened and the connections to them. It knows when all is over
// by what happens (every connection closed on both sides), never by a time.
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type express from 'express';
import type { Express, RequestHandler } from 'express';
import type { ObservabilityTracker } from '../../src/instrument/tracker.ts';
import { type Answer, Client } from './client.ts';
import type { ExpressVersion } from './conformance-case.ts';
import type { Measurer } from './measurer.ts';

export type Framework = typeof express;

export class Stage {
  readonly express: Framework;
  readonly version: ExpressVersion;
  readonly isExpress4: boolean;
  readonly measurer: Measurer;
  /** Statuses that clients of plain requests saw. */
  readonly seenStatuses: (number | undefined)[] = [];
  readonly #clients: Client[] = [];
  readonly #servers: Server[] = [];
  readonly #sockets: Promise<void>[] = [];
  readonly #signals = new Map<string, Signal>();
  #middleware: RequestHandler | undefined;

  constructor(framework: Framework, version: ExpressVersion, measurer: Measurer) {
    this.express = framework;
    this.version = version;
    this.isExpress4 = version === '4';
    this.measurer = measurer;
  }

  /** Express 4 and 5 spell some patterns in different ways. */
  pick<T>(onExpress4: T, onExpress5: T): T {
    return this.isExpress4 ? onExpress4 : onExpress5;
  }

  /** The measurer's middleware; the same one each time. One that does without (OpenTelemetry) gives one that does nothing. */
  middleware(): RequestHandler {
    this.#middleware ??= this.measurer.middleware();
    return this.#middleware;
  }

  install(app: Pick<Express, 'use'>): void {
    app.use(this.middleware());
  }

  /** Says that something has happened in the app; `happened` waits for it. */
  signal(name: string): void {
    this.#signalOf(name).resolve();
  }

  happened(name: string): Promise<void> {
    return this.#signalOf(name).promise;
  }

  /** Polls what no event tells, each turn of the event loop. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  saw(answer: Answer): void {
    this.seenStatuses.push(answer.status);
  }

  /** Keepwatch's tracker, in cases that only Keepwatch plays. */
  get tracker(): ObservabilityTracker {
    const { tracker } = this.measurer;
    if (tracker === undefined) throw new Error('only Keepwatch has a tracker: mark the case as its own');
    return tracker;
  }

  /** The server that the case began with. */
  get server(): Server | undefined {
    return this.#servers[0];
  }

  async listen(app: Express): Promise<Client> {
    return this.serve(createServer(app));
  }

  async serve(server: Server): Promise<Client> {
    const isTls = server instanceof TlsServer;
    this.#servers.push(server);
    server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#sockets.push(new Promise((resolve) => socket.once('close', () => resolve())));
    });
    if (!server.listening) {
      server.listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
    }
    const client = new Client((server.address() as AddressInfo).port, { isTls });
    this.#clients.push(client);
    return client;
  }

  /** The longest time to a first byte that a client saw. */
  get headersMs(): number {
    return Math.max(0, ...this.#clients.flatMap(({ connections }) => connections.map(({ headersMs = 0 }) => headersMs)));
  }

  /** Ends what the clients left open, and waits until every connection is closed on both sides and every handler had its turn. */
  async settle(): Promise<void> {
    for (const { connections } of this.#clients) for (const { socket } of connections) socket.destroySoon();
    await Promise.all(this.#clients.flatMap(({ connections }) => connections.map(({ closed }) => closed)));
    await Promise.all(this.#sockets);
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Stops the servers, whatever state they are in. */
  async close(): Promise<void> {
    for (const { connections } of this.#clients) for (const { socket } of connections) socket.destroy();
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  #signalOf(name: string): Signal {
    const known = this.#signals.get(name);
    if (known !== undefined) return known;
    let resolve = () => {};
    const promise = new Promise<void>((done) => {
      resolve = done;
    });
    const signal = { promise, resolve };
    this.#signals.set(name, signal);
    return signal;
  }
}

interface Signal {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}
