// Which events a question is about, and a mark that tells one question from another.
import { createHash } from 'node:crypto';

/** Half-open: `from` belongs to it, `to` does not. */
export interface TimeRange {
  readonly from: Date;
  readonly to: Date;
}

/** What an event has to be; everything that is given has to hold. */
export interface EventFilter {
  readonly type?: string | undefined;
  /** One of them. */
  readonly names?: readonly string[] | undefined;
  readonly service?: string | undefined;
  readonly status?: string | undefined;
  /** At least so long. */
  readonly minDurationMs?: number | undefined;
  /** At most so long. */
  readonly maxDurationMs?: number | undefined;
  /** 32 hexadecimal digits. */
  readonly traceId?: string | undefined;
  /** Part of its error, as it stands there. */
  readonly error?: string | undefined;
  /** Members of its metadata, compared as text. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Members that its metadata has, whatever their value. */
  readonly metadataKeys?: readonly string[] | undefined;
}

/** The parameters of sql/archive/events.sql; what is not asked for is null. */
export function filterValues(filter: EventFilter) {
  const { metadata, metadataKeys = [] } = filter;
  return {
    type: filter.type ?? null,
    names: filter.names?.length ? filter.names : null,
    service: filter.service ?? null,
    status: filter.status ?? null,
    minDurationMs: filter.minDurationMs ?? null,
    maxDurationMs: filter.maxDurationMs ?? null,
    traceId: filter.traceId ?? null,
    error: filter.error ?? null,
    metadata: metadata === undefined || Object.keys(metadata).length === 0 ? null : JSON.stringify(metadata),
    metadataKeys: metadataKeys.length === 0 ? null : metadataKeys,
  };
}

/** The same for equal filters, in whatever order their names and members were given. */
export function hashFilter(filter: EventFilter): string {
  const { names, metadata, metadataKeys } = filter;
  const canonical = {
    ...filterValues(filter),
    names: names?.toSorted() ?? [],
    metadata: Object.entries(metadata ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
    metadataKeys: metadataKeys?.toSorted() ?? [],
  };
  return createHash('sha256').update(JSON.stringify(canonical)).digest('base64url').slice(0, 16);
}
