// Erases in the spool of this machine. Files of dead processes, and what is committed and only kept for a while, are written anew, each at
// once under its name; what a running process still writes or drains is counted; what no event can be read from is named.
import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describeError } from '../../errors.ts';
import { MAX_SEGMENT_BYTES } from '../segments/segment-format.ts';
import { readSpoolFile } from '../segments/spool-file.ts';
import { syncFolder } from '../spool/segment-file.ts';
import {
  listAcknowledged,
  listSegments,
  listSources,
  listSuspects,
  listUnreadable,
  type SegmentEntry,
} from '../spool/spool-folder.ts';
import type { Matcher } from './criteria.ts';
import { type EraseRange, eraseSegment } from './erase-segment.ts';

export interface ErasedSpool {
  /** Events that were erased, or would be, and the files that they stood in. */
  readonly events: number;
  readonly files: number;
  /** Events in files that running processes write or drain: they come to Postgres within seconds. */
  readonly waiting: number;
  /** Files that hold, or may hold, what was asked for, and were left as they are: path, and why. */
  readonly left: readonly string[];
}

export interface EraseSpoolOptions {
  readonly spoolDir: string;
  readonly matcher: Matcher;
  readonly range: EraseRange;
  readonly isDryRun: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((what: string) => void) | undefined;
}

interface Owner {
  readonly path: string;
  readonly service: string;
  readonly owner: 'alive' | 'dead' | 'unknown';
}

/** Files of ours in the spool's folder that a run which was killed has left: nothing of those who were erased is in them. */
const LEFTOVER = /^erase-[0-9a-f]{16}\.tmp$/;

/** @throws what the file system says of the spool's folder; a single file that cannot be read is named instead */
export async function eraseSpool(options: EraseSpoolOptions): Promise<ErasedSpool> {
  const { spoolDir, matcher, signal, onProgress } = options;
  const total = { events: 0, files: 0, waiting: 0, left: [] as string[] };
  if (!options.isDryRun) await removeLeftovers(spoolDir);
  for (const owner of await listOwners(spoolDir)) {
    const entries = [
      ...(await listSegments(owner.path).catch(() => [])),
      ...(await listAcknowledged(owner.path).catch(() => [])),
    ];
    for (const entry of entries) {
      if (signal?.aborted) return total;
      onProgress?.(`${basename(owner.path)}/${basename(entry.path)}`);
      const isOurs = owner.owner === 'dead' || entry.isAcknowledged;
      const found = await eraseFile(entry, owner, isOurs, options);
      if (found.problem !== undefined) total.left.push(`${entry.path}: ${found.problem}`);
      if (isOurs) total.events += found.events;
      else if (owner.owner === 'alive') total.waiting += found.events;
      else if (found.events > 0) total.left.push(`${entry.path}: nothing says whose it is; keepwatch spool repair`);
      if (isOurs && found.events > 0) total.files++;
    }
  }
  for (const path of await listSuspects(spoolDir)) {
    if (signal?.aborted) return total;
    const problem = await lookInto(path, matcher);
    if (problem !== undefined) total.left.push(`${path}: ${problem}`);
  }
  return total;
}

async function listOwners(spoolDir: string): Promise<Owner[]> {
  const sources = await listSources(spoolDir, Date.now());
  const unknown = await listUnreadable(spoolDir);
  return [
    ...sources.map(({ path, source, isOrphan }) => ({
      path,
      service: source.service,
      owner: isOrphan ? ('dead' as const) : ('alive' as const),
    })),
    ...unknown.map((path) => ({ path, service: '', owner: 'unknown' as const })),
  ];
}

async function eraseFile(
  entry: SegmentEntry,
  { path: folder, service }: Owner,
  isOurs: boolean,
  { spoolDir, matcher, range, isDryRun }: EraseSpoolOptions,
): Promise<{ events: number; problem?: string }> {
  const before = await stat(entry.path).catch(() => undefined);
  let bytes: Buffer | undefined;
  try {
    bytes = await readSpoolFile(entry.path, MAX_SEGMENT_BYTES);
    if (bytes === undefined || before === undefined || bytes.length === 0) return { events: 0 };
    const place = { ...entry, sourceId: BigInt(`0x${basename(folder)}`), service };
    const erased = eraseSegment(bytes, place, matcher, range, isDryRun || !isOurs);
    if (erased === undefined) {
      return { events: 0, ...(matcher.mayHold(bytes) && { problem: 'written by a newer version, which has to erase it' }) };
    }
    if (erased.events > 0 && isOurs && !isDryRun) await replaceFile(spoolDir, entry.path, bytes, before);
    const isTorn = erased.hasMore && isOurs;
    return { events: erased.events, ...(isTorn && { problem: 'bytes that no event can be read from may hold some' }) };
  } catch (error) {
    const mayHold = bytes === undefined || matcher.mayHold(bytes);
    return { events: 0, ...(mayHold && { problem: describeError(error) }) };
  }
}

/** At once: a reader sees the old file or the new one. Does nothing when the file is gone: what it held is in Postgres. */
async function replaceFile(
  spoolDir: string,
  path: string,
  bytes: Buffer,
  { atime, mtime, ino }: { atime: Date; mtime: Date; ino: number },
) {
  const fresh = join(spoolDir, `erase-${randomBytes(8).toString('hex')}.tmp`);
  try {
    const file = await open(fresh, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await utimes(fresh, atime, mtime);
    if ((await stat(path).catch(() => undefined))?.ino !== ino) throw new Error('it was drained meanwhile: erase again');
    await rename(fresh, path);
    await syncFolder(join(path, '..'));
  } finally {
    await rm(fresh, { force: true });
  }
}

async function removeLeftovers(spoolDir: string): Promise<void> {
  for (const name of await readdir(spoolDir).catch(() => []))
    if (LEFTOVER.test(name)) await rm(join(spoolDir, name), { force: true });
}

async function lookInto(path: string, matcher: Matcher): Promise<string | undefined> {
  try {
    const bytes = await readSpoolFile(path, MAX_SEGMENT_BYTES);
    return bytes !== undefined && matcher.mayHold(bytes) ? 'no event can be read from it; look at it, and remove it' : undefined;
  } catch (error) {
    return describeError(error);
  }
}
