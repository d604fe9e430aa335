// A handler of metrics behind a real HTTP server, and scrapes of it that see the answer as it was sent.
import { createServer, get, type IncomingHttpHeaders, type RequestListener, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Scrape {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** As it came: perhaps compressed. */
  readonly body: Buffer;
  readonly text: string;
}

export interface MetricsServer {
  readonly server: Server;
  readonly port: number;
  readonly url: string;
  /** @throws Error when the connection is cut before the end of the answer */
  scrape(headers?: Record<string, string>, method?: 'GET' | 'HEAD'): Promise<Scrape>;
  stop(): Promise<void>;
}

export async function serveMetrics(handler: RequestListener): Promise<MetricsServer> {
  const server = createServer(handler);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/metrics`;
  return {
    server,
    port,
    url,
    scrape: (headers = {}, method = 'GET') =>
      new Promise((resolve, reject) => {
        const start = method === 'GET' ? get : request;
        const sent = start(url, { headers, method, agent: false }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const body = Buffer.concat(chunks);
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body, text: body.toString() });
          });
        });
        sent.on('error', reject);
        sent.end();
      }),
    async stop() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
