// The events that every way into Postgres has to store: names of about 21 bytes, metadata of about 104, trace and span ids, 2 % failures.
import { createRandom } from '../../demo/random.ts';
import type { EventStatus } from '../../src/event.ts';

/** One event, in the terms of the archive's table. */
export interface ReferenceEvent {
  readonly id: string;
  readonly name: string;
  readonly status: EventStatus;
  /** Milliseconds since the epoch, whole microseconds. */
  readonly endMs: number;
  readonly durationMs: number;
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly error: string | undefined;
  /** JSON members without braces, of all events of the same name. */
  readonly seriesMetadata: string;
  /** JSON members without braces, of this event. */
  readonly ownMetadata: string;
}

export const TYPE = 'api';
export const SERVICE = 'chat-api';
export const SOURCE_ID = '4611686018427387';
const ROUTES = ['users', 'orders', 'invoices', 'messages', 'documents', 'shipments', 'teams', 'reports', 'comments', 'agents'];
const METHODS = ['GET', 'PUT', 'POST', 'PATCH', 'DELETE'];
const SPREAD_MS = 10_000;

/**
 * The same events for the same arguments: the last 10 s before `untilMs`, evenly, oldest first, 5 events to a trace.
 * @param series how many names they have, a multiple of 50
 */
export function createReferenceEvents(count: number, untilMs: number, series = 50): ReferenceEvent[] {
  const random = createRandom(42).next;
  const routes = createRoutes(series / METHODS.length);
  let traceId = '';
  return Array.from({ length: count }, (_, index) => {
    if (index % 5 === 0) traceId = randomHex(random, 16);
    const endMs = Math.round((untilMs - SPREAD_MS + (SPREAD_MS * index) / count) * 1000) / 1000;
    const method = METHODS[Math.floor(random() * METHODS.length)] ?? 'GET';
    const route = routes[Math.floor(random() * routes.length)] ?? '';
    const isFailure = random() < 0.02;
    const statusCode = isFailure ? 500 : 200;
    return {
      id: uuidV7(endMs, random),
      name: `${method} ${route}`,
      status: isFailure ? 'failure' : 'success',
      endMs,
      durationMs: Math.round(random() * 250_000) / 1000,
      traceId,
      spanId: randomHex(random, 8),
      parentSpanId: randomHex(random, 8),
      error: isFailure ? 'UpstreamError: the provider did not answer' : undefined,
      seriesMetadata: `"http_request_method":"${method}","http_route":"${route}"`,
      ownMetadata: `"status":${statusCode},"user":"u-${Math.floor(random() * 9000) + 1000}","bytes":${Math.floor(random() * 9000) + 1000}`,
    };
  });
}

function createRoutes(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const version = Math.floor(index / ROUTES.length);
    return `/api/${ROUTES[index % ROUTES.length]}${version === 0 ? '' : version.toString(36)}/:id`;
  });
}

/** `2026-11-20 12:00:00.123456+00`: keeps the microseconds that a Date would lose. */
export function timestampOf(ms: number): string {
  const micros = Math.round(ms * 1000);
  const instant = new Date(Math.floor(micros / 1000)).toISOString();
  return `${instant.slice(0, 23).replace('T', ' ')}${String(micros % 1000).padStart(3, '0')}+00`;
}

/** 32 hexadecimal digits as Postgres writes a uuid. */
export function uuidOf(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function uuidV7(ms: number, random: () => number): string {
  const noise = randomHex(random, 12);
  const variant = (8 + Math.floor(random() * 4)).toString(16);
  return uuidOf(`${Math.floor(ms).toString(16).padStart(12, '0')}7${noise.slice(0, 3)}${variant}${noise.slice(3, 18)}`);
}

function randomHex(random: () => number, bytes: number): string {
  let hex = '';
  while (hex.length < bytes * 2)
    hex += Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  return hex;
}
