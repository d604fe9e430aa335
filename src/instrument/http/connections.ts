// Notices the end of requests. A response that Node's own HTTP server makes costs no listener: its end comes over the diagnostics channel
// `http.server.response.finish`, and one listener per connection tells of those that were cut. All others get listeners of their own.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { knownTrail } from '../routes/routing-probe.ts';
import { type Holder, OpenRequest } from './open-request.ts';

const STARTED = 'http.server.request.start';
const FINISHED = 'http.server.response.finish';
/** So many requests in a row that are not ours: the subscription is given up until the next one of ours. */
const MAX_FOREIGN = 1000;

interface ChannelMessage {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Follows the requests of one middleware. */
export class EndWatch {
  readonly #hasOpen: () => boolean;
  #isSubscribed = false;
  /** The response that Node's server has just made: the one that runs through the middleware now, unless the app was called by others. */
  #latest: ServerResponse | undefined = undefined;
  #foreign = 0;

  /** @param hasOpen whether requests are followed at the moment */
  constructor(hasOpen: () => boolean) {
    this.#hasOpen = hasOpen;
  }

  /**
   * From now on `open` is told how it ends.
   * @returns false when its connection has closed already: then the caller has to tell it
   */
  follow(open: OpenRequest): boolean {
    const { request, response } = open;
    const socket = request.socket as Socket | null | undefined;
    const connection = connectionOf(socket);
    connection?.add(open);
    open.holder = connection;
    this.#foreign = 0;
    if (response !== this.#latest || connection === undefined) {
      // Bound to it, as what emits may be another object than what the app has (a proxy).
      response.on('finish', () => open.finish());
      response.on('close', () => open.cut());
      if (!this.#isSubscribed) this.#subscribe();
    }
    return socket?.closed !== true;
  }

  #subscribe(): void {
    this.#isSubscribed = true;
    subscribe(STARTED, this.#onStarted);
    subscribe(FINISHED, onFinished);
  }

  readonly #onStarted = (message: unknown): void => {
    this.#latest = (message as ChannelMessage).response;
    if (++this.#foreign > MAX_FOREIGN && !this.#hasOpen()) this.#unsubscribe();
  };

  #unsubscribe(): void {
    this.#isSubscribed = false;
    this.#latest = undefined;
    unsubscribe(STARTED, this.#onStarted);
    unsubscribe(FINISHED, onFinished);
  }
}

function onFinished(message: unknown): void {
  const { request, response } = message as ChannelMessage;
  openRequestOf(response, request)?.finish();
}

/**
 * What measures a response; undefined where another copy of this package does, or nobody.
 * @param request default: the one that the response knows, unless the app has taken it away
 */
export function openRequestOf(
  response: ServerResponse,
  request: IncomingMessage | null | undefined = response.req,
): OpenRequest | undefined {
  const measurement = request == null ? undefined : knownTrail(request)?.measurement;
  return measurement instanceof OpenRequest && measurement.response === response ? measurement : undefined;
}

/** Where a socket keeps what is open on it. */
const CONNECTION = Symbol('keepwatch.connection');

type ConnectedSocket = Socket & { [CONNECTION]?: Connection };

/** The open requests of one connection: one, or several where they are pipelined. */
class Connection implements Holder {
  #current: OpenRequest | undefined = undefined;
  #others: Set<OpenRequest> | undefined = undefined;

  add(request: OpenRequest): void {
    if (this.#current === undefined) {
      this.#current = request;
    } else {
      this.#others ??= new Set();
      this.#others.add(request);
    }
  }

  remove(request: OpenRequest): void {
    if (this.#current === request) this.#current = undefined;
    else this.#others?.delete(request);
  }

  close(): void {
    this.#current?.cut();
    if (this.#others !== undefined) for (const request of this.#others) request.cut();
  }
}

/** Undefined where somebody has made up the request, and its socket tells nothing: then the response has to. */
function connectionOf(socket: ConnectedSocket | null | undefined): Connection | undefined {
  const known = socket?.[CONNECTION];
  if (known !== undefined) return known;
  if (typeof socket?.prependListener !== 'function') return undefined;
  const connection = new Connection();
  if (!Reflect.set(socket, CONNECTION, connection)) return undefined;
  // First of all, before Node aborts the request and the app answers to that what nobody will see.
  socket.prependListener('close', onConnectionClose);
  return connection;
}

function onConnectionClose(this: ConnectedSocket): void {
  this[CONNECTION]?.close();
}
