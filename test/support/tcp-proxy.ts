// A TCP proxy before a server, that loses what a test wants lost: connections, requests, answers; or holds everything back.
import { createConnection, createServer, type Server, type Socket } from 'node:net';

/**
 * What is lost when a connection is cut: the request, so that the server never has it; the answer, so that the server has done it; or
 * only the client, so that the server has the request when the client has long given up (`late`, 300 ms).
 */
export type Loss = 'request' | 'answer' | 'late';

const LATE_MS = 300;

export class TcpProxy {
  readonly #target: { host: string; port: number };
  readonly #server: Server;
  readonly #pairs = new Set<{ client: Socket; upstream: Socket }>();
  #isDown = false;
  #isStalled = false;
  #lossAt: { matches: (chunk: Buffer, index: number) => boolean; loss: Loss; done: () => void } | undefined;
  #messages = 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer((client) => this.#connect(client));
  }

  /** Listens on a free port of the loopback interface. @param url of the server behind it */
  static async start(url: string): Promise<TcpProxy> {
    const { hostname, port } = new URL(url);
    const proxy = new TcpProxy({ host: hostname, port: Number(port) });
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** The same URL, through the proxy. */
  urlOf(url: string): string {
    const { port } = this.#server.address() as { port: number };
    return Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) }).href;
  }

  /** Cuts every connection and refuses new ones, until `up`. */
  down(): void {
    this.#isDown = true;
    this.cut();
  }

  /** Works as a proxy should, and loses nothing that it was told to lose. */
  up(): void {
    this.#lossAt = undefined;
    this.#isDown = false;
    this.#isStalled = false;
  }

  /** Cuts every connection that is open now. */
  cut(): void {
    for (const { client, upstream } of this.#pairs) {
      client.resetAndDestroy();
      upstream.destroy();
    }
  }

  /** Forwards nothing any more, and cuts nothing either: what a dead network does. */
  stall(): void {
    this.#isStalled = true;
  }

  /**
   * Cuts a connection at the first chunk of a client that matches: before the server has it, or when the server has answered it.
   * @param match text in the chunk, or its number from now, counted from 0
   * @returns a promise of the cut
   */
  lose(loss: Loss, match: string | number): Promise<void> {
    const start = this.#messages;
    const matches = (chunk: Buffer, index: number): boolean =>
      typeof match === 'number' ? index - start === match : chunk.includes(match);
    return new Promise((done) => {
      this.#lossAt = { matches, loss, done };
    });
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #connect(client: Socket): void {
    if (this.#isDown) {
      client.resetAndDestroy();
      return;
    }
    const upstream = createConnection(this.#target);
    const pair = { client, upstream };
    this.#pairs.add(pair);
    let isAnswerLost = false;
    let lost: (() => void) | undefined;
    const end = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      upstream.destroy();
      if (isAnswerLost) lost?.();
    };
    client.on('data', (chunk) => {
      const index = this.#messages++;
      const at = this.#lossAt;
      if (at?.matches(chunk, index)) {
        this.#lossAt = undefined;
        isAnswerLost = true;
        lost = at.done;
        if (at.loss === 'request') return end();
        if (at.loss === 'late') {
          client.off('close', end).destroy();
          setTimeout(() => upstream.write(chunk), LATE_MS);
          return;
        }
      }
      if (!this.#isStalled) upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (isAnswerLost) end();
      else if (!this.#isStalled) client.write(chunk);
    });
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
  }
}
