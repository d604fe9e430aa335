// Checks the values of command-line options. A bad one says what was given and what is allowed.
import { InvalidArgumentError } from 'commander';
import { DURATION_FORM, formatDuration, parseDuration } from '../units.ts';

/** For `--limit`, `--days`, `--port`: a whole number in a range. */
export function integerBetween(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < min || number > max)
      throw new InvalidArgumentError(`allowed: a whole number from ${min} to ${max}.`);
    return number;
  };
}

/** For rates and shares: any number in a range. */
export function numberBetween(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (text.trim() === '' || !(number >= min && number <= max))
      throw new InvalidArgumentError(`allowed: a number from ${min} to ${max}.`);
    return number;
  };
}

/** For `--keep 30d`: a duration. @returns milliseconds */
export function durationOf(minMs: number): (text: string) => number {
  return (text) => {
    const ms = parseDuration(text);
    if (ms === undefined || !(ms >= minMs && ms <= MAX_BACK_MS))
      throw new InvalidArgumentError(`allowed: ${DURATION_FORM}; at least ${formatDuration(minMs)}.`);
    return ms;
  };
}

const MAX_BACK_MS = 36_500 * 86_400_000;
const MAX_TIME_MS = Date.UTC(9999, 0, 1);
/** RFC 3339 from the day on; where no zone is named it is UTC. */
const TIME = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/i;

/** For `--from` and `--to`: a time, a day (its beginning, in UTC), or how long ago. */
export function timeBefore(nowMs: number): (text: string) => Date {
  return timeBy((ms) => nowMs - ms, 'how long ago (90m, 7d)');
}

/** For `--until`: a time, a day (its beginning, in UTC), or how long from now on. */
export function timeAfter(nowMs: number): (text: string) => Date {
  return timeBy((ms) => nowMs + ms, 'how long from now on (90m, 7d)');
}

function timeBy(fromDuration: (ms: number) => number, allowed: string): (text: string) => Date {
  return (text) => {
    const durationMs = parseDuration(text);
    const match = TIME.exec(text.trim());
    const zoned = match !== null && match[1] === undefined && text.trim().length > 10 ? `${text.trim()}Z` : text.trim();
    const written = match === null ? Number.NaN : Date.parse(zoned.replace(' ', 'T'));
    const ms = durationMs === undefined ? written : fromDuration(durationMs);
    if (!(ms >= 0 && ms < MAX_TIME_MS))
      throw new InvalidArgumentError(
        `allowed: a day (2026-11-20), a time (2026-11-20T12:00:00Z; UTC unless it names a zone), or ${allowed}.`,
      );
    return new Date(ms);
  };
}
