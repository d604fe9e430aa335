// What a line of a day file says of a person, found to be overwritten in place: its error and metadata give way to shorter values and blanks, so that
// not a byte moves, whoever appends to the file meanwhile.
import { memberRange } from '../member-text.ts';
import { ERASED_KEY } from '../storable-text.ts';
import { parseTime } from './parse-event.ts';

/** Whose events are asked for. */
export interface LineMatcher {
  matches(metadata: unknown): boolean;
  /** Whether bytes that no event can be read from seem to hold what is asked for. */
  mayHold(bytes: Buffer): boolean;
}

/** Of the end of events, in milliseconds since the epoch: half-open. */
export interface EraseRange {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Bytes that get another content: the text, then blanks. */
export interface Overwrite {
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

const DAY_MS = 86_400_000;
const ERASED_METADATA = `{"${ERASED_KEY}":true}`;
/** The first one that has room; of what others wrote there, no text, too. */
const ERASED_ERRORS = ['"erased"', '""'];

/**
 * @param line without its end
 * @param day of its file, for a line that does not tell when it ended
 * @returns what to overwrite, `at` counted from the begin of the line; none when it is not asked for; undefined when it is no object of JSON
 */
export function eraseLine(line: Buffer, day: string, matcher: LineMatcher, range: EraseRange): readonly Overwrite[] | undefined {
  const given = parseObject(line.toString());
  if (given === undefined) return undefined;
  const { metadata, error } = given;
  if (typeof metadata !== 'object' || metadata === null || Object.hasOwn(metadata, ERASED_KEY)) return [];
  if (!matcher.matches(metadata) || !isInRange(given, day, range)) return [];
  // Units of latin1 are bytes.
  const text = line.toString('latin1');
  return [
    ...overwrite(text, 'error', error === undefined || error === null ? [] : ERASED_ERRORS),
    ...overwrite(text, 'metadata', [ERASED_METADATA, '{}']),
  ];
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const given: unknown = JSON.parse(text);
    return typeof given === 'object' && given !== null && !Array.isArray(given) ? (given as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isInRange({ end_time, ended_at }: Record<string, unknown>, day: string, { fromMs, untilMs }: EraseRange): boolean {
  const end = parseTime(end_time ?? ended_at);
  if (end !== undefined) return Date.parse(end) >= fromMs && Date.parse(end) < untilMs;
  const dayMs = Date.parse(day);
  return dayMs >= fromMs && dayMs + DAY_MS <= untilMs;
}

/** By the first of the texts that has room. */
function overwrite(line: string, member: string, texts: readonly string[]): readonly Overwrite[] {
  const range = memberRange(line, member);
  if (range === undefined) return [];
  const length = range.to - range.from;
  const text = texts.find((each) => each.length <= length);
  return text === undefined ? [] : [{ at: range.from, length, text }];
}
