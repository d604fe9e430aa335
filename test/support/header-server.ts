// A server that keeps the headers of the requests that it gets, as they were sent, and answers as it is told.
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { listen, type RunningServer } from '../../src/server/listen.ts';

export interface HeaderServer extends RunningServer {
  /** All values of a header of each request, in order. */
  values(name: string): string[][];
}

/**
 * @param answer default: an empty answer
 * @param tls key and certificate as PEM; default: without TLS
 */
export async function startHeaderServer(
  answer: RequestListener = (_request, response) => void response.end(),
  tls?: { readonly key: string; readonly cert: string },
): Promise<HeaderServer> {
  const requests: IncomingMessage[] = [];
  const hear: RequestListener = (request, response) => {
    requests.push(request);
    request.resume();
    answer(request, response);
  };
  const running = await listen(tls === undefined ? createServer(hear) : createSecureServer(tls, hear), '127.0.0.1', 0);
  return {
    ...running,
    url: tls === undefined ? running.url : running.url.replace('http:', 'https:'),
    values: (name) =>
      requests.map(({ rawHeaders }) =>
        rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name),
      ),
  };
}
