// Log lines as the log stream hands them on, for tests of what comes behind it.
import type { LogBatch, LogLine } from '../../src/log.ts';

/** A line of somebody: in its attributes and in its message. */
export function lineOf(user: string, more: Partial<LogLine> = {}): LogLine {
  const attributes = `"user_id":${JSON.stringify(user)},"note":${JSON.stringify(`of ${user}`)}`;
  const ids = { traceId: undefined, spanId: undefined };
  return {
    timeMs: Date.now(),
    level: 30,
    message: `hello ${user}`,
    logger: 'mail',
    service: 'test',
    ...ids,
    attributes,
    ...more,
  };
}

export function batchOf(lines: readonly LogLine[], recorded = lines.length): LogBatch {
  return {
    lane: 'logs',
    size: lines.length,
    counts: { recorded, sampledOut: 0, dropped: {} },
    lowWatermarkMs: Date.now(),
    line: (index) => lines[index] as LogLine,
    series: () => ({ type: 'log', name: 'info' }),
    eachDropped() {},
  };
}
