// One line of a file that is imported, to an event: the lines of `keepwatch export` and of the JSONL store, and those of older collectors
// that wrote `started_at` and `ended_at`. What is not as it should be is named, with what is allowed.
import { EVENT_STATUSES, EVENT_TYPES, type EventStatus, type EventType } from '../../event.ts';
import { MAX_NAME_LENGTH, MAX_WEIGHT } from '../../event-bounds.ts';
import { memberText } from '../../member-text.ts';
import { REPLACED_MARK, storableMembers, storableText } from '../../storable-text.ts';
import { EVENT_COLUMNS } from './event-columns.ts';
import { parseTimestamp } from './parse-timestamp.ts';

/** Times are microseconds since the epoch. */
export interface ImportedEvent {
  /** 32 hexadecimal digits; undefined: one is to be made. */
  readonly id: string | undefined;
  readonly name: string;
  readonly type: EventType;
  readonly status: EventStatus;
  readonly startUs: number;
  readonly endUs: number;
  readonly durationMs: number;
  readonly service: string;
  /** Ids in hexadecimal. */
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  readonly parentSpanId: string | undefined;
  readonly error: string | undefined;
  readonly weight: number;
  /** A JSON object. */
  readonly metadata: string;
  /** That recorded it, where the line says so. */
  readonly sourceId: string | undefined;
}

/** What lines lack. */
export interface LineDefaults {
  readonly service: string;
  readonly type: EventType;
  /** Events that end later are none. */
  readonly latestUs: number;
}

/** What is wrong with a line; the message names the member, what was given, what is allowed. */
export class LineProblem extends Error {
  override readonly name = 'LineProblem';
}

const MAX_ID = 9_223_372_036_854_775_807n;
const OWN_MEMBERS: ReadonlySet<string> = new Set(EVENT_COLUMNS);
const COLLECTOR_MEMBERS = new Set(['name', 'started_at', 'ended_at', 'duration_ms', 'status', 'metadata', 'error']);
/** How the collectors of other tools name the statuses. */
const COLLECTOR_STATUSES: Readonly<Record<string, EventStatus>> = { failed: 'failure', error: 'failure', cancelled: 'aborted' };

type Members = Readonly<Record<string, unknown>>;

/** @throws LineProblem */
export function parseEventLine(line: string, defaults: LineDefaults): ImportedEvent {
  const members = parseObject(line);
  const isCollectors = 'started_at' in members || 'ended_at' in members;
  const allowed = isCollectors ? COLLECTOR_MEMBERS : OWN_MEMBERS;
  const unknown = Object.keys(members).find((name) => !allowed.has(name));
  if (unknown !== undefined) throw new LineProblem(`unknown member ${show(unknown)}; allowed: ${[...allowed].join(', ')}`);
  const given = isCollectors ? { ...members, start_time: members['started_at'], end_time: members['ended_at'] } : members;
  const times = timesOf(given, isCollectors ? ['started_at', 'ended_at'] : ['start_time', 'end_time'], defaults);
  const texts = [
    storableText(textOf(members, 'name', MAX_NAME_LENGTH), MAX_NAME_LENGTH),
    storableText(optionalText(members, 'service', MAX_NAME_LENGTH) ?? defaults.service, MAX_NAME_LENGTH),
    storableText(optionalText(members, 'error') ?? '', Infinity),
  ] as const;
  const [name, service, error] = texts;
  const metadata = metadataOf(
    line,
    members,
    texts.some(({ isReplaced }) => isReplaced),
  );
  return {
    id: hexOf(members, 'id', /^[\da-f]{8}-?([\da-f]{4}-?){3}[\da-f]{12}$/i, 'a uuid')
      ?.replaceAll('-', '')
      .toLowerCase(),
    name: name.text,
    type: isCollectors ? collectorType(members, defaults) : typeOf(members, defaults),
    status: statusOf(members, isCollectors),
    ...times,
    service: service.text,
    traceId: hexOf(members, 'trace_id', /^[\da-f]{32}$/i, '32 hexadecimal digits'),
    spanId: hexOf(members, 'span_id', /^[\da-f]{16}$/i, '16 hexadecimal digits'),
    parentSpanId: hexOf(members, 'parent_span_id', /^[\da-f]{16}$/i, '16 hexadecimal digits'),
    error: members['error'] === undefined || members['error'] === null ? undefined : error.text,
    weight: weightOf(members),
    metadata,
    sourceId: sourceOf(members),
  };
}

function parseObject(line: string): Members {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new LineProblem(`no JSON: ${show(line)}; allowed: one JSON object a line`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new LineProblem(`got ${show(value)}; allowed: one JSON object a line`);
  return value as Members;
}

function timesOf(
  members: Members,
  [startName, endName]: readonly [string, string],
  { latestUs }: LineDefaults,
): Pick<ImportedEvent, 'startUs' | 'endUs' | 'durationMs'> {
  const start = timeOf(members['start_time'], startName);
  const duration = members['duration_ms'] ?? undefined;
  if (duration !== undefined && !(typeof duration === 'number' && duration >= 0 && duration < 1e15))
    throw bad('duration_ms', duration, 'milliseconds, 0 or more');
  const durationUs = duration === undefined ? undefined : Math.round(duration * 1000);
  const endUs =
    timeOf(members['end_time'], endName) ?? (start !== undefined && durationUs !== undefined ? start + durationUs : undefined);
  if (endUs === undefined) throw bad(endName, members['end_time'], `a time; without it, ${startName} and duration_ms`);
  if (endUs > latestUs) throw bad(endName, members['end_time'], 'a time that is not ahead of now');
  const startUs = start ?? (durationUs === undefined ? undefined : endUs - durationUs);
  if (startUs === undefined) throw bad(startName, members['start_time'], 'a time; without it, duration_ms');
  if (startUs > endUs || startUs < 0) throw bad(startName, members['start_time'] ?? duration, `a time from 1970 to ${endName}`);
  return { startUs, endUs, durationMs: duration ?? (endUs - startUs) / 1000 };
}

function timeOf(given: unknown, name: string): number | undefined {
  if (given === undefined || given === null) return undefined;
  const us = typeof given === 'string' ? parseTimestamp(given) : undefined;
  if (us === undefined || us < 0) throw bad(name, given, 'a time from 1970 on, for example 2026-11-20T12:00:00.123456Z');
  return us;
}

function typeOf(members: Members, { type }: LineDefaults): EventType {
  const given = members['type'] ?? type;
  const found = EVENT_TYPES.find((each) => each === given);
  if (found === undefined) throw bad('type', given, EVENT_TYPES.join(', '));
  return found;
}

/** The collectors know no types, but people put one into the metadata; what is none of ours stays there and says nothing. */
function collectorType({ metadata }: Members, { type }: LineDefaults): EventType {
  const given = (metadata as { type?: unknown } | null | undefined)?.type;
  return EVENT_TYPES.find((each) => each === given) ?? type;
}

function statusOf(members: Members, isCollectors: boolean): EventStatus {
  const { status: given } = members;
  const known = isCollectors && typeof given === 'string' ? (COLLECTOR_STATUSES[given] ?? given) : given;
  const found = EVENT_STATUSES.find((each) => each === known);
  if (found !== undefined) return found;
  throw bad('status', given, [...EVENT_STATUSES, ...(isCollectors ? Object.keys(COLLECTOR_STATUSES) : [])].join(', '));
}

function textOf(members: Members, name: string, maxLength = Infinity): string {
  const { [name]: given } = members;
  if (typeof given === 'string' && given !== '' && given.length <= maxLength) return given;
  throw bad(name, given, `a text of 1 to ${maxLength} characters`);
}

function optionalText(members: Members, name: string, maxLength?: number): string | undefined {
  const { [name]: given } = members;
  if (given === undefined || given === null) return undefined;
  if (maxLength !== undefined) return textOf(members, name, maxLength);
  if (typeof given !== 'string') throw bad(name, given, 'a text, or null');
  return given;
}

function hexOf(members: Members, name: string, form: RegExp, what: string): string | undefined {
  const { [name]: given } = members;
  if (given === undefined || given === null) return undefined;
  if (typeof given !== 'string' || !form.test(given)) throw bad(name, given, `${what}, or null`);
  return given;
}

function weightOf({ weight = 1 }: Members): number {
  if (typeof weight === 'number' && Number.isInteger(weight) && weight >= 1 && weight <= MAX_WEIGHT) return weight;
  throw bad('weight', weight, `a whole number from 1 to ${MAX_WEIGHT}`);
}

function sourceOf({ source_id: given }: Members): string | undefined {
  if (given === undefined || given === null) return undefined;
  const text = typeof given === 'number' && Number.isSafeInteger(given) ? String(given) : given;
  if (typeof text === 'string' && /^\d{1,19}$/.test(text) && BigInt(text) <= MAX_ID) return text;
  throw bad('source_id', given, 'a whole number of 63 bits, as text');
}

/** As it stands in the line, but for what Postgres cannot store. */
function metadataOf(line: string, { metadata: given }: Members, isMarked: boolean): string {
  if (given !== undefined && given !== null && (typeof given !== 'object' || Array.isArray(given)))
    throw bad('metadata', given, 'an object, or null');
  const text = given === undefined || given === null ? '{}' : (memberText(line, 'metadata') ?? '{}');
  const { text: storable, isReplaced } = text.includes('\\') ? storableMembers(text, Infinity) : { text, isReplaced: false };
  if (!isReplaced && !isMarked) return storable;
  const members = storable.slice(1, -1).trim();
  return `{${members}${members === '' ? '' : ','}${REPLACED_MARK}}`;
}

function bad(name: string, given: unknown, allowed: string): LineProblem {
  return new LineProblem(`${name}: ${given === undefined ? 'missing' : `got ${show(given)}`}; allowed: ${allowed}`);
}

/** In at most 60 characters, none of which a terminal obeys. */
function show(given: unknown): string {
  const text = JSON.stringify(given) ?? String(given);
  return (text.length > 60 ? `${text.slice(0, 59)}…` : text).replace(/\p{Cc}/gu, '\u{fffd}');
}
