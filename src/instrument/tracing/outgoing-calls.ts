// Puts `traceparent` and `tracestate` on the HTTP calls that executions make: fetch and undici, and node:http(s) where Node, or
// `keepwatch/register` in its place, tells of a request while it can still take headers. Listens to diagnostics channels.
import diagnostics from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import type { InternalErrors } from '../internal-errors.ts';
import { findContextManager } from './open-telemetry.ts';
import { CLIENT_REQUEST_CREATED } from './publish-client-requests.ts';
import { formatTraceparent } from './trace-headers.ts';
import type { Tracer } from './tracer.ts';

/** To whom ids are given: to all, to none, or to hosts: `api.example.com`, or `*.example.com` for all below it. */
export type Propagation = 'all' | 'none' | readonly string[];

export interface OutgoingCallsOptions {
  readonly tracer: Tracer;
  readonly errors: InternalErrors;
  readonly propagate: Propagation;
}

/** What is used of a request of undici: version 5 keeps its headers as text, later ones as names and values in turn. */
interface UndiciRequest {
  readonly method?: string;
  readonly origin?: string | URL;
  readonly headers?: unknown;
  addHeader(name: string, value: string): void;
}

const UNDICI = 'undici:request:create';

export class OutgoingCalls {
  readonly #tracer: Tracer;
  readonly #errors: InternalErrors;
  readonly #mayKnow: (host: string) => boolean;
  readonly #isOff: boolean;
  readonly #isForAll: boolean;
  #isListening = false;
  /** Whether OpenTelemetry was there when the listeners were put where they stand. */
  #isBehindOpenTelemetry = false;

  constructor({ tracer, errors, propagate }: OutgoingCallsOptions) {
    this.#tracer = tracer;
    this.#errors = errors;
    this.#isOff = propagate === 'none' || propagate.length === 0;
    this.#isForAll = propagate === 'all';
    this.#mayKnow = typeof propagate === 'string' ? () => this.#isForAll : hostFilter(propagate);
  }

  start(): void {
    if (this.#isListening || this.#isOff) return;
    this.#isListening = true;
    this.#isBehindOpenTelemetry = findContextManager() !== undefined;
    diagnostics.subscribe(UNDICI, this.#onUndici);
    diagnostics.subscribe(CLIENT_REQUEST_CREATED, this.#onNodeHttp);
  }

  stop(): void {
    if (!this.#isListening) return;
    this.#isListening = false;
    diagnostics.unsubscribe(UNDICI, this.#onUndici);
    diagnostics.unsubscribe(CLIENT_REQUEST_CREATED, this.#onNodeHttp);
  }

  // What a subscriber throws ends the process: hence the guards.
  readonly #onUndici = (message: unknown): void => {
    if (this.#tracer.current() === undefined) return;
    try {
      if (this.#hasToMove()) return;
      const { request } = message as { request: UndiciRequest };
      if (request.method === 'CONNECT' || namesTraceparent(request.headers)) return;
      if (!this.#isForAll && !this.#mayKnow(hostOf(request.origin))) return;
      this.#put((name, value) => request.addHeader(name, value));
    } catch (error) {
      this.#errors.note('outgoing', error);
    }
  };

  readonly #onNodeHttp = (message: unknown): void => {
    if (this.#tracer.current() === undefined) return;
    try {
      const { request } = message as { request: ClientRequest };
      // Headers given as an array are written by now.
      if (request.headersSent || request.method === 'CONNECT' || request.hasHeader('traceparent')) return;
      if (!this.#isForAll && !this.#mayKnow(request.host)) return;
      this.#put((name, value) => request.setHeader(name, value));
    } catch (error) {
      this.#errors.note('outgoing', error);
    }
  };

  /**
   * OpenTelemetry's own listener adds a header without a look at what is there; two of them are worth none. Where it came after us, we step
   * behind it, outside of this round of listeners, and leave this one request to it.
   */
  #hasToMove(): boolean {
    if (this.#isBehindOpenTelemetry || findContextManager() === undefined) return false;
    this.#isBehindOpenTelemetry = true;
    queueMicrotask(() => {
      if (!this.#isListening) return;
      diagnostics.unsubscribe(UNDICI, this.#onUndici);
      diagnostics.subscribe(UNDICI, this.#onUndici);
    });
    return true;
  }

  #put(add: (name: string, value: string) => void): void {
    const parent = this.#tracer.innermost();
    if (parent === undefined) return;
    add('traceparent', formatTraceparent(parent));
    if (parent.outside?.traceState !== undefined) add('tracestate', parent.outside.traceState);
  }
}

function namesTraceparent(headers: unknown): boolean {
  if (typeof headers === 'string') return /^traceparent:/im.test(headers);
  if (!Array.isArray(headers)) return false;
  for (let index = 0; index < headers.length; index += 2) {
    const name: unknown = headers[index];
    if (typeof name === 'string' && name.length === 11 && name.toLowerCase() === 'traceparent') return true;
  }
  return false;
}

function hostOf(origin: string | URL | undefined): string {
  return origin === undefined ? '' : new URL(origin).hostname;
}

function hostFilter(hosts: readonly string[]): (host: string) => boolean {
  const names = hosts.map(plainHost);
  const suffixes = names.filter((name) => name.startsWith('*.')).map((name) => name.slice(1));
  return (host) => names.includes(plainHost(host)) || suffixes.some((suffix) => plainHost(host).endsWith(suffix));
}

/** In lower case; an IPv6 address without the brackets that it has in URLs. */
function plainHost(host: string): string {
  return host.replace(/^\[|\]$/g, '').toLowerCase();
}
