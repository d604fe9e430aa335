// A line of JSON, as pino and its like write it, to what is archived of it: bounded, without what lists deny and redaction takes out. Whatever
// the text is, there is a line: what is no JSON is a message. Never throws.
import { hostname } from 'node:os';
import { LOG_LEVELS, type LogLine, MAX_LOG_LEVEL } from '../../log.ts';
import { TRUNCATED_MARK } from '../../storable-text.ts';
import { boundedMembers, joinMembers } from '../bounded-json.ts';
import { boundText } from '../bounded-text.ts';
import type { Redact } from '../error-redaction.ts';
import type { MetadataKeys } from '../metadata-keys.ts';
import type { GivenLine } from './log-queue.ts';

/** Longest message, in UTF-16 units. */
export const MAX_MESSAGE_LENGTH = 8000;
const MAX_LOGGER_LENGTH = 200;
/** Errors inside of errors that are redacted. */
const MAX_DEPTH = 8;
/** Members that have columns of their own. */
const COLUMNS = ['level', 'time', 'msg', 'name', 'trace_id', 'span_id', 'trace_flags'];
const HOSTNAME = hostname();
const TRACE_ID = /^(?!0{32})[\da-f]{32}$/;
const SPAN_ID = /^(?!0{16})[\da-f]{16}$/;
/** Numbers below are seconds since the epoch, above of the second one microseconds, of the third one nanoseconds. */
const MIN_MS = 1e11;
const MIN_US = 1e14;
const MIN_NS = 1e17;

export interface ParseOptions {
  readonly service: string;
  /** Which members are kept; undefined: all. */
  readonly keys: MetadataKeys | undefined;
  /** For the texts of errors, and the messages of lines that tell of one. */
  readonly redact: Redact;
}

type Members = Record<string, unknown>;

export function parseLine(given: GivenLine, options: ParseOptions): LogLine {
  const members = readMembers(given.text);
  if (members === undefined) return readText(given, options);
  const level = readLevel(members['level']);
  const hasError = redactErrors(members, options.redact, 0);
  const messageKey = typeof members['msg'] === 'string' ? 'msg' : 'message';
  const text = members[messageKey];
  const message = typeof text === 'string' ? text : '';
  const isOwn = members['pid'] === process.pid && members['hostname'] === HOSTNAME;
  const keepsLevel = level === undefined && members['level'] !== undefined;
  const omitted = [
    ...COLUMNS.filter((key) => !(keepsLevel && key === 'level')),
    ...(messageKey === 'message' && typeof text === 'string' ? ['message'] : []),
    ...(isOwn ? ['pid', 'hostname'] : []),
  ];
  const { members: attributes } = boundedMembers(members, { omitted, keys: options.keys });
  const traceId = matching(members['trace_id'], TRACE_ID);
  const spanId = matching(members['span_id'], SPAN_ID);
  return finish(
    { message, isOfError: hasError || (level ?? 0) >= LOG_LEVELS.error, attributes },
    {
      timeMs: readTime(members['time']) ?? given.nowMs,
      level: level ?? LOG_LEVELS.info,
      logger: typeof members['name'] === 'string' ? boundText(members['name'], MAX_LOGGER_LENGTH) : undefined,
      service: options.service,
      // A line that names a trace is of that one, whatever wrote it here.
      traceId: traceId ?? given.traceId,
      spanId: traceId === undefined ? given.spanId : spanId,
    },
    options.redact,
  );
}

/** What is no JSON. */
function readText({ text, nowMs, level, traceId, spanId }: GivenLine, { service, redact }: ParseOptions): LogLine {
  const line = { timeMs: nowMs, level: level ?? LOG_LEVELS.info, logger: undefined, service, traceId, spanId };
  return finish({ message: text, isOfError: line.level >= LOG_LEVELS.error, attributes: '' }, line, redact);
}

interface Content {
  readonly message: string;
  readonly isOfError: boolean;
  readonly attributes: string;
}

function finish(content: Content, line: Omit<LogLine, 'message' | 'attributes'>, redact: Redact): LogLine {
  // Cut twice: what redaction looks for may begin before the end of what is kept.
  const start = content.message.slice(0, 2 * MAX_MESSAGE_LENGTH);
  const message = boundText(content.isOfError ? redact(start) : start, MAX_MESSAGE_LENGTH);
  const isCut = content.message.length > MAX_MESSAGE_LENGTH && !content.attributes.includes(TRUNCATED_MARK);
  return { ...line, message, attributes: isCut ? joinMembers(content.attributes, TRUNCATED_MARK) : content.attributes };
}

function readMembers(text: string): Members | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as Members;
  } catch {
    return undefined;
  }
}

/** A number, or a name that has one; undefined: neither. */
function readLevel(level: unknown): number | undefined {
  if (typeof level === 'number' && Number.isFinite(level)) return Math.max(0, Math.min(MAX_LOG_LEVEL, Math.round(level)));
  const name = typeof level === 'string' ? level.toLowerCase() : '';
  return Object.hasOwn(LOG_LEVELS, name) ? LOG_LEVELS[name as keyof typeof LOG_LEVELS] : undefined;
}

function readTime(time: unknown): number | undefined {
  if (typeof time === 'string') {
    const timeMs = Date.parse(time);
    return Number.isNaN(timeMs) ? undefined : timeMs;
  }
  if (typeof time !== 'number' || !(time > 0)) return undefined;
  if (time < MIN_MS) return time * 1000;
  if (time < MIN_US) return time;
  return time < MIN_NS ? time / 1000 : time / 1e6;
}

function matching(text: unknown, form: RegExp): string | undefined {
  return typeof text === 'string' && form.test(text) ? text : undefined;
}

/** Redacts, in place, the texts of whatever has a stack: errors as serializers write them, those inside of them too. @returns whether any has */
function redactErrors(value: unknown, redact: Redact, depth: number): boolean {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return false;
  let hasError = false;
  const members = value as Members;
  if (typeof members['stack'] === 'string') {
    hasError = true;
    members['stack'] = redact(members['stack'].slice(0, MAX_MESSAGE_LENGTH));
    if (typeof members['message'] === 'string') members['message'] = redact(members['message'].slice(0, MAX_MESSAGE_LENGTH));
  }
  for (const key of Object.keys(members)) {
    if (redactErrors(members[key], redact, depth + 1)) hasError = true;
  }
  return hasError;
}
