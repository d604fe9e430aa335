// Keepwatch's own log lines. The rooms see only the small `Logger` interface; pino stands behind it.
import { pino } from 'pino';

/** What every room logs through: an object of fields, then a sentence. pino's own loggers fit. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/**
 * JSON lines on stderr, so that a host's stdout stays its own.
 * @param options.level pino level or `silent`; default `info`
 */
export function createLogger(options: { level?: string; service?: string } = {}): Logger {
  return pino(
    {
      name: 'keepwatch',
      level: options.level ?? 'info',
      timestamp: pino.stdTimeFunctions.isoTime,
      base: options.service === undefined ? {} : { service: options.service },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}

/** Swallows everything: the default of parts used alone, and of tests. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
