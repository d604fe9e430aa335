// A TCP proxy before a server, that loses what a test wants lost: connections, requests, answers; or holds everything back.
import { createConnection, createServer, type Server, type Socket } from 'node:net';

/**
 * What is lost when a connection is cut: the request, so that the server never has it; the answer, so that the server has done it; or
 * only the client, so that the server has the request when the client has long given up (`late`, 300 ms).
 */
export type Loss = 'request' | 'answer' | 'late';

/** A connection that breaks amid the bytes of one side, counted over all connections from the moment it is asked for. */
export interface Break {
  readonly from: 'client' | 'server';
  /** So many are let through. */
  readonly bytes: number;
  /**
   * `cut`: both sides are reset. `stall`: nothing goes through any more, nor is anything closed. `half`: who waits for the bytes is told
   * that there will be no more, and the other side hears nothing of it for 300 ms.
   */
  readonly how: 'cut' | 'stall' | 'half';
}

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  isBroken: boolean;
}

const LATE_MS = 300;

export class TcpProxy {
  readonly #target: { host: string; port: number };
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #isDown = false;
  #isStalled = false;
  #lossAt: { matches: (chunk: Buffer, index: number) => boolean | number; loss: Loss; done: () => void } | undefined;
  #messages = 0;
  #break: (Break & { left: number; done: () => void }) | undefined;

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
    this.#break = undefined;
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
   * @param match text in the chunk, or its number from now, counted from 0, or what tells it from others: a number is how many of its bytes
   *   the server still has of a request that is lost
   * @returns a promise of the cut
   */
  lose(loss: Loss, match: string | number | ((chunk: Buffer) => boolean | number)): Promise<void> {
    const start = this.#messages;
    const matches = (chunk: Buffer, index: number): boolean | number => {
      if (typeof match === 'function') return match(chunk);
      return typeof match === 'number' ? index - start === match : chunk.includes(match);
    };
    return new Promise((done) => {
      this.#lossAt = { matches, loss, done };
    });
  }

  /** Breaks one connection amid its bytes. @returns a promise of the moment */
  breakAt(given: Break): Promise<void> {
    return new Promise((done) => {
      this.#break = { ...given, left: given.bytes, done };
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
    const pair: Pair = { client, upstream, isBroken: false };
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
      const match = at?.matches(chunk, index) ?? false;
      if (at !== undefined && match !== false) {
        this.#lossAt = undefined;
        isAnswerLost = true;
        lost = at.done;
        if (at.loss === 'request' && typeof match === 'number') {
          client.off('close', end).destroy();
          upstream.end(chunk.subarray(0, match));
          return;
        }
        if (at.loss === 'request') return end();
        if (at.loss === 'late') {
          client.off('close', end).destroy();
          // Closed behind it: what would have followed never comes, and a server amid a COPY would wait for it for ever.
          setTimeout(() => upstream.end(chunk), LATE_MS);
          return;
        }
      }
      this.#pass(pair, 'client', chunk);
    });
    upstream.on('data', (chunk) => {
      if (isAnswerLost) end();
      else this.#pass(pair, 'server', chunk);
    });
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
  }

  /** Hands bytes on, as far as they may go. */
  #pass(pair: Pair, from: Break['from'], chunk: Buffer): void {
    if (this.#isStalled || pair.isBroken) return;
    const target = from === 'client' ? pair.upstream : pair.client;
    const at = this.#break;
    if (at === undefined || at.from !== from || at.left >= chunk.length) {
      if (at?.from === from) at.left -= chunk.length;
      target.write(chunk);
      return;
    }
    this.#break = undefined;
    pair.isBroken = true;
    if (at.left > 0) target.write(chunk.subarray(0, at.left));
    if (at.how === 'cut') {
      pair.client.resetAndDestroy();
      pair.upstream.destroy();
    } else if (at.how === 'half') {
      target.end();
      const other = from === 'client' ? pair.client : pair.upstream;
      target.removeAllListeners('close').once('close', () => setTimeout(() => other.destroy(), LATE_MS).unref());
    }
    at.done();
  }
}
