// Which answers are streams, and when their headers went out: the latency of a stream is its time to headers, its lifetime is kept apart.
import type { ServerResponse } from 'node:http';
import type { Exchange } from './http-outcome.ts';
import { onceCalled } from './once-called.ts';

/** By its content type; because the app said so (`markStream`); because its body took long; because the connection was upgraded. */
export type StreamKind = 'sse' | 'marked' | 'download' | 'upgrade';

/** What is measured of a stream, in milliseconds. */
export interface StreamTimes {
  readonly kind: StreamKind;
  /** From the request to the headers of its answer. */
  readonly headersAfterMs: number;
  /** From the headers to the end. */
  readonly durationMs: number;
}

/** A body that takes longer is a stream. Above the last bucket of the latency histogram, which could tell no more of it. */
export const LONG_BODY_MS = 10_000;

/** Is told when the headers of its response are made. */
export interface HeadersListener {
  readonly response: ServerResponse;
  /**
   * Must not throw.
   * @param args of `writeHead`
   */
  onHeaders(args: readonly unknown[]): void;
}

/** Marks a prototype on which headers are noticed. */
const WATCHED = Symbol('keepwatch.headers');

/**
 * Notices headers on the prototype that all responses of an Express app share (`app.response`), where all ways to send them pass
 * `writeHead`. Nothing is done where the prototype cannot be changed: then streams are measured to their end.
 */
export function watchHeaders(prototype: object, listenerOf: (response: ServerResponse) => HeadersListener | undefined): void {
  if (Object.hasOwn(prototype, WATCHED) || !Object.isExtensible(prototype)) return;
  const writeHead = (prototype as ServerResponse).writeHead as (...args: unknown[]) => ServerResponse;
  Object.defineProperty(prototype, WATCHED, { value: true });
  Object.defineProperty(prototype, 'writeHead', {
    configurable: true,
    writable: true,
    enumerable: false,
    value: function keepwatchWriteHead(this: ServerResponse, ...args: unknown[]): ServerResponse {
      const result = Reflect.apply(writeHead, this, args);
      try {
        listenerOf(this)?.onHeaders(args);
      } catch {
        // The response cannot even be asked whose it is.
      }
      return result;
    },
  });
}

/** Whether a response whose head was made with `writeHead(...args)` is a stream of server-sent events. */
export function isEventStream({ request, response }: Exchange, args: readonly unknown[]): boolean {
  if (request.method === 'HEAD' || response.statusCode === 204 || response.statusCode === 304) return false;
  if (saysEvents(response.getHeader('content-type'))) return true;
  const given = args[args.length - 1];
  return typeof given === 'object' && given !== null && givenType(given).some(saysEvents);
}

function saysEvents(contentType: unknown): boolean {
  // Nearly all are told by their sixth character.
  if (typeof contentType !== 'string' || (contentType[5] !== 'e' && contentType[5] !== 'E')) return false;
  return /^text\/event-stream\s*(;|$)/i.test(contentType);
}

/** The content types among headers given to `writeHead`: an object, a flat array, or an array of pairs. */
function givenType(headers: object): unknown[] {
  const pairs = Array.isArray(headers) ? headers.flat() : Object.entries(headers).flat();
  return pairs.filter((_, index) => index % 2 === 1 && /^content-type$/i.test(String(pairs[index - 1])));
}

/**
 * Calls `onSent` when the headers leave that `writeHead` has made: with the first bytes of the body, or `flushHeaders`. Not called when they
 * are on their way already (`writeHead` was called by `write`).
 */
export function onceHeadersSent(response: ServerResponse, onSent: () => void): void {
  const bytesBefore = response.socket?.bytesWritten;
  onceCalled(response, ['write', 'end', 'flushHeaders'], () => {
    if (response.socket?.bytesWritten === bytesBefore) onSent();
  });
}
