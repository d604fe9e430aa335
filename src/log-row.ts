// What readers of log lines get.
import type { LogLevel } from './log.ts';

/** One line; time as ISO 8601 with microseconds, trace ids in W3C hexadecimal. */
export interface LogRow {
  /** UUID v7. */
  readonly id: string;
  readonly time: string;
  /** The name that its number has reached. */
  readonly level: LogLevel;
  readonly level_number: number;
  readonly message: string;
  readonly logger: string | null;
  readonly service: string;
  readonly trace_id: string | null;
  readonly span_id: string | null;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 63 bits in decimal digits: the process that logged it. */
  readonly source_id: string;
}
