// An Express app behind `tracker.express()` on a real server, and raw connections to it.
import { createServer, type Server, type ServerOptions } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import express, { type Express } from 'express';
import { ObservabilityTracker } from '../../src/instrument/tracker.ts';
import { RecordingSink } from './recording-sink.ts';
import { waitFor } from './wait-for.ts';

export type Framework = typeof express;

export interface MeasuredAppOptions {
  readonly framework?: Framework;
  readonly server?: ServerOptions;
  readonly countOwnRoutes?: boolean;
}

export class MeasuredApp {
  readonly sink = new RecordingSink();
  readonly tracker: ObservabilityTracker;
  readonly server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(tracker: ObservabilityTracker, server: Server) {
    this.tracker = tracker;
    this.server = server;
    tracker.connect(this.sink);
  }

  /** Listens on a free port of the loopback interface. */
  static async open(
    routes: (app: Express, tracker: ObservabilityTracker) => void,
    { framework = express, server = {}, countOwnRoutes = false }: MeasuredAppOptions = {},
  ): Promise<MeasuredApp> {
    const tracker = new ObservabilityTracker({ service: 'test' });
    const app = framework();
    app.set('env', 'test');
    app.use(tracker.express({ countOwnRoutes }));
    routes(app, tracker);
    const measured = new MeasuredApp(tracker, createServer(server, app));
    await new Promise<void>((done) => measured.server.listen(0, '127.0.0.1', done));
    return measured;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** A connection that has sent `text`. */
  connect(text: string): Socket {
    const socket = connect(this.port, '127.0.0.1', () => socket.write(text));
    socket.on('error', () => {});
    this.#sockets.add(socket);
    return socket;
  }

  /** Asks for a path on a connection of its own. */
  get(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, { headers: { connection: 'close' } });
  }

  /** `GET /chat 200 success`, with what cut it, of all requests that ended; waits until there are `count`. */
  async records(count: number): Promise<string[]> {
    await waitFor(
      () => {
        this.tracker.flush();
        return this.sink.events.length >= count;
      },
      { what: `${count} records; there are ${this.sink.events.map(({ name }) => name).join(', ')}` },
    );
    return this.sink.events.map(({ name, status, metadata }) => {
      const code = (metadata['http_response_status_code'] as number | undefined) ?? '-';
      const errorType = metadata['error_type'] as string | undefined;
      return [name, code, status, ...(errorType === undefined ? [] : [errorType])].join(' ');
    });
  }

  /** The value of the first sample whose name and labels begin so. */
  async sample(prefix: string): Promise<number | undefined> {
    const line = (await this.tracker.registry.metrics()).split('\n').find((text) => text.startsWith(prefix));
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}

/** The head of a request. */
export function head(method: string, path: string, headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\nHost: test\r\n${lines.join('')}\r\n`;
}

/** The first bytes that come. */
export function firstData(socket: Socket): Promise<string> {
  return new Promise((resolve) => socket.once('data', (data) => resolve(data.toString('latin1'))));
}
