// The first reading of a file: what is in it, what is wrong with it, how much of it is imported already. Changes nothing.
import { LANES, type Lane } from '../../event.ts';
import type { Marks } from './import-marks.ts';
import { type ImportedEvent, type LineDefaults, LineProblem, parseEventLine } from './imported-event.ts';
import { type Line, LineReader, openContent } from './line-reader.ts';
import { SeenIds } from './seen-ids.ts';

export interface CheckOptions {
  readonly marks: Marks;
  readonly defaults: LineDefaults;
  /** What ended before is older than what is kept; microseconds since the epoch. */
  readonly keptFromUs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (lines: number, share: number) => void;
}

/** What a file holds that is not imported yet. */
export interface CheckedFile {
  /** Of the content, whole lines. */
  readonly bytes: number;
  /** Of them; hexadecimal. */
  readonly sha256: string;
  /** Up to where each lane is imported. */
  readonly offsets: Readonly<Record<Lane, number>>;
  /** Events of lines that are right. */
  readonly events: number;
  /** Those of them that are older than what is kept. */
  readonly expired: number;
  readonly firstEndUs: number;
  readonly lastEndUs: number;
  readonly broken: number;
  /** The first of them. */
  readonly problems: readonly BrokenLine[];
  /** The last line has no end, and is no event: perhaps somebody is writing it. It is not part of `bytes`. */
  readonly isTorn: boolean;
  /** Sources that its lines name; undefined: too many. */
  readonly sources: ReadonlySet<string> | undefined;
  /** Ids that may come more than once; undefined: too many. */
  readonly repeatedIds: ReadonlySet<string> | undefined;
  /** UTC days. */
  readonly days: number;
}

export interface BrokenLine {
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
}

const MAX_PROBLEMS = 20;
const MAX_SOURCES = 1000;
const DAY_US = 86_400_000_000;

/** Reads the whole file. @throws what the file system says; the reason of the signal */
export async function checkFile(path: string, { marks, signal, onProgress, ...options }: CheckOptions): Promise<CheckedFile> {
  const check = new Check(options);
  const reader = new LineReader();
  const content = await openContent(path);
  const compare = ({ end }: Line) => {
    const known = marks.get(end);
    if (known === undefined) return;
    const digest = reader.digest();
    for (const { lane, sha256 } of known) if (sha256 === digest) check.forget(lane, end);
  };
  for await (const piece of content.pieces) {
    signal?.throwIfAborted();
    for (const line of reader.take(piece)) {
      check.add(line);
      compare(line);
    }
    onProgress?.(check.lines, content.readBytes() / Math.max(1, content.fileBytes));
  }
  for (const line of reader.rest()) {
    check.add(line);
    compare(line);
  }
  return check.result(reader);
}

/** A lane's number of an event: that of its id; events without one go by how they ended. */
export function laneOf({ id, status }: Pick<ImportedEvent, 'id' | 'status'>): Lane {
  const isKept = id === undefined ? status !== 'success' : (Number.parseInt(id.slice(20, 22), 16) & 4) === 0;
  return LANES[isKept ? 0 : 1];
}

interface Counts {
  events: number;
  expired: number;
  firstEndUs: number;
  lastEndUs: number;
}

const NOTHING: Readonly<Counts> = { events: 0, expired: 0, firstEndUs: Infinity, lastEndUs: -Infinity };

class Check {
  readonly #options: Pick<CheckOptions, 'defaults' | 'keptFromUs'>;
  readonly #counts: Record<Lane, Counts> = { keep: { ...NOTHING }, rest: { ...NOTHING } };
  readonly #offsets: Record<Lane, number> = { keep: 0, rest: 0 };
  /** How many lines were broken up to there. */
  readonly #brokenBefore: Record<Lane, number> = { keep: 0, rest: 0 };
  readonly #seen = new SeenIds();
  readonly #sources = new Set<string>();
  readonly #days = new Set<number>();
  #broken: { end: number; problem: BrokenLine }[] = [];
  #brokenTotal = 0;
  #end = 0;
  #tornFrom: number | undefined;
  lines = 0;

  constructor(options: Pick<CheckOptions, 'defaults' | 'keptFromUs'>) {
    this.#options = options;
  }

  add(line: Line): void {
    this.lines = line.number;
    const before = this.#end;
    this.#end = line.end;
    if (line.text === '') return;
    try {
      if (line.text === undefined) throw new LineProblem(line.problem);
      this.#count(parseEventLine(line.text, this.#options.defaults));
    } catch (error) {
      if (!(error instanceof LineProblem)) throw error;
      this.#brokenTotal++;
      const message = line.isEnded ? error.message : `the last line is not whole: ${error.message}`;
      if (this.#broken.length < MAX_PROBLEMS) this.#broken.push({ end: line.end, problem: { line: line.number, message } });
      if (!line.isEnded) this.#tornFrom = before;
    }
  }

  #count(event: ImportedEvent): void {
    const counts = this.#counts[laneOf(event)];
    counts.events++;
    if (event.endUs < this.#options.keptFromUs) counts.expired++;
    if (event.endUs < counts.firstEndUs) counts.firstEndUs = event.endUs;
    if (event.endUs > counts.lastEndUs) counts.lastEndUs = event.endUs;
    if (event.id !== undefined) this.#seen.add(event.id);
    if (event.sourceId !== undefined && this.#sources.size <= MAX_SOURCES) this.#sources.add(event.sourceId);
    this.#days.add(Math.floor(event.endUs / DAY_US));
  }

  /** What the lane had up to here is imported. */
  forget(lane: Lane, end: number): void {
    this.#offsets[lane] = end;
    this.#counts[lane] = { ...NOTHING };
    this.#brokenBefore[lane] = this.#brokenTotal;
    const imported = Math.min(...LANES.map((each) => this.#offsets[each]));
    this.#broken = this.#broken.filter((broken) => broken.end > imported);
  }

  result(reader: LineReader): CheckedFile {
    const { keep, rest } = this.#counts;
    const isTorn = this.#tornFrom !== undefined;
    return {
      bytes: this.#tornFrom ?? this.#end,
      sha256: isTorn ? reader.digestBeforeRest() : reader.digest(),
      offsets: this.#offsets,
      events: keep.events + rest.events,
      expired: keep.expired + rest.expired,
      firstEndUs: Math.min(keep.firstEndUs, rest.firstEndUs),
      lastEndUs: Math.max(keep.lastEndUs, rest.lastEndUs),
      broken: this.#brokenTotal - Math.min(this.#brokenBefore.keep, this.#brokenBefore.rest),
      problems: this.#broken.map(({ problem }) => problem),
      isTorn,
      sources: this.#sources.size > MAX_SOURCES ? undefined : this.#sources,
      repeatedIds: this.#seen.candidates,
      days: this.#days.size,
    };
  }
}
