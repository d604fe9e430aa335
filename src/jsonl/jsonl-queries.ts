// What a folder of JSONL files is asked for: summary, the newest events, and to forget old days. Reads line by line, the newest day first, in
// memory that does not grow with the files; what is no event is passed over and counted.
import { basename, resolve } from 'node:path';
import type { EventRow, SummaryRow } from '../event-row.ts';
import { type DayFile, listDays, type RemoveOptions, removeDaysBefore } from './day-folder.ts';
import { parseEvent } from './parse-event.ts';
import { measureLines, readLines } from './read-lines.ts';
import { Newest, Totals } from './tallies.ts';
import { utcDay } from './timestamps.ts';

/** Lines that are no events. */
export interface BrokenLines {
  readonly count: number;
  /** Where the first one was found: `2026-11-21.jsonl:17`. */
  readonly first: string;
}

export interface JsonlQueriesOptions {
  readonly folder: string;
  /** Told once for a question that met some. A last line that is not ended is none: it may be just being written. */
  readonly onBroken?: (lines: BrokenLines) => void;
}

export interface JsonlQueries {
  /**
   * Rate, errors and duration of each type and name that ended in [from, to), the busiest first; quantiles are within 1.1 %. Beyond 10,000
   * of them, those that come last go to `__other__` of their type.
   */
  summary(query: {
    readonly from: Date;
    readonly to: Date;
    readonly type?: string | undefined;
    readonly name?: string | undefined;
    readonly service?: string | undefined;
  }): Promise<readonly SummaryRow[]>;
  /** The newest events in a range of time, by default all, the newest first. @param query.limit at most 1000 */
  recent(query: RecentQuery): Promise<readonly EventRow[]>;
  /** The days that ended before `until`, the oldest first. */
  listBefore(until: Date): Promise<readonly JsonlDay[]>;
  /** Removes the files of those days. @returns the days */
  removeBefore(until: Date, options?: Pick<RemoveOptions, 'shouldStop' | 'onRemoved'>): Promise<readonly string[]>;
}

export interface RecentQuery {
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  readonly type?: string | undefined;
  readonly name?: string | undefined;
  readonly service?: string | undefined;
  readonly status?: string | undefined;
  readonly limit: number;
}

/** A file. */
export interface JsonlDay {
  /** `2026-11-20` */
  readonly day: string;
  /** Lines. */
  readonly rows: number;
  readonly bytes: number;
}

const MAX_LIMIT = 1000;

/** @throws (from each query) what the file system says; a folder that is not there holds no events */
export function createJsonlQueries({ folder, onBroken = () => {} }: JsonlQueriesOptions): JsonlQueries {
  const place = resolve(folder);

  async function ask<T>(work: (read: ReadDay) => Promise<T>): Promise<T> {
    let count = 0;
    let first = '';
    const answer = await work((day, tell) =>
      readEvents(day, tell, (line) => {
        if (count++ === 0) first = `${basename(day.path)}:${line}`;
      }),
    );
    if (count > 0) onBroken({ count, first });
    return answer;
  }

  return {
    summary: ({ from, to, ...wanted }) =>
      ask(async (read) => {
        const totals = new Totals();
        const range = new TimeFilter(from, to);
        for (const day of await listDays(place)) {
          if (!range.mayHold(day)) continue;
          await read(day, (event) => {
            if (range.holds(event) && isWanted(event, wanted)) totals.add(event);
          });
        }
        return totals.rows();
      }),
    recent: ({ from, to, limit, ...wanted }) =>
      ask(async (read) => {
        const range = new TimeFilter(from, to);
        const newest = new Newest(Math.min(Math.max(1, Math.floor(limit)), MAX_LIMIT));
        for (const day of await listDays(place)) {
          if (!range.mayHold(day)) continue;
          await read(day, (event) => {
            if (range.holds(event) && isWanted(event, wanted)) newest.add(event);
          });
          if (newest.isFull) break;
        }
        return newest.rows();
      }),
    async listBefore(until) {
      const days: JsonlDay[] = [];
      for (const file of (await listDays(place)).reverse()) {
        if (file.day < utcDay(until.getTime())) days.push({ day: file.day, ...(await measureLines(file.path)) });
      }
      return days;
    },
    removeBefore: (until, options = {}) => removeDaysBefore(place, utcDay(until.getTime()), options),
  };
}

/** Half-open. */
class TimeFilter {
  readonly #from: string;
  readonly #to: string;

  constructor(from: Date | undefined, to: Date | undefined) {
    this.#from = from === undefined ? '' : `${from.toISOString().slice(0, -1)}000Z`;
    this.#to = to === undefined ? '~' : `${to.toISOString().slice(0, -1)}000Z`;
  }

  mayHold({ day }: DayFile): boolean {
    return day >= this.#from.slice(0, 10) && day <= this.#to.slice(0, 10);
  }

  holds({ end_time }: EventRow): boolean {
    return end_time >= this.#from && end_time < this.#to;
  }
}

/** What is left out of the question is any. */
function isWanted(event: EventRow, { type, name, service, status }: Omit<RecentQuery, 'from' | 'to' | 'limit'>): boolean {
  return (
    (type === undefined || event.type === type) &&
    (name === undefined || event.name === name) &&
    (service === undefined || event.service === service) &&
    (status === undefined || event.status === status)
  );
}

type ReadDay = (day: DayFile, tell: (event: EventRow) => void) => Promise<void>;

async function readEvents({ path }: DayFile, tell: (event: EventRow) => void, broken: (line: number) => void): Promise<void> {
  let number = 0;
  await readLines(path, {
    line(text, isLast) {
      number++;
      const event = parseEvent(text);
      if (event !== undefined) tell(event);
      else if (!isLast && text.trim() !== '') broken(number);
    },
    tooLong() {
      broken(++number);
    },
  });
}
