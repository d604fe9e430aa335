// Options that the commands which read events share: which range of time, and which events.
import { type Command, Option } from 'commander';
import type { TimeRange } from '../archive/queries/event-filter.ts';
import { KeepwatchError } from '../errors.ts';
import { EVENT_STATUSES, EVENT_TYPES } from '../event.ts';
import { integerBetween, timeBefore } from './parse.ts';

export interface RangeFlags {
  readonly days?: number;
  readonly from?: Date;
  readonly to?: Date;
}

const DAY_MS = 86_400_000;
/** Nothing in the archive ended later than this from now. */
const AHEAD_MS = 3_660_000;

/** `--from` and `--to`. */
function addRange(command: Command): Command {
  return command
    .option('--from <time>', 'events that ended at or after: 2026-11-20, 2026-11-20T12:00Z, 90m (ago)', timeBefore(Date.now()))
    .option('--to <time>', 'events that ended before; default now', timeBefore(Date.now()));
}

/** `--days`, `--from` and `--to`. @param defaultDays undefined: from the beginning */
export function addDays(command: Command, defaultDays: number | undefined): Command {
  const what = defaultDays === undefined ? 'how many days back; default: all' : `how many days back; default ${defaultDays}`;
  return addRange(command.addOption(new Option('--days <n>', what).argParser(integerBetween(1, 3650)).conflicts('from')));
}

export const typeOption = () => new Option('--type <type>', 'only this type').choices(EVENT_TYPES);
export const statusOption = () => new Option('--status <status>', 'only this status').choices(EVENT_STATUSES);

/** @throws KeepwatchError ERR_USAGE when the range ends before it begins */
export function rangeOf({ days, from, to }: RangeFlags, defaultDays?: number): TimeRange {
  const end = to ?? new Date(Date.now() + (days === undefined && defaultDays === undefined ? AHEAD_MS : 0));
  const back = days ?? defaultDays;
  const begin = from ?? (back === undefined ? new Date(0) : new Date(end.getTime() - back * DAY_MS));
  if (begin < end) return { from: begin, to: end };
  throw new KeepwatchError('ERR_USAGE', `--from: got ${begin.toISOString()}; allowed: a time before --to, ${end.toISOString()}`);
}

/** `from … to …`, for people. */
export function describeRange({ from, to }: TimeRange): string {
  return `between ${from.toISOString()} and ${to.toISOString()}`;
}
