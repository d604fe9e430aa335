// A line of a day file to the event that it holds, whoever wrote it.
import { EVENT_STATUSES, EVENT_TYPES } from '../event.ts';
import type { EventRow } from '../event-row.ts';

const TYPES: ReadonlySet<unknown> = new Set(EVENT_TYPES);
const STATUSES: ReadonlySet<unknown> = new Set(EVENT_STATUSES);
const TIME = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?Z$/;

/** @returns undefined when it is none: cut off, damaged, or something else */
export function parseEvent(line: string): EventRow | undefined {
  let given: Partial<Record<keyof EventRow, unknown>> | null;
  try {
    given = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof given !== 'object' || given === null) return undefined;
  const { id, name, type, status, duration_ms, service, metadata = {}, weight = 1, source_id } = given;
  const start_time = parseTime(given.start_time);
  const end_time = parseTime(given.end_time);
  const { trace_id = null, span_id = null, parent_span_id = null, error = null } = given;
  if (![id, name, service, source_id].every((text) => typeof text === 'string')) return undefined;
  if (![trace_id, span_id, parent_span_id, error].every((text) => text === null || typeof text === 'string')) return undefined;
  if (!TYPES.has(type) || !STATUSES.has(status) || start_time === undefined || end_time === undefined) return undefined;
  if (!isNumberFrom(0, duration_ms) || !isNumberFrom(1, weight)) return undefined;
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return undefined;
  const times = { start_time, end_time, duration_ms, service };
  const ids = { trace_id, span_id, parent_span_id, error };
  return { id, name, type, status, ...times, ...ids, metadata, weight, source_id } as EventRow;
}

/** With microseconds, so that the order of the texts is that of the moments. @returns undefined when it is no time in UTC as we write it */
export function parseTime(given: unknown): string | undefined {
  const [, seconds, fraction = ''] = typeof given === 'string' ? (TIME.exec(given) ?? []) : [];
  if (seconds === undefined || Number.isNaN(Date.parse(`${seconds}Z`))) return undefined;
  return `${seconds}.${fraction.padEnd(6, '0')}Z`;
}

function isNumberFrom(min: number, given: unknown): boolean {
  return typeof given === 'number' && Number.isFinite(given) && given >= min;
}
