// An HTTP/1.1 client over plain TCP that does what a case tells it: half a request, many in one packet, a reset in the middle.
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** What a client sees of a response. Undefined status: the connection closed before a status line. */
export interface Answer {
  readonly status: number | undefined;
  /** All that came, interim responses included. */
  readonly text: string;
}

export interface AskOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Opens connections to one server, and remembers them. */
export class Client {
  readonly port: number;
  readonly connections: Connection[] = [];
  readonly #isTls: boolean;

  constructor(port: number, { isTls = false }: { isTls?: boolean } = {}) {
    this.port = port;
    this.#isTls = isTls;
  }

  /** A connection that is established. */
  async open(options: Partial<NetConnectOpts> = {}): Promise<Connection> {
    const where = { ...options, port: this.port, host: '127.0.0.1' };
    const socket = this.#isTls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where);
    const connection = new Connection(socket);
    this.connections.push(connection);
    await new Promise<void>((resolve, reject) => {
      socket.once(this.#isTls ? 'secureConnect' : 'connect', resolve);
      socket.once('error', reject);
    });
    return connection;
  }

  /** One request on a connection of its own, until the server closes it. */
  async ask(method: string, path: string, { headers = {}, body }: AskOptions = {}): Promise<Answer> {
    const connection = await this.open();
    connection.send(
      request(method, path, { headers: { Connection: 'close', ...headers }, ...(body === undefined ? {} : { body }) }),
    );
    await connection.closed;
    return connection.answer();
  }
}

/** The text of a request. */
export function request(method: string, path: string, { headers = {}, body }: AskOptions = {}): string {
  const all = {
    Host: 'conformance',
    ...(body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`;
}

export class Connection {
  readonly socket: Socket;
  /** Resolves when the socket is closed, with whatever error. */
  readonly closed: Promise<void>;
  received = '';
  /** Milliseconds from the first byte sent to the first one received. */
  headersMs: number | undefined;
  #sentAt: number | undefined;
  #error: Error | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (data: string) => {
      this.headersMs ??= performance.now() - (this.#sentAt ?? performance.now());
      this.received += data;
    });
    socket.on('error', (error) => {
      this.#error = error;
    });
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  send(text: string): void {
    this.#sentAt ??= performance.now();
    this.socket.write(text);
  }

  /** Waits until `text` has come `times` times. */
  async receive(text: string, times = 1): Promise<string> {
    while (this.received.split(text).length <= times) {
      if (this.socket.closed) {
        const cause = this.#error === undefined ? {} : { cause: this.#error };
        throw new Error(
          `the connection closed before ${times} x ${JSON.stringify(text)} came; got ${this.received.slice(0, 500)}`,
          cause,
        );
      }
      await new Promise<void>((resolve) => {
        const go = () => {
          this.socket.off('data', go).off('close', go);
          resolve();
        };
        this.socket.once('data', go).once('close', go);
      });
    }
    return this.received;
  }

  /** Sends a FIN: a client that has said all, and still listens where the server lets it. */
  end(): void {
    this.socket.end();
  }

  /** Goes away without a word: a reset. */
  async reset(): Promise<void> {
    this.socket.resetAndDestroy();
    await this.closed;
  }

  /** The first final response that came. */
  answer(): Answer {
    const statuses = [...this.received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, code]) => Number(code));
    return { status: statuses.find((code) => code >= 200 || code === 101), text: this.received };
  }
}
