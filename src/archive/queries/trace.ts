// One trace: its spans in the order in which they began, each with its place in the tree, and its log lines in the order of time.
import { loadSql } from '../../db/sql.ts';
import type { LogRow } from '../../log-row.ts';
import type { EventRow } from './events.ts';
import type { Ask } from './read-snapshot.ts';

export interface TraceQuery {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** A moment of the trace: its UTC day is searched instead of all that is kept, and the neighbour of what is within an hour of midnight. */
  readonly near?: Date | undefined;
  /** Spans at most: 1 to 5000. */
  readonly limit: number;
  /** Log lines at most: 0 to 5000. */
  readonly logLimit: number;
}

/** One span; times as ISO 8601 with microseconds, ids in hexadecimal. */
export interface Span extends Omit<EventRow, 'trace_id' | 'source_id'> {
  /** Milliseconds from the beginning of the trace. */
  readonly offset_ms: number;
  /** How many spans of this answer are above it; 0 at a root, and at a span whose parent is not here. */
  readonly depth: number;
  /** It names a parent that is not in this answer. */
  readonly is_parent_missing: boolean;
}

/** One log line of the trace; `span_id` names the span that was running. Time as ISO 8601 with microseconds. */
export interface TraceLine extends Omit<LogRow, 'trace_id' | 'source_id'> {
  /** Milliseconds from the beginning of the trace; below 0 for a line whose time is before it. */
  readonly offset_ms: number;
}

export interface Trace {
  readonly trace_id: string;
  /** The first start of a span; where there is none (yet), the first line. */
  readonly start_time: string;
  /** The last end of a span; where there is none, the last line. */
  readonly end_time: string;
  /** From `start_time` to `end_time`. */
  readonly duration_ms: number;
  /** In the order in which they began; of those that began together, a parent first. */
  readonly spans: readonly Span[];
  /** In the order of time; those of spans that run still, too. */
  readonly logs: readonly TraceLine[];
  readonly failures: number;
  /** Of spans and lines. */
  readonly services: readonly string[];
  /** Parents that spans name and that are not here: not archived (yet), of a service that Keepwatch does not see, or behind the limit. */
  readonly missing_span_ids: readonly string[];
  /** More spans than `limit` are there: these are the first. */
  readonly is_truncated: boolean;
  /** More lines than `logLimit` are there: these are the first. */
  readonly are_logs_truncated: boolean;
  /** What was searched; null: without a bound. */
  readonly searched: { readonly from: string | null; readonly to: string | null };
}

type SpanRow = Omit<Span, 'offset_ms' | 'depth' | 'is_parent_missing'> & { readonly start_us: number; readonly end_us: number };
type LineRow = Omit<TraceLine, 'offset_ms'> & { readonly time_us: number };

const DAY_MS = 86_400_000;
const NEIGHBOUR_MS = 3_600_000;
const preferIndexesSql = loadSql('archive/prefer-indexes');
const traceSql = loadSql('archive/trace');
const traceLogsSql = loadSql('archive/trace-logs');

/** Reads a trace; undefined where nothing is there of it, neither a span nor (unless `logLimit` is 0) a line. */
export async function readTrace(ask: Ask, { traceId, near, limit, logLimit }: TraceQuery): Promise<Trace | undefined> {
  // Whole partitions: of a part of one the planner would read all that is in the range.
  const from = near === undefined ? null : Math.floor((near.getTime() - NEIGHBOUR_MS) / DAY_MS) * DAY_MS;
  const to = near === undefined ? null : Math.floor((near.getTime() + NEIGHBOUR_MS) / DAY_MS + 1) * DAY_MS;
  // A partition without its bloom filter is a thousand times more to read, which the planner does not believe.
  await ask(preferIndexesSql, {});
  const foundSpans = await ask<SpanRow>(traceSql, { traceId, from, to, limit: limit + 1 });
  const foundLines = logLimit === 0 ? [] : await ask<LineRow>(traceLogsSql, { traceId, from, to, limit: logLimit + 1 });
  const rows = foundSpans.slice(0, limit);
  const lines = foundLines.slice(0, logLimit);
  const extent = extentOf(rows, lines);
  if (extent === undefined) return undefined;
  const spans = placeSpans(rows, extent.startUs);
  const missing = spans.flatMap((span) => (span.is_parent_missing && span.parent_span_id !== null ? [span.parent_span_id] : []));
  return {
    trace_id: traceId,
    start_time: extent.start,
    end_time: extent.end,
    duration_ms: (extent.endUs - extent.startUs) / 1000,
    spans,
    logs: lines.map(({ time_us, ...line }) => ({ ...line, offset_ms: (time_us - extent.startUs) / 1000 })),
    failures: spans.filter(({ status }) => status === 'failure').length,
    services: [...new Set([...spans, ...lines].map(({ service }) => service))].sort(),
    missing_span_ids: [...new Set(missing)].sort(),
    is_truncated: foundSpans.length > limit,
    are_logs_truncated: foundLines.length > logLimit && logLimit > 0,
    searched: { from: toIso(from), to: toIso(to) },
  };
}

interface Extent {
  readonly start: string;
  readonly startUs: number;
  readonly end: string;
  readonly endUs: number;
}

/** From the first start to the last end of the spans; without spans, from the first line to the last. Both come in order of their begin. */
function extentOf(spans: readonly SpanRow[], lines: readonly LineRow[]): Extent | undefined {
  const moments =
    spans.length > 0
      ? spans.map((span) => ({ start: span.start_time, startUs: span.start_us, end: span.end_time, endUs: span.end_us }))
      : lines.map((line) => ({ start: line.time, startUs: line.time_us, end: line.time, endUs: line.time_us }));
  const [first] = moments;
  if (first === undefined) return undefined;
  const last = moments.reduce((a, b) => (b.endUs > a.endUs ? b : a));
  return { start: first.start, startUs: first.startUs, end: last.end, endUs: last.endUs };
}

function toIso(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}

/** Gives every span its depth. Parents that go in a circle (ids that were made up) end where they meet. */
function placeSpans(rows: readonly SpanRow[], startUs: number): Span[] {
  const parents = new Map(rows.flatMap((row) => (row.span_id === null ? [] : [[row.span_id, row.parent_span_id] as const])));
  const depths = new Map<string, number>();
  const depthOf = (spanId: string): number => {
    const path: string[] = [];
    const onPath = new Set<string>();
    let at: string | null | undefined = spanId;
    while (at !== null && at !== undefined && parents.has(at) && !depths.has(at) && !onPath.has(at)) {
      path.push(at);
      onPath.add(at);
      at = parents.get(at);
    }
    let depth = at !== null && at !== undefined && depths.has(at) ? (depths.get(at) ?? 0) + 1 : 0;
    for (const id of path.reverse()) depths.set(id, depth++);
    return depths.get(spanId) ?? 0;
  };
  const placed = rows.map((row) => {
    const { start_us, end_us: _, ...span } = row;
    const depth = row.span_id === null ? 0 : depthOf(row.span_id);
    const isParentMissing = row.parent_span_id !== null && !parents.has(row.parent_span_id);
    return { ...span, offset_ms: (start_us - startUs) / 1000, depth, is_parent_missing: isParentMissing };
  });
  return placed.sort((a, b) => a.offset_ms - b.offset_ms || a.depth - b.depth);
}
