// Log lines, newest first, page by page.
import { createHash } from 'node:crypto';
import { loadSql } from '../../db/sql.ts';
import { LOG_LEVELS, type LogLevel } from '../../log.ts';
import type { LogRow } from '../../log-row.ts';
import { type PageBounds, readPage } from './page.ts';
import type { Ask } from './read-snapshot.ts';

/** What a line has to be; everything that is given has to hold. */
export interface LogsQuery extends PageBounds {
  /** At least this. */
  readonly level?: LogLevel | undefined;
  readonly service?: string | undefined;
  readonly logger?: string | undefined;
  /** 32 hexadecimal digits. */
  readonly traceId?: string | undefined;
  /** Part of its message, as it stands there. */
  readonly message?: string | undefined;
}

export interface LogPage {
  /** Newest first. */
  readonly logs: readonly LogRow[];
  /** Give it to the next call for what follows; undefined at the end. */
  readonly cursor: string | undefined;
}

const statement = loadSql('archive/logs');

/**
 * A page of log lines.
 * @throws KeepwatchError ERR_USAGE when the cursor is none of ours, or of another question
 */
export async function readLogPage(ask: Ask, query: LogsQuery, nowMs: number): Promise<LogPage> {
  const { from, to, cursor, limit, level, service = null, logger = null, traceId = null, message = null } = query;
  const values = { level: level === undefined ? null : LOG_LEVELS[level], service, logger, traceId, message };
  // No question about events has the mark of one about lines.
  const filterHash = createHash('sha256')
    .update(`logs ${JSON.stringify(values)}`)
    .digest('base64url')
    .slice(0, 16);
  const question = { statement, values, filterHash, timeOf: ({ time }: LogRow) => time };
  const page = await readPage(ask, question, { from, to, cursor, limit }, nowMs);
  return { logs: page.rows, cursor: page.cursor };
}
