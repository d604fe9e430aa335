// Opens a port, and closes it: one clear error, no socket left open.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KeepwatchError } from '../errors.ts';

/** An HTTP server that accepts connections. */
export interface RunningServer {
  /** `http://host:port`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Takes no new connection, lets running requests finish (5 s at most), then resolves. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Starts to listen.
 * @param port 0 for any free one
 * @throws KeepwatchError ERR_PORT_IN_USE when another process has the port, ERR_CONFIG_INVALID when the address cannot be had at all
 */
export async function listen(server: Server, host: string, port: number): Promise<RunningServer> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve();
    });
  }).catch((cause: unknown) => {
    throw explainListenError(cause, host, port);
  });
  const { port: actualPort } = server.address() as AddressInfo;
  let stopped: Promise<void> | undefined;
  return {
    port: actualPort,
    url: `http://${reachable(host)}:${actualPort}`,
    stop() {
      stopped ??= closeServer(server);
      return stopped;
    },
  };
}

function explainListenError(cause: unknown, host: string, port: number): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    const message = `${host}:${port} is in use by another process; stop it, or choose another port: KEEPWATCH_PORT=${port + 1}`;
    return new KeepwatchError('ERR_PORT_IN_USE', message, { cause });
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    const message = `cannot listen on ${host}:${port} (${code}); allowed: an address of this machine (KEEPWATCH_HOST) and a port that this user may open (KEEPWATCH_PORT)`;
    return new KeepwatchError('ERR_CONFIG_INVALID', message, { cause });
  }
  return cause;
}

/** Longest wait at the end for clients that do not take their answer. */
const STOP_TIMEOUT_MS = 5000;

/** Node closes connections that are idle now; those that become idle once their answer is out have to be looked for. */
async function closeServer(server: Server): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const deadline = setTimeout(() => server.closeAllConnections(), STOP_TIMEOUT_MS);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearInterval(sweep);
  clearTimeout(deadline);
}

/** The host part of a URL that leads here: an address that means "all of them" cannot be asked for everywhere. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
