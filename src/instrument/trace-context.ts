// W3C trace context of the executions of one process: ids as 32-bit words (no strings on the hot path), `traceparent` in and out.
import { randomFillSync } from 'node:crypto';
import type { SpanWords } from './ring.ts';

/** The span that an execution is. */
export interface Span extends SpanWords {
  /** The flags of `traceparent`: of the caller where there was one, else 1 (sampled). */
  readonly flags: number;
}

/** Ids as W3C hexadecimal text, for log lines. */
export interface TraceIds {
  readonly traceId: string;
  readonly spanId: string;
}

/** What an incoming `traceparent` says: the caller's span. */
export type RemoteParent = Pick<Span, 'trace0' | 'trace1' | 'trace2' | 'trace3' | 'span0' | 'span1' | 'flags'>;

const POOL_WORDS = 1024;
const SAMPLED = 1;

/** Makes spans. Random words come from a pool that is refilled 4 kB at a time: 16 random bytes per call cost 2 us. */
export class SpanSource {
  readonly #pool = new Int32Array(POOL_WORDS);
  #next = POOL_WORDS;

  /** A span below `parent`, or the root of a new trace. */
  create(parent: RemoteParent | undefined): Span {
    if (this.#next + 6 > POOL_WORDS) {
      randomFillSync(this.#pool);
      this.#next = 0;
    }
    if (parent === undefined) {
      const trace0 = this.#word();
      const trace1 = this.#word();
      const trace2 = this.#word();
      const trace3 = this.#word();
      return {
        trace0,
        trace1,
        trace2,
        trace3,
        span0: this.#word(),
        span1: this.#word(),
        parent0: 0,
        parent1: 0,
        hasParent: false,
        flags: SAMPLED,
      };
    }
    return {
      trace0: parent.trace0,
      trace1: parent.trace1,
      trace2: parent.trace2,
      trace3: parent.trace3,
      span0: this.#word(),
      span1: this.#word(),
      parent0: parent.span0,
      parent1: parent.span1,
      hasParent: true,
      flags: parent.flags,
    };
  }

  #word(): number {
    return this.#pool[this.#next++] as number;
  }
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-|$)/;

/**
 * Reads a `traceparent` header (https://www.w3.org/TR/trace-context/). Undefined unless it is well-formed: version ff, all-zero ids and,
 * in version 00, anything after the flags are refused; longer headers of later versions are read as far as they are known.
 */
export function parseTraceparent(header: unknown): RemoteParent | undefined {
  if (typeof header !== 'string' || header.length < 55 || header.length > 512) return undefined;
  const match = TRACEPARENT.exec(header);
  if (match === null) return undefined;
  const [, version, traceId = '', spanId = '', flags = ''] = match;
  if (version === 'ff' || (version === '00' && header.length !== 55)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return {
    trace0: word(traceId, 0),
    trace1: word(traceId, 8),
    trace2: word(traceId, 16),
    trace3: word(traceId, 24),
    span0: word(spanId, 0),
    span1: word(spanId, 8),
    flags: Number.parseInt(flags, 16) & SAMPLED,
  };
}

function word(hex: string, at: number): number {
  return Number.parseInt(hex.slice(at, at + 8), 16) | 0;
}

export function formatTraceIds(span: Span): TraceIds {
  return {
    traceId: hex(span.trace0) + hex(span.trace1) + hex(span.trace2) + hex(span.trace3),
    spanId: hex(span.span0) + hex(span.span1),
  };
}

/** The `traceparent` header that makes `span` the parent of what an outgoing call does. */
export function formatTraceparent(span: Span): string {
  const { traceId, spanId } = formatTraceIds(span);
  return `00-${traceId}-${spanId}-0${span.flags}`;
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
