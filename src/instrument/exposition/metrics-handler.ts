// Serves a registry over HTTP, as text 0.0.4 or OpenMetrics 1.0, in chunks, at the pace of each scraper. Scrapes that come together share
// one writing.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describeError } from '../../errors.ts';
import { type Logger, silentLogger } from '../../logger.ts';
import type { MetricRegistry } from '../metrics/registry.ts';
import { chooseFormat } from './content-negotiation.ts';
import { CONTENT_TYPES, isOpen, writeExposition } from './exposition.ts';
import { ExpositionPass } from './exposition-pass.ts';
import { sendExposition } from './exposition-response.ts';

export type MetricsHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** A scrape joins a writing that began so short a time ago; after that it wants newer values. */
const SHARED_MS = 1000;
/**
 * Writings that are kept at once. A scraper that reads slowly keeps what it has not read; with one more, those who read the oldest are cut
 * off, as a client that opens connections and reads a little now and then would have the process hold any number.
 */
const MAX_PASSES = 8;

export interface MetricsHandlerOptions {
  readonly logger?: Logger;
  /** Milliseconds of a monotonic clock; default `performance.now`. */
  readonly monotonicMs?: () => number;
  /** How long metrics of the user's may collect their values; then the scrape fails. Default 9 s. */
  readonly collectTimeoutMs?: number;
}

/**
 * A handler for Express or `node:http`. What goes wrong while the metrics are collected is logged with the metric's name, and answered
 * with 500; once something was sent, by cutting the connection, which a scraper takes for a failed scrape too.
 *
 * The event loop is held for about 1 ms at a time. Of a metric that is not Keepwatch's, prom-client reads all values in one go.
 */
export function createMetricsHandler(registry: MetricRegistry, options: MetricsHandlerOptions = {}): MetricsHandler {
  const { logger = silentLogger, monotonicMs = () => performance.now(), collectTimeoutMs } = options;
  const passes = new Map<string, ExpositionPass>();
  /** All that somebody still reads, oldest first. */
  const kept = new Set<ExpositionPass>();

  const keep = (pass: ExpositionPass): void => {
    const [oldest] = kept;
    kept.add(pass);
    if (oldest === undefined || kept.size <= MAX_PASSES) return;
    kept.delete(oldest);
    oldest.cut();
  };

  /** A writing that may be joined, or a new one. */
  const passOf = (contentType: string, write: () => AsyncIterable<string>): ExpositionPass => {
    const known = passes.get(contentType);
    if (known !== undefined && monotonicMs() - known.startedAtMs < SHARED_MS) return known;
    const pass: ExpositionPass = new ExpositionPass(write(), {
      monotonicMs,
      onEnd: () => {
        if (passes.get(contentType) === pass) passes.delete(contentType);
      },
      onLeft: () => kept.delete(pass),
    });
    keep(pass);
    passes.set(contentType, pass);
    return pass;
  };

  return (request, response) => {
    if (response.headersSent || response.destroyed) return;
    const { contentType, write } = chooseWriting(registry, request, collectTimeoutMs);
    sendExposition(request, response, passOf(contentType, write), contentType).catch((error: unknown) => {
      logger.error({ error: describeError(error) }, 'the metrics could not be collected');
      if (response.headersSent || response.destroyed) response.destroy();
      else sendFailure(response);
    });
  };
}

/** Another's registry that cannot be written in parts is asked for all of its text, whatever its type is. */
function chooseWriting(registry: MetricRegistry, { headers }: IncomingMessage, collectTimeoutMs: number | undefined) {
  if (!isOpen(registry)) return { contentType: registry.contentType, write: () => writeWhole(registry) };
  const format = chooseFormat(headers.accept);
  return { contentType: CONTENT_TYPES[format], write: () => writeExposition(registry, format, collectTimeoutMs) };
}

async function* writeWhole(registry: MetricRegistry): AsyncGenerator<string> {
  yield await registry.metrics();
}

function sendFailure(response: ServerResponse): void {
  const body = 'the metrics could not be collected\n';
  response.writeHead(500, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
  });
  response.end(body);
}
