// The W3C headers `traceparent` and `tracestate` as text: read and written (https://www.w3.org/TR/trace-context/). Nothing here throws.
import { formatTraceIds, KNOWN_FLAGS, type RemoteParent, readHex, type SpanId } from './trace-context.ts';

/** Longer ones are dropped whole: the specification asks to carry at least this many characters. */
const MAX_TRACESTATE_LENGTH = 512;
const MAX_TRACESTATE_MEMBERS = 32;
/** Headers of later versions may be longer than ours; those beyond this are refused. */
const MAX_TRACEPARENT_LENGTH = 512;
const TRACEPARENT_LENGTH = 55;
const HYPHEN = 0x2d;

/** As level 2 of the specification has it, which takes all that level 1 took. */
const TRACESTATE_KEY = /^[a-z0-9][a-z0-9_\-*/@]{0,255}$/;
const TRACESTATE_VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
/** Optional white space of HTTP: spaces and tabs. */
const OUTER_SPACE = /^[ \t]+|[ \t]+$/g;

/**
 * Reads a `traceparent` header: the caller's span. Undefined unless it is well-formed: version ff, upper case, all-zero ids and, in version
 * 00, anything after the flags are refused, as are several headers (Node joins them by a comma); longer headers of later versions are read
 * as far as they are known.
 */
export function parseTraceparent(header: unknown): RemoteParent | undefined {
  if (typeof header !== 'string' || header.length < TRACEPARENT_LENGTH || header.length > MAX_TRACEPARENT_LENGTH)
    return undefined;
  const text = header.length === TRACEPARENT_LENGTH ? header : header.replace(OUTER_SPACE, '');
  if (!isWellFormed(text)) return undefined;
  const flags = readHex(text, 53, 2);
  const trace0 = readHex(text, 3);
  const trace1 = readHex(text, 11);
  const trace2 = readHex(text, 19);
  const trace3 = readHex(text, 27);
  const span0 = readHex(text, 36);
  const span1 = readHex(text, 44);
  if (Number.isNaN(flags + trace0 + trace1 + trace2 + trace3 + span0 + span1)) return undefined;
  if ((trace0 | trace1 | trace2 | trace3) === 0 || (span0 | span1) === 0) return undefined;
  return { trace0, trace1, trace2, trace3, span0, span1, flags: flags & KNOWN_FLAGS, outside: undefined };
}

/** Version, hyphens and length; the ids are not looked at. */
function isWellFormed(text: string): boolean {
  if (text.charCodeAt(2) !== HYPHEN || text.charCodeAt(35) !== HYPHEN || text.charCodeAt(52) !== HYPHEN) return false;
  const version = readHex(text, 0, 2);
  if (Number.isNaN(version) || version === 0xff) return false;
  return text.length === TRACEPARENT_LENGTH || (version > 0 && text.charCodeAt(TRACEPARENT_LENGTH) === HYPHEN);
}

/** The header that makes `span` the parent of what an outgoing call does. */
export function formatTraceparent(span: SpanId): string {
  const { traceId, spanId } = formatTraceIds(span);
  return `00-${traceId}-${spanId}-0${span.flags & KNOWN_FLAGS}`;
}

/** Headers that carry a trace on. */
export interface TraceHeaders {
  readonly traceparent?: string;
  readonly tracestate?: string;
}

export function formatTraceHeaders(span: RemoteParent): TraceHeaders {
  const traceparent = formatTraceparent(span);
  const tracestate = span.outside?.traceState;
  return tracestate === undefined ? { traceparent } : { traceparent, tracestate };
}

/**
 * A `tracestate` header, to be carried on as it is (several headers: joined by commas, as Node does). Undefined when there is nothing to
 * carry; false when it is malformed, or has more than 512 characters or 32 members: then it is dropped whole. Keys that stand there twice
 * are the business of who reads them.
 */
export function parseTracestate(header: unknown): string | undefined | false {
  if (header === undefined) return undefined;
  if (typeof header !== 'string' || header.length > MAX_TRACESTATE_LENGTH) return false;
  let members = 0;
  for (const part of header.split(',')) {
    const member = part.replace(OUTER_SPACE, '');
    // Empty members are allowed, and mean nothing.
    if (member === '') continue;
    const equals = member.indexOf('=');
    if (!TRACESTATE_KEY.test(member.slice(0, Math.max(equals, 0))) || !TRACESTATE_VALUE.test(member.slice(equals + 1)))
      return false;
    if (++members > MAX_TRACESTATE_MEMBERS) return false;
  }
  return members === 0 ? undefined : header;
}
