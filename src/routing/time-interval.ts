// Time intervals in which nobody is told, or only in which somebody is: nights, weekends, opening hours. Words and meaning are
// Alertmanager's. Source: https://prometheus.io/docs/alerting/latest/configuration/#time_interval
import { KeepwatchError } from '../errors.ts';

/** Both ends belong to it. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** All that is given has to hold, each by one of its ranges; nothing given is always. */
export interface TimeInterval {
  /** Minutes of the day; `to` does not belong to it. */
  readonly times?: readonly Range[] | undefined;
  /** 0 is Sunday. */
  readonly weekdays?: readonly Range[] | undefined;
  /** 1 to 31, or from the end of the month: -1 is its last day. */
  readonly daysOfMonth?: readonly Range[] | undefined;
  /** 1 is January. */
  readonly months?: readonly Range[] | undefined;
  readonly years?: readonly Range[] | undefined;
  /** A name of the IANA database; default UTC. */
  readonly location?: string | undefined;
}

/** A moment on the calendar and clock of a place. */
interface LocalTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  readonly minute: number;
}

const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
const MONTHS = [
  ...['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september', 'october', 'november', 'december'],
];
const MINUTES_A_DAY = 1440;
const MAX_YEAR = 9999;

/** Whether a moment lies in one of them. */
export function isWithin(intervals: readonly TimeInterval[], atMs: number): boolean {
  return intervals.some((interval) => contains(interval, atMs));
}

function contains({ times, weekdays, daysOfMonth, months, years, location }: TimeInterval, atMs: number): boolean {
  const at = localTime(atMs, location ?? 'UTC');
  if (times !== undefined && !times.some(({ from, to }) => at.minute >= from && at.minute < to)) return false;
  if (daysOfMonth !== undefined && !daysOfMonth.some((range) => containsDay(range, at))) return false;
  return (
    (months === undefined || months.some((range) => isIn(range, at.month))) &&
    (weekdays === undefined || weekdays.some((range) => isIn(range, at.weekday))) &&
    (years === undefined || years.some((range) => isIn(range, at.year)))
  );
}

function isIn({ from, to }: Range, value: number): boolean {
  return value >= from && value <= to;
}

/** A range that begins behind the end of a month holds no day of it; one that ends behind it ends with it. */
function containsDay({ from, to }: Range, { year, month, day }: LocalTime): boolean {
  const last = new Date(Date.UTC(year, month, 0)).getUTCDate();
  const fromEnd = (given: number) => (given < 0 ? last + given + 1 : given);
  return isIn({ from: fromEnd(from), to: fromEnd(to) }, day);
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** @throws RangeError when there is no such place */
function formatOf(location: string): Intl.DateTimeFormat {
  const known = formats.get(location);
  if (known !== undefined) return known;
  const parts = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const;
  const format = new Intl.DateTimeFormat('en-US', { ...parts, hourCycle: 'h23', calendar: 'gregory', timeZone: location });
  formats.set(location, format);
  return format;
}

function localTime(atMs: number, location: string): LocalTime {
  const found = new Map(
    formatOf(location)
      .formatToParts(atMs)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes) => found.get(type) ?? 0;
  const [year, month, day] = [part('year'), part('month'), part('day')];
  const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay();
  return { year, month, day, weekday, minute: part('hour') * 60 + part('minute') };
}

const TIME_FORM = 'a time of the day from 00:00 to 24:00';

/** `{ start_time: '22:00', end_time: '24:00' }`. @throws KeepwatchError ERR_CONFIG_INVALID */
export function parseTimes(start: string, end: string): Range {
  const range = { from: parseTime(start), to: parseTime(end) };
  if (range.from < range.to) return range;
  throw invalid(`${start} to ${end}`, 'a start before the end; a night is two: 22:00 to 24:00, and 00:00 to 06:00');
}

function parseTime(text: string): number {
  const [, hours, minutes] = /^(\d\d):(\d\d)$/.exec(text) ?? [];
  const total = Number(hours) * 60 + Number(minutes);
  if (hours === undefined || Number(minutes) > 59 || total > MINUTES_A_DAY) throw invalid(text, TIME_FORM);
  return total;
}

/** `monday`, `monday:friday`. @throws KeepwatchError ERR_CONFIG_INVALID */
export function parseWeekdays(text: string): Range {
  return parseRange(text, 'days of the week, such as monday or monday:friday', (part) => WEEKDAYS.indexOf(part as never));
}

/** `1`, `1:5`, `-3:-1`. @throws KeepwatchError ERR_CONFIG_INVALID */
export function parseDaysOfMonth(text: string): Range {
  const form = 'days from 1 to 31 or, from the end, from -31 to -1, such as 1:5 or -3:-1';
  const { from, to } = parseRange(text, form, (part) => toInteger(part) ?? Number.NaN, -31, 31);
  if (from === 0 || to === 0 || (from < 0 && to > 0)) throw invalid(text, form);
  return { from, to };
}

/** `5`, `may`, `may:august`. @throws KeepwatchError ERR_CONFIG_INVALID */
export function parseMonths(text: string): Range {
  const named = (part: string) => toInteger(part) ?? MONTHS.indexOf(part) + 1;
  return parseRange(text, 'months, such as 1, may or may:august', named, 1, 12);
}

/** `2026`, `2026:2028`. @throws KeepwatchError ERR_CONFIG_INVALID */
export function parseYears(text: string): Range {
  return parseRange(text, 'years, such as 2026 or 2026:2028', (part) => toInteger(part) ?? Number.NaN, 1, MAX_YEAR);
}

/** @throws KeepwatchError ERR_CONFIG_INVALID when there is no such place */
export function checkLocation(name: string): string {
  try {
    formatOf(name);
    return name;
  } catch {
    throw invalid(name, 'a name of the IANA time zone database, such as Europe/Berlin');
  }
}

function parseRange(
  text: string,
  form: string,
  read: (part: string) => number,
  min: number = 0,
  max: number = WEEKDAYS.length - 1,
): Range {
  const parts = text.toLowerCase().split(':').map(read);
  const [from, to = from] = parts;
  const isValid = (value: number | undefined): value is number => value !== undefined && value >= min && value <= max;
  const isOrdered = from !== undefined && to !== undefined && (from <= to || (from > 0 && to < 0));
  if (parts.length > 2 || !isValid(from) || !isValid(to) || !isOrdered) throw invalid(text, form);
  return { from, to };
}

function toInteger(text: string): number | undefined {
  return /^-?\d+$/.test(text) ? Number(text) : undefined;
}

function invalid(given: string, allowed: string): KeepwatchError {
  return new KeepwatchError('ERR_CONFIG_INVALID', `got ${JSON.stringify(given)}; allowed: ${allowed}`);
}
