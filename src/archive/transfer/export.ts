// Events of the archive as text, as of one moment: day by day, each day in the order of end_time and id, through a cursor, so that memory is
// bounded whatever the size. Every column comes without loss.
import { type Database, inTransaction } from '../../db/database.ts';
import { loadSql, readSql } from '../../db/sql.ts';
import { cancelWhenAborted } from '../cancel-when-aborted.ts';
import type { TimeRange } from '../queries/event-filter.ts';
import { EVENT_COLUMNS } from './event-columns.ts';

export const EXPORT_FORMATS = ['ndjson', 'csv'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Which events; what is left out is any. */
export interface ExportFilter {
  readonly type?: string | undefined;
  readonly name?: string | undefined;
  readonly service?: string | undefined;
  readonly status?: string | undefined;
}

export interface ExportOptions extends TimeRange {
  /** Two connections are used: one reads, one could cancel it. Without a query timeout. */
  readonly database: Database;
  readonly filter: ExportFilter;
  readonly format: ExportFormat;
  /** Takes whole lines; the next ones are read when it is done with them. */
  readonly write: (lines: Buffer) => Promise<void>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ExportProgress) => void;
}

export interface ExportProgress extends Exported {
  /** Of the tables, those of the days that are done; 0 to 1. */
  readonly share: number;
}

/** What was written. */
export interface Exported {
  readonly rows: number;
  /** Of text. */
  readonly bytes: number;
}

interface Leaf {
  readonly from_day: Date | null;
  readonly until_day: Date | null;
  readonly bytes: number;
}

const FETCH_ROWS = 1000;
const LINE_END = { ndjson: '\n', csv: '\r\n' } as const;

const beginExport = readSql('archive/begin-export');
const lockArchive = loadSql('archive/lock-archive');
const listLeaves = loadSql('archive/list-leaves');
const fetchExport = loadSql('archive/fetch-export');
const closeExport = loadSql('archive/close-export');
const OPEN_CURSOR = { ndjson: loadSql('archive/export-ndjson'), csv: loadSql('archive/export-csv') } as const;

/**
 * Writes every event that ended in [from, to) and is what the filter says. Partitions that retention would drop meanwhile wait.
 * @throws what Postgres says, what `write` rejects with, the reason of the signal
 */
export async function exportEvents(options: ExportOptions): Promise<Exported> {
  const { database, from, to, filter, format, write, signal, onProgress = () => {} } = options;
  const { type = null, name = null, service = null, status = null } = filter;
  const done = { rows: 0, bytes: 0 };
  const send = async (lines: readonly string[]) => {
    const bytes = Buffer.from(`${lines.join(LINE_END[format])}${LINE_END[format]}`);
    await write(bytes);
    done.bytes += bytes.length;
  };
  let stopListening = () => {};
  signal?.throwIfAborted();
  try {
    await inTransaction(
      database,
      async (transaction) => {
        await transaction.multi(beginExport);
        await transaction.none(lockArchive);
        stopListening = await cancelWhenAborted(transaction, database, signal);
        const days = daysWithin(await transaction.any<Leaf>(listLeaves), { from, to });
        if (format === 'csv') await send([EVENT_COLUMNS.join()]);
        const totalBytes = days.reduce((total, { bytes }) => total + bytes, 0);
        let dayBytes = 0;
        for (const { from_day: fromDay, until_day: untilDay, bytes } of days) {
          const range = { fromDay, untilDay, from: from.getTime(), to: to.getTime() };
          await transaction.none(OPEN_CURSOR[format], { ...range, type, name, service, status });
          for (;;) {
            signal?.throwIfAborted();
            const lines = await transaction.any<{ line: string }>(fetchExport, { rows: FETCH_ROWS });
            if (lines.length > 0) await send(lines.map(({ line }) => line));
            done.rows += lines.length;
            onProgress({ ...done, share: totalBytes === 0 ? 1 : dayBytes / totalBytes });
            if (lines.length < FETCH_ROWS) break;
          }
          await transaction.none(closeExport);
          dayBytes += bytes;
        }
      },
      'snapshot',
    );
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    stopListening();
  }
  return done;
}

function daysWithin(leaves: readonly Leaf[], { from, to }: TimeRange): readonly Leaf[] {
  return leaves.filter(({ from_day: fromDay, until_day: untilDay }) => {
    return fromDay !== null && untilDay !== null && fromDay < to && untilDay > from;
  });
}
