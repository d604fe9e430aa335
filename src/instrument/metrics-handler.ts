// Serves a registry over HTTP, as text 0.0.4. Scrapes that come while one is being written share it.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describeError } from '../errors.ts';
import { type Logger, silentLogger } from '../logger.ts';
import type { MetricRegistry } from './registry.ts';

export type MetricsHandler = (request: IncomingMessage, response: ServerResponse) => void;

interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

/** A handler for Express or `node:http`. What goes wrong while the metrics are collected is answered with 500 and logged. */
export function createMetricsHandler(
  registry: MetricRegistry,
  { logger = silentLogger }: { logger?: Logger } = {},
): MetricsHandler {
  let inProgress: Promise<Exposition> | undefined;
  const collect = (): Promise<Exposition> => {
    inProgress ??= expose(registry).finally(() => {
      inProgress = undefined;
    });
    return inProgress;
  };
  return (request, response) => {
    collect().then(
      ({ contentType, body }) => answer(request, response, 200, contentType, body),
      (error: unknown) => {
        logger.error({ error: describeError(error) }, 'the metrics could not be collected');
        answer(request, response, 500, 'text/plain; charset=utf-8', 'the metrics could not be collected\n');
      },
    );
  };
}

async function expose(registry: MetricRegistry): Promise<Exposition> {
  return { contentType: registry.contentType, body: await registry.metrics() };
}

function answer(request: IncomingMessage, response: ServerResponse, status: number, contentType: string, body: string): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
