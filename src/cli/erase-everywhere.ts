// All places that `keepwatch erase` looks into: tables, spool, and the files of KEEPWATCH_JSONL_DIR. With such a folder and no DATABASE_URL there
// are no tables, and no server is started for them.
import { createMatcher } from '../archive/erase/criteria.ts';
import { type EraseOptions, type EraseReport, eraseEvents } from '../archive/erase/erase.ts';
import { eraseSpool } from '../archive/erase/erase-spool.ts';
import type { Config } from '../config.ts';
import { closeDatabase, createDatabase } from '../db/database.ts';
import { eraseDays } from '../jsonl/erase-days.ts';
import { withStorage } from './storage.ts';

export interface ErasedEverywhere extends EraseReport {
  /** Events in day files that were erased, or would be, and the files that they stood in. */
  readonly jsonlEvents: number;
  readonly jsonlFiles: number;
}

type Asked = Omit<EraseOptions, 'database' | 'spoolDir'>;

/** A day of events takes as long as it takes; Ctrl-C ends it between two transactions. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

/** @throws as `eraseEvents`, and what the file system says of a folder: what is erased by then stays erased */
export async function eraseEverywhere(config: Config, asked: Asked): Promise<ErasedEverywhere> {
  const { databaseUrl, jsonlDir } = config;
  const report =
    databaseUrl === undefined && jsonlDir !== undefined ? await eraseInSpool(config, asked) : await eraseInArchive(config, asked);
  if (jsonlDir === undefined) return { ...report, jsonlEvents: 0, jsonlFiles: 0 };
  const { where, isDryRun = false, signal, onProgress } = asked;
  const { events, files, left } = await eraseDays({
    folder: jsonlDir,
    matcher: createMatcher(where),
    range: rangeOf(asked),
    isDryRun,
    signal,
    onProgress: (file) => onProgress?.(file, 0, 0),
  });
  const isStopped = report.isStopped || signal?.aborted === true;
  return { ...report, left: [...report.left, ...left], isStopped, jsonlEvents: events, jsonlFiles: files };
}

function eraseInArchive(config: Config, asked: Asked): Promise<EraseReport> {
  return withStorage(config, async ({ url }) => {
    const database = createDatabase({ url, max: 2, applicationName: 'keepwatch erase', queryTimeoutMs: NO_TIMEOUT_MS });
    try {
      return await eraseEvents({ ...asked, database, spoolDir: config.spoolDir });
    } finally {
      await closeDatabase(database);
    }
  });
}

/** What processes left there that had a database. */
async function eraseInSpool({ spoolDir }: Config, asked: Asked): Promise<EraseReport> {
  const { where, isDryRun = false, signal, onProgress } = asked;
  const { events, files, waiting, left } = await eraseSpool({
    spoolDir,
    matcher: createMatcher(where),
    range: rangeOf(asked),
    isDryRun,
    signal,
    onProgress: (what) => onProgress?.(what, 0, 0),
  });
  const counts = { tables: [], deadLetters: 0, spoolEvents: events, spoolFiles: files, waiting };
  return { ...counts, left, isLabel: false, isStopped: signal?.aborted === true };
}

function rangeOf({ from, until }: Asked): { fromMs: number; untilMs: number } {
  return { fromMs: from?.getTime() ?? -Infinity, untilMs: until?.getTime() ?? Infinity };
}
