// A server that keeps the headers of the requests that it gets, as they were sent, and answers as it is told.
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { listen, type RunningServer } from '../../src/server/listen.ts';

export interface HeaderServer extends RunningServer {
  /** All values of a header of each request, in order. */
  values(name: string): string[][];
}

/** @param answer default: an empty answer */
export async function startHeaderServer(
  answer: RequestListener = (_request, response) => void response.end(),
): Promise<HeaderServer> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    request.resume();
    answer(request, response);
  });
  const running = await listen(server, '127.0.0.1', 0);
  return {
    ...running,
    values: (name) =>
      requests.map(({ rawHeaders }) =>
        rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name),
      ),
  };
}
