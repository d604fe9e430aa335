// The contract between an app's logger and the archive: what a log line is, and how a batch of them is handed on. A root leaf, as event.ts.
import type { LaneBatch } from './event.ts';

/** Levels by name, and their numbers, which are those of pino. */
export const LOG_LEVELS = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 } as const;
export type LogLevel = keyof typeof LOG_LEVELS;
/** The largest number that is stored; none is below zero. */
export const MAX_LOG_LEVEL = 32_767;

/** A line, bounded. */
export interface LogLine {
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  /** A whole number from 0 to `MAX_LOG_LEVEL`. */
  readonly level: number;
  readonly message: string;
  /** Name of the logger; undefined without one. */
  readonly logger: string | undefined;
  readonly service: string;
  /** 32 hexadecimal digits; undefined outside of executions. */
  readonly traceId: string | undefined;
  /** 16 hexadecimal digits. */
  readonly spanId: string | undefined;
  /** JSON members without braces, valid; empty when there are none. */
  readonly attributes: string;
}

/** Lines in the order in which they were logged, valid only during `LogSink.accept`. */
export interface LogBatch extends LaneBatch {
  readonly lane: 'logs';
  /** @throws what reading it has to say: it is counted as `encode_error` then */
  line(index: number): LogLine;
}

/** Where lines go. Implemented by the archive's spool; as `EventSink`. */
export interface LogSink {
  accept(batch: LogBatch): number;
}

/** The name that a number has reached, as keepwatch.log_level_name has it. */
export function logLevelName(level: number): LogLevel {
  if (level < LOG_LEVELS.debug) return 'trace';
  if (level < LOG_LEVELS.info) return 'debug';
  if (level < LOG_LEVELS.warn) return 'info';
  if (level < LOG_LEVELS.error) return 'warn';
  return level < LOG_LEVELS.fatal ? 'error' : 'fatal';
}
