// A real HTTP server that takes webhooks, for tests: what it got, and how it answers. Who sends more than is promised is told 413.
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedWebhook {
  readonly headers: IncomingHttpHeaders;
  readonly path: string;
  readonly body: {
    readonly status: string;
    readonly receiver: string;
    readonly alerts: readonly {
      readonly status: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly annotations: Readonly<Record<string, string>>;
    }[];
  } & Readonly<Record<string, unknown>>;
}

/** What no message is larger than: docs/receivers.md. */
const MAX_BYTES = 512_000;

export interface TestWebhookReceiver {
  readonly url: string;
  /** Everything that came, refused or not, oldest first. */
  readonly received: ReceivedWebhook[];
  /** Status of the next answers; `hang`: no answer. Default 200. */
  answer: number | 'hang';
  close(): Promise<void>;
}

export async function startTestWebhookReceiver(): Promise<TestWebhookReceiver> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const bytes = Buffer.concat(chunks);
      const body = JSON.parse(bytes.toString()) as ReceivedWebhook['body'];
      receiver.received.push({ headers: request.headers, path: request.url ?? '', body });
      if (receiver.answer === 'hang') return;
      response.writeHead(bytes.length > MAX_BYTES ? 413 : receiver.answer, { location: '/elsewhere' }).end('{}');
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const receiver: TestWebhookReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received: [],
    answer: 200,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
  return receiver;
}
