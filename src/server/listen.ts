// Opens a port, and says plainly when that is not possible.
import { createServer, type RequestListener, type Server } from 'node:http';
import { KeepwatchError } from '../errors.ts';

/**
 * Serves `app` on host and port (0: any free one).
 * @throws KeepwatchError ERR_PORT_IN_USE when the address is taken, not ours, or not allowed
 */
export async function listen(app: RequestListener, host: string, port: number): Promise<Server> {
  const server = createServer(app);
  try {
    await new Promise<void>((done, fail) => {
      server.once('error', fail);
      server.listen(port, host, done);
    });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const reason =
      code === 'EADDRINUSE'
        ? 'is in use by another process'
        : code === 'EACCES'
          ? 'needs more rights'
          : `cannot be opened (${code})`;
    throw new KeepwatchError(
      'ERR_PORT_IN_USE',
      `${host}:${port} ${reason}; choose another with KEEPWATCH_PORT and KEEPWATCH_HOST`,
      { cause },
    );
  }
  return server;
}

/** Lets running requests finish, then closes; connections still open after `timeoutMs` are cut. */
export async function closeServer(server: Server, timeoutMs = 5000): Promise<void> {
  const closed = new Promise<void>((done) => server.close(() => done()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), timeoutMs);
  await closed;
  clearTimeout(timer);
}
