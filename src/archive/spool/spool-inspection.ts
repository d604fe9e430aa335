// What stands in a spool, for people: whose it is, how much waits, what is damaged. Reads files only; changes nothing.
import { lstat } from 'node:fs/promises';
import { basename } from 'node:path';
import { describeError } from '../../errors.ts';
import { SPOOL_LANES, type SpoolLane } from '../../event.ts';
import { MAX_SEGMENT_BYTES } from '../segments/segment-format.ts';
import { readSegment, refuseMisplaced } from '../segments/segment-reader.ts';
import { readSpoolFile } from '../segments/spool-file.ts';
import { formatSourceId } from './source.ts';
import { listSegments, listSources, listUnreadable, type SegmentEntry } from './spool-folder.ts';

/**
 * `alive`: it drains what it wrote. `dead`: the next archiver on this spool does. `unknown`: nothing says whose it is, and nobody drains it
 * (`keepwatch spool repair`).
 */
export type SpoolOwner = 'alive' | 'dead' | 'unknown';

/** One lane of one source in the spool. */
export interface SpooledLane {
  /** Name of the folder: the source id in hexadecimal. */
  readonly folder: string;
  readonly service: string;
  readonly instance: string;
  readonly owner: SpoolOwner;
  readonly lane: SpoolLane;
  readonly segments: number;
  readonly bytes: number;
  /** When the oldest file was last written, in milliseconds since the epoch. */
  readonly oldestMs: number;
}

/** The same, with what is in the files. */
export interface VerifiedSpool extends SpooledLane {
  /** Events in readable blocks; some of them may be committed already. */
  readonly events: number;
  /** Bytes that no block can be read from, the torn end of a segment that is being written left out. */
  readonly damagedBytes: number;
  /** What is wrong: the file and what it is. */
  readonly problems: readonly string[];
}

interface Found extends SpooledLane {
  readonly entries: readonly SegmentEntry[];
}

/** Lists the spool by the names and sizes of its files. An empty list when there is no spool. */
export async function listSpool(spoolDir: string): Promise<SpooledLane[]> {
  return (await findLanes(spoolDir)).map(({ entries: _entries, ...lane }) => lane);
}

/** Reads every segment. */
export async function verifySpool(spoolDir: string, onProgress: (bytes: number) => void = () => {}): Promise<VerifiedSpool[]> {
  const verified: VerifiedSpool[] = [];
  for (const { entries, ...lane } of await findLanes(spoolDir)) {
    let events = 0;
    let damagedBytes = 0;
    const problems: string[] = [];
    for (const entry of entries) {
      const read = await readEntry(entry, lane);
      events += read.events;
      damagedBytes += read.damagedBytes;
      if (read.problem !== undefined) problems.push(`${entry.path}: ${read.problem}`);
      onProgress(read.bytes);
    }
    if (lane.owner === 'unknown') problems.unshift(`${lane.folder}/source.json: none that this version can read`);
    if (lane.segments === 0) problems.unshift(`${lane.folder}: may not be listed`);
    verified.push({ ...lane, events, damagedBytes, problems });
  }
  return verified;
}

async function findLanes(spoolDir: string): Promise<Found[]> {
  const folders = [
    ...(await listSources(spoolDir, Date.now())).map(({ path, source, isOrphan }) => ({
      path,
      folder: formatSourceId(source.sourceId),
      service: source.service,
      instance: source.instance,
      owner: isOrphan ? ('dead' as const) : ('alive' as const),
    })),
    ...(await listUnreadable(spoolDir)).map((path) => ({
      path,
      folder: basename(path),
      service: '',
      instance: '',
      owner: 'unknown' as const,
    })),
  ];
  const found: Found[] = [];
  for (const { path, ...whose } of folders) {
    for (const lane of SPOOL_LANES) {
      const entries = await listSegments(path, lane).catch(() => undefined);
      if (entries === undefined) {
        found.push({ ...whose, lane, segments: 0, bytes: 0, oldestMs: (await lstat(path)).mtimeMs, entries: [] });
        break;
      }
      const stats = await Promise.all(entries.map((entry) => lstat(entry.path).catch(() => undefined)));
      const there = stats.filter((each) => each !== undefined);
      if (there.length === 0) continue;
      const bytes = there.reduce((total, { size }) => total + size, 0);
      const oldestMs = Math.min(...there.map(({ mtimeMs }) => mtimeMs));
      found.push({ ...whose, lane, segments: there.length, bytes, oldestMs, entries });
    }
  }
  return found;
}

interface ReadEntry {
  readonly bytes: number;
  readonly events: number;
  readonly damagedBytes: number;
  readonly problem: string | undefined;
}

async function readEntry(entry: SegmentEntry, { folder, owner, service }: SpooledLane): Promise<ReadEntry> {
  const { path, isSealed } = entry;
  const size = (await lstat(path).catch(() => undefined))?.size ?? 0;
  let nothing = { bytes: size, events: 0, damagedBytes: 0, problem: undefined };
  const isBeingWritten = !isSealed && owner === 'alive';
  try {
    const bytes = await readSpoolFile(path, MAX_SEGMENT_BYTES);
    nothing = { ...nothing, bytes: bytes?.length ?? 0 };
    // Drained in this moment, or only just made.
    if (bytes === undefined || (bytes.length === 0 && !isSealed)) return nothing;
    const place = { ...entry, sourceId: BigInt(`0x${folder}`), service };
    const segment = readSegment(bytes, place);
    if (segment === undefined) return { ...nothing, problem: 'written by a newer version; it waits for a newer process' };
    refuseMisplaced(segment.header, place);
    const tailBytes = isBeingWritten ? 0 : segment.tailBytes;
    const damagedBytes = segment.damaged.reduce((total, { length }) => total + length, tailBytes);
    const events = segment.blocks.reduce((total, { rows }) => total + rows, 0);
    const places = segment.damaged.map(({ offset, length }) => `${length} bytes at ${offset}`);
    if (tailBytes > 0) places.push(`${tailBytes} bytes at its end`);
    const missing = (segment.blocks.at(-1)?.number ?? 0) - segment.blocks.length;
    if (missing > 0) places.push(`${missing} blocks that are missing`);
    const problem = places.length === 0 ? undefined : `no block can be read from ${places.join(', ')}`;
    return { bytes: bytes.length, events, damagedBytes, problem };
  } catch (error) {
    if (isBeingWritten) return nothing;
    return { ...nothing, damagedBytes: size, problem: describeError(error) };
  }
}
