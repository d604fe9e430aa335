// A stream for a logger to write to, pino's first: its lines go to the archive, with the ids of the execution that logged them. Writing never
// waits, never throws and says nothing: what does not fit is counted.
import type { DropReason } from '../../event.ts';
import { type LogBatch, type LogLine, type LogSink, logLevelName } from '../../log.ts';
import type { Redact } from '../error-redaction.ts';
import type { InternalErrors } from '../internal-errors.ts';
import type { MetadataKeys } from '../metadata-keys.ts';
import type { TraceIds } from '../tracing/trace-context.ts';
import { LevelSeries } from './level-series.ts';
import { type GivenLine, LogQueue, type LogQueueBounds } from './log-queue.ts';
import { type ParseOptions, parseLine } from './parse-line.ts';
import { MAX_LINE_LENGTH, shortenLine } from './shorten-line.ts';

/** What pino, bunyan and their like write to: `pino(options, keepwatch.logStream())`, or one of `pino.multistream([...])`. */
export interface LogStream {
  /** Takes a line of JSON, or several; any other text is a message. */
  write(text: string): void;
}

export interface LogCollectorOptions {
  readonly service: string;
  /** The process clock: milliseconds since the epoch. */
  readonly now: () => number;
  /** Of the execution that the caller runs in. */
  readonly traceContext: () => TraceIds | undefined;
  /** Lines that are written while it is false are not recorded. */
  readonly isEnabled: () => boolean;
  readonly keys: MetadataKeys | undefined;
  readonly redact: Redact;
  readonly errors: InternalErrors;
  /** Of what waits in memory; default: 32,768 lines of 8 million characters together. */
  readonly bounds?: LogQueueBounds;
}

export interface LogNumbers {
  /** `recorded = handed on + waiting + all dropped`. */
  readonly recorded: number;
  readonly waiting: number;
  /** Before they reached the archive, by reason. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
}

const DEFAULT_BOUNDS: LogQueueBounds = { lines: 32_768, length: 8_000_000 };
const INTERVAL_MS = 200;
/** Lines a time, so that many do not hold up the event loop: between batches others get their turn. */
const BATCH_LINES = 256;
/** Where pino writes the level: first. */
const FIRST_LEVEL = /^\{"level":(\d{1,5})[,}]/;

export class LogCollector implements LogStream {
  readonly #options: LogCollectorOptions;
  readonly #parse: ParseOptions;
  readonly #series = new LevelSeries();
  readonly #queue: LogQueue;
  #sink: LogSink | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #isHandingOn = false;

  constructor(options: LogCollectorOptions) {
    const { service, keys, redact, bounds = DEFAULT_BOUNDS } = options;
    this.#options = options;
    this.#parse = { service, keys, redact };
    this.#queue = new LogQueue(bounds, (level) => this.#series.noteDrop(level));
  }

  write(text: string): void {
    const { now, traceContext, isEnabled, errors } = this.#options;
    if (this.#sink === undefined || this.#isStopped || !isEnabled()) return;
    try {
      const ids = traceContext();
      const nowMs = now();
      for (const line of linesOf(String(text))) {
        const level = FIRST_LEVEL.exec(line)?.[1];
        this.#queue.push({
          text: line,
          nowMs,
          level: level === undefined ? undefined : Number(level),
          traceId: ids?.traceId,
          spanId: ids?.spanId,
        });
      }
      this.#timer ??= setTimeout(() => this.#tick(), INTERVAL_MS).unref();
    } catch (error) {
      errors.note('log stream', error);
    }
  }

  /** From now on lines go to `sink`; before, they are not recorded. */
  connect(sink: LogSink): void {
    this.#sink = sink;
  }

  /** Hands on all that waits, now; returns when nothing does, or the sink takes no more. */
  flush(): void {
    // A sink that logs could go on for ever: what waits now is handed on.
    for (let left = this.#queue.waiting; left > 0; ) {
      const taken = this.#handOn(Math.min(left, BATCH_LINES));
      if (taken === 0) return;
      left -= taken;
    }
  }

  /** Hands on all that waits, and records nothing more. */
  stop(): void {
    this.flush();
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  numbers(): LogNumbers {
    const { recorded, waiting, dropped } = this.#queue;
    return { recorded, waiting, dropped };
  }

  #tick(): void {
    const taken = this.#handOn(BATCH_LINES);
    this.#timer = undefined;
    if (this.#queue.waiting === 0 || this.#isStopped) return;
    this.#timer = setTimeout(() => this.#tick(), taken > 0 ? 0 : INTERVAL_MS).unref();
  }

  /** @returns how many lines left the queue */
  #handOn(limit: number): number {
    if (this.#sink === undefined || this.#isHandingOn) return 0;
    this.#isHandingOn = true;
    let size = 0;
    try {
      const batch = this.#batch(this.#queue.peek(limit));
      size = batch.size;
      const taken = Math.max(0, Math.min(size, Math.floor(this.#sink.accept(batch)) || 0));
      this.#queue.take(taken);
      return taken;
    } catch (error) {
      this.#queue.take(size, 'sink_error');
      this.#options.errors.note('log sink', error);
      return size;
    } finally {
      this.#isHandingOn = false;
    }
  }

  #batch(given: readonly GivenLine[]): LogBatch {
    const { handedOn, droppedTotal, dropped } = this.#queue;
    const lines = new Array<LogLine | undefined>(given.length);
    const line = (index: number) => (lines[index] ??= parseLine(given[index] as GivenLine, this.#parse));
    return {
      lane: 'logs',
      size: given.length,
      counts: { recorded: handedOn + droppedTotal + given.length, sampledOut: 0, dropped: { ...dropped } },
      lowWatermarkMs: this.#options.now(),
      line,
      series: (index) => this.#series.of(logLevelName(line(index).level)),
      eachDropped: (tell) => this.#series.eachDropped(tell),
    };
  }
}

/** Nearly always one: a chunk of a pipe may hold more. */
function linesOf(text: string): string[] {
  const end = text.indexOf('\n');
  const lines = end === -1 || end === text.length - 1 ? [text.slice(0, end === -1 ? text.length : end)] : text.split('\n');
  return lines.filter((line) => line !== '').map((line) => (line.length > MAX_LINE_LENGTH ? shortenLine(line) : line));
}
