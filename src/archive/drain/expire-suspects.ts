// Retention of suspect/: what no event could be read from is kept for people to look at, as long as raw events are, in a share of the spool.
// A file goes only when the ledger has counted what it held: its mark stands behind the segment, or its source is closed and its folder gone.
// What somebody else has put there has no mark, and stays.
import { lstat, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Database } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import type { Logger } from '../../logger.ts';
import { listSuspects } from '../spool/spool-folder.ts';

const readMarks = loadSql('archive/read-marks');

/** A segment, or a piece of one: whose, of which lane, and its number. */
const PIECE = /^([0-9a-f]{16})-(keep|rest|logs)-(\d{10})\.(?:open|seg|ack)(?:\.\d+)?(?:\.[0-9a-f]{8})?$/;
/** Of the spool's bound. */
export const SUSPECT_SHARE = 0.1;
/** A small file takes as much of the disk. */
const MIN_FILE_BYTES = 4096;

export interface SuspectsOptions {
  readonly database: Database;
  readonly spoolDir: string;
  /** Bytes at most of what was counted; the oldest goes first. */
  readonly maxBytes: number;
  /** How long each is kept; undefined: as long as there is room. */
  readonly keepMs: number | undefined;
  /** Milliseconds since the epoch; default: the clock of the system. */
  readonly nowMs?: number;
  readonly logger: Logger;
}

export interface SuspectsReport {
  /** Of all that is there still. */
  readonly bytes: number;
  /** Files that were removed. */
  readonly removed: number;
}

interface Piece {
  readonly path: string;
  readonly folder: string;
  readonly lane: string;
  readonly segment: number;
  readonly bytes: number;
  /** When it was set aside. */
  readonly sinceMs: number;
}

/** @throws what Postgres says; a file that cannot be removed is tried again the next time */
export async function expireSuspects(options: SuspectsOptions): Promise<SuspectsReport> {
  const { database, spoolDir, logger } = options;
  const { pieces, bytes } = await listPieces(spoolDir);
  const counted = await filterCounted(pieces, database, spoolDir);
  const removed: Piece[] = [];
  for (const piece of surplusOf(counted, options)) if (await removeFile(piece.path)) removed.push(piece);
  const removedBytes = removed.reduce((sum, piece) => sum + piece.bytes, 0);
  const [first] = removed;
  if (first !== undefined) {
    const about = { files: removed.length, bytes: removedBytes, first: basename(first.path) };
    logger.warn(about, 'files in suspect/ that are no longer kept are removed; the events in them were counted as damaged');
  }
  return { bytes: bytes - removedBytes, removed: removed.length };
}

async function listPieces(spoolDir: string): Promise<{ pieces: Piece[]; bytes: number }> {
  const pieces: Piece[] = [];
  let bytes = 0;
  for (const path of await listSuspects(spoolDir)) {
    const found = await lstat(path).catch(() => undefined);
    if (found?.isFile() !== true) continue;
    bytes += found.size;
    const [, folder, lane, segment] = PIECE.exec(basename(path)) ?? [];
    if (folder === undefined || lane === undefined) continue;
    // One that was moved here as a whole has kept the time of its last write.
    const sinceMs = Math.max(found.mtimeMs, found.ctimeMs);
    pieces.push({ path, folder, lane, segment: Number(segment), bytes: found.size, sinceMs });
  }
  return { pieces, bytes };
}

/** Those that are too old, and the oldest of the others until the rest has room. */
function surplusOf(pieces: readonly Piece[], { maxBytes, keepMs = Infinity, nowMs = Date.now() }: SuspectsOptions): Piece[] {
  let left = pieces.reduce((sum, piece) => sum + roomOf(piece), 0);
  const oldestFirst = pieces.toSorted((a, b) => a.sinceMs - b.sinceMs || a.segment - b.segment);
  return oldestFirst.filter((piece) => {
    const isSurplus = left > maxBytes || piece.sinceMs < nowMs - keepMs;
    if (isSurplus) left -= roomOf(piece);
    return isSurplus;
  });
}

function roomOf({ bytes }: Piece): number {
  return Math.max(bytes, MIN_FILE_BYTES);
}

interface MarkRow {
  readonly source_id: string;
  readonly closed: boolean;
  readonly lane: string | null;
  readonly segment: number | null;
}

async function filterCounted(pieces: readonly Piece[], database: Database, spoolDir: string): Promise<Piece[]> {
  if (pieces.length === 0) return [];
  const folders = new Set(pieces.map(({ folder }) => folder));
  const sourceIds = `{${[...folders].map(sourceIdOf).join()}}`;
  const rows = await database.any<MarkRow>(readMarks, { sourceIds });
  const marks = new Map(rows.map(({ source_id, lane, segment }) => [`${source_id} ${lane}`, segment ?? 0]));
  const ended = new Set<string>();
  for (const folder of folders) {
    const isClosed = rows.some((row) => row.closed && row.source_id === sourceIdOf(folder));
    if (isClosed && (await isGone(join(spoolDir, folder)))) ended.add(folder);
  }
  return pieces.filter(
    ({ folder, lane, segment }) => ended.has(folder) || (marks.get(`${sourceIdOf(folder)} ${lane}`) ?? 0) > segment,
  );
}

function sourceIdOf(folder: string): string {
  return String(BigInt.asIntN(64, BigInt(`0x${folder}`)));
}

async function isGone(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
}

/** @returns whether it was this process that has removed it */
async function removeFile(path: string): Promise<boolean> {
  return await rm(path).then(
    () => true,
    () => false,
  );
}
