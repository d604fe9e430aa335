// How a request ended, read from the socket: it was answered, its client went away, or the server cut the connection.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { STATUS_CODES, type StatusCode } from '../recording/ring.ts';
import { lastRoutingError } from '../routes/routing-probe.ts';

/** A request and its answer. They are kept together here, as an app may take one from the other (`response.req`). */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** It went out, its client went away, or the server cut the connection before all was out. */
export const ENDINGS = ['complete', 'client_disconnect', 'server_disconnect'] as const;
export type Ending = (typeof ENDINGS)[number];

/**
 * A client says goodbye, resets the connection or lets it time out; a server that gives an answer up destroys it without any of these.
 */
export function whoCut({ request, response }: Exchange): Ending {
  const socket = request.socket as Socket | null | undefined;
  if (response.errored != null) return 'server_disconnect';
  if (resetCodeOf(response) === CANCEL) return 'client_disconnect';
  const failure = socket?.errored;
  const isClient = failure == null ? socket?.readableEnded !== false : isOfConnection(failure);
  return isClient ? 'client_disconnect' : 'server_disconnect';
}

/** The client has changed its mind (https://www.rfc-editor.org/rfc/rfc9113#name-error-codes). */
const CANCEL = 8;

/** Of HTTP/2 with the API of HTTP/1: why its stream was closed, 0 after all was sent. Its socket seems destroyed then. */
export function resetCodeOf(response: ServerResponse): number | undefined {
  return (response as { readonly stream?: { readonly rstCode?: number } }).stream?.rstCode;
}

/** Comes from the system, the parser or a timeout of Node's server; all others the app has destroyed the socket with. */
function isOfConnection(error: Error & { readonly code?: string; readonly syscall?: string }): boolean {
  return error.syscall !== undefined || /^(ECONN|EPIPE|HPE_|ERR_HTTP_|ERR_SSL_|ERR_TLS_)/.test(error.code ?? '');
}

/** Whether a status code reached the client. A response without a socket waits behind another one: nobody has seen its headers. */
export function hasStatus(response: ServerResponse, ending: Ending): boolean {
  if (ending === 'complete') return true;
  const isQueued = response.socket === null && !response.writableFinished;
  return response.headersSent && !isQueued;
}

/**
 * Server errors are failures, and so are answers that the server broke off: before anything was out, or because of an error. A stream that
 * it closed without one (at its own end, say) is aborted, as is whatever the client did not wait for.
 */
export function statusOf(exchange: Exchange, statusCode: number, ending: Ending): StatusCode {
  if (ending === 'complete') return statusCode >= 500 ? STATUS_CODES.failure : STATUS_CODES.success;
  const isFailure = ending === 'server_disconnect' && (!hasStatus(exchange.response, ending) || brokenBy(exchange) !== undefined);
  return isFailure ? STATUS_CODES.failure : STATUS_CODES.aborted;
}

/** What made a request a failure. */
export function errorOf(exchange: Exchange, statusCode: number, ending: Ending): unknown {
  return brokenBy(exchange) ?? (ending === 'complete' ? `HTTP ${statusCode}` : 'the server closed the connection');
}

/** The error that left the routes, or that the response was destroyed with. */
function brokenBy({ request, response }: Exchange): unknown {
  return lastRoutingError(request) ?? response.errored ?? undefined;
}
