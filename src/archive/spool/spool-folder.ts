// What stands where in the spool: <spoolDir>/<source id>/source.json and <lane>-<segment>.open|.seg|.ack, and <spoolDir>/suspect/.
import { randomBytes } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { lstat, mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SPOOL_LANES, type SpoolLane } from '../../event.ts';
import { MAX_SOURCE_FILE_BYTES, readSpoolFile } from '../segments/spool-file.ts';
import { formatSourceId, isOwnerDead, parseSource, type Source } from './source.ts';

export const SOURCE_FILE = 'source.json';
const SUSPECT_FOLDER = 'suspect';
/** Of a lane of this version or a newer one. */
const SEGMENT_FILE = /^([a-z][a-z0-9_]{0,30})-\d{10}\.(?:open|seg|ack)$/;
/** What a source's folder has by itself, besides. */
const OWN_FILE = /^source\.json(?:\.new)?$/;

/** A segment as the folder lists it. */
export interface SegmentEntry {
  readonly path: string;
  readonly lane: SpoolLane;
  readonly segment: number;
  /** `.seg` or `.ack`: nothing will be added. */
  readonly isSealed: boolean;
  /** `.ack`: it was committed, and is kept for a while, in case the ledger goes back. */
  readonly isAcknowledged: boolean;
  /** What is in it, where no file is: the disk has refused it. */
  readonly content?: Buffer;
}

/** A source's folder. */
export interface SourceFolder {
  readonly path: string;
  readonly source: Source;
  /** Its owner can be proved dead. */
  readonly isOrphan: boolean;
}

type SegmentState = 'open' | 'seg' | 'ack';

export function segmentPath(folder: string, lane: SpoolLane, segment: number, state: SegmentState): string {
  return join(folder, `${lane}-${String(segment).padStart(10, '0')}.${state}`);
}

/** The segments of one source and lane that wait, in order; none when the folder is gone, or a file is in its place. */
export function listSegments(folder: string, lane?: SpoolLane): Promise<SegmentEntry[]> {
  return listInStates(folder, ['open', 'seg'], lane);
}

/** The segments of one source and lane that were committed and are kept for the grace time, in order. */
export function listAcknowledged(folder: string, lane?: SpoolLane): Promise<SegmentEntry[]> {
  return listInStates(folder, ['ack'], lane);
}

async function listInStates(folder: string, states: readonly SegmentState[], lane?: SpoolLane): Promise<SegmentEntry[]> {
  const entries = (await namesIn(folder)).flatMap((name) => {
    const match = /^(keep|rest|logs)-(\d{10})\.(open|seg|ack)$/.exec(name);
    if (match === null || (lane !== undefined && match[1] !== lane) || !states.includes(match[3] as SegmentState)) return [];
    const [, found, segment, state] = match;
    const flags = { isSealed: state !== 'open', isAcknowledged: state === 'ack' };
    return [{ path: join(folder, name), lane: found as SpoolLane, segment: Number(segment), ...flags }];
  });
  return entries.sort((a, b) => a.lane.localeCompare(b.lane) || a.segment - b.segment);
}

/** Every folder of a source in the spool; what is none is passed over, and who does not say whether it lives (`listUnreadable`). */
export async function listSources(spoolDir: string, nowMs: number): Promise<SourceFolder[]> {
  const found: SourceFolder[] = [];
  for (const path of await sourceFoldersIn(spoolDir)) {
    const source = await readSource(path);
    const heartbeat = (await stat(join(path, SOURCE_FILE)).catch(() => undefined))?.mtimeMs;
    if (source === undefined || heartbeat === undefined) continue;
    const isOrphan = isOwnerDead(source, nowMs - heartbeat);
    found.push({ path, source, isOrphan });
  }
  return found;
}

/** Paths of source folders that nobody drains: their source.json is missing, damaged, or of a newer version, or they cannot be read. */
export async function listUnreadable(spoolDir: string): Promise<string[]> {
  const found: string[] = [];
  for (const path of await sourceFoldersIn(spoolDir)) {
    if ((await readSource(path)) !== undefined) continue;
    const segments = await listSegments(path).catch(() => undefined);
    if (segments === undefined || segments.length > 0) found.push(path);
  }
  return found;
}

async function readSource(folder: string): Promise<Source | undefined> {
  const bytes = await readSpoolFile(join(folder, SOURCE_FILE), MAX_SOURCE_FILE_BYTES).catch(() => undefined);
  return bytes && parseSource(bytes.toString());
}

/** Never through a link. */
async function sourceFoldersIn(spoolDir: string): Promise<string[]> {
  const folders = (await entriesIn(spoolDir)).filter((entry) => entry.isDirectory() && /^[0-9a-f]{16}$/.test(entry.name));
  return folders.map(({ name }) => join(spoolDir, name));
}

/** Bytes that the files directly in a folder take on the disk; 0 when it cannot be read. What is acknowledged gives way, and is left out. */
export async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await namesIn(folder).catch(() => [])) {
    if (name.endsWith('.ack')) continue;
    const file = await lstat(join(folder, name)).catch(() => undefined);
    bytes += file === undefined ? 0 : Math.min(file.size, file.blocks * 512);
  }
  return bytes;
}

/** Bytes of what waits in the folders of sources that are none of `own`, whoever they are of; 0 of a spool that cannot be read. */
export async function bytesOfOthers(spoolDir: string, own: readonly bigint[]): Promise<number> {
  const ownPaths = new Set(own.map((sourceId) => join(spoolDir, formatSourceId(sourceId))));
  let bytes = 0;
  for (const path of await sourceFoldersIn(spoolDir).catch(() => [])) if (!ownPaths.has(path)) bytes += await bytesIn(path);
  return bytes;
}

/**
 * Moves what is no segment to suspect/, or only gives it another name where that cannot be.
 * @returns where it is, and its length (0 of what is no file); undefined when it is gone
 * @throws what the file system says when it can do neither
 */
export async function setAsideFile(spoolDir: string, path: string): Promise<{ path: string; bytes: number } | undefined> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return undefined;
  const bytes = stats.isFile() ? stats.size : 0;
  const target = await suspectPath(spoolDir, path, '')
    .then((suspect) => rename(path, suspect).then(() => suspect))
    .catch(async () => {
      const beside = `${path}.${randomBytes(4).toString('hex')}.suspect`;
      await rename(path, beside);
      return beside;
    });
  return { path: target, bytes };
}

/** Keeps bytes that are no block; the name says where they stood. @returns where */
export async function setAsideBytes(spoolDir: string, path: string, offset: number, bytes: Uint8Array): Promise<string> {
  const target = await suspectPath(spoolDir, path, `.${offset}`);
  await writeFile(target, bytes, { mode: 0o600 });
  return target;
}

/** A name in suspect/ that nothing has yet. */
async function suspectPath(spoolDir: string, path: string, suffix: string): Promise<string> {
  const folder = join(spoolDir, SUSPECT_FOLDER);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const target = join(folder, `${basename(join(path, '..'))}-${basename(path)}${suffix}`);
  const isTaken = (await lstat(target).catch(() => undefined)) !== undefined;
  return isTaken ? `${target}.${randomBytes(4).toString('hex')}` : target;
}

/** What is acknowledged and kept in case the ledger goes back, of all sources. */
export async function measureAcknowledged(spoolDir: string): Promise<{ files: number; bytes: number }> {
  let files = 0;
  let bytes = 0;
  for (const folder of await sourceFoldersIn(spoolDir)) {
    for (const { path } of await listAcknowledged(folder).catch(() => [])) {
      files++;
      bytes += (await lstat(path).catch(() => undefined))?.size ?? 0;
    }
  }
  return { files, bytes };
}

/** What is set aside in suspect/: how many files and folders, and the bytes of the files. */
export async function measureSuspect(spoolDir: string): Promise<{ files: number; bytes: number }> {
  const folder = join(spoolDir, SUSPECT_FOLDER);
  return { files: (await namesIn(folder).catch(() => [])).length, bytes: await bytesIn(folder) };
}

/**
 * Notes that a segment is committed: its time of writing becomes that of the acknowledgement, and its name says so. One that another drainer
 * has renamed is as good; one that the disk does not rename is found committed the next time.
 */
export async function acknowledgeFile(path: string): Promise<void> {
  const now = new Date();
  try {
    await utimes(path, now, now);
    await rename(path, path.replace(/\.(open|seg)$/, '.ack'));
  } catch {
    // See above.
  }
}

/** Whether a newer version has written segments of a lane that this one does not know: they wait for a newer process. */
export async function hasNewerLanes(folder: string): Promise<boolean> {
  const lanes: readonly string[] = SPOOL_LANES;
  return (await namesIn(folder)).some((name) => !lanes.includes(SEGMENT_FILE.exec(name)?.[1] ?? 'keep'));
}

/** What somebody else has put into a source's folder. */
export async function setAsideStrangers(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (!OWN_FILE.test(name) && !SEGMENT_FILE.test(name)) await setAsideFile(dirname(folder), join(folder, name));
  }
}

/**
 * Removes a source's folder that holds no segment any more. It is renamed first, and looked at again: when its owner lives after all and has
 * written meanwhile, what it wrote is put back. What somebody else has put there is set aside.
 * @returns whether it is gone
 */
export async function removeSource(folder: string): Promise<boolean> {
  const away = `${folder}.removed`;
  await finishRemoval(away);
  try {
    await rename(folder, away);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
  return await finishRemoval(away);
}

/** Finishes the removals that a crash has cut off. */
export async function finishRemovals(spoolDir: string): Promise<void> {
  for (const name of await namesIn(spoolDir)) if (/^[0-9a-f]{16}\.removed$/.test(name)) await finishRemoval(join(spoolDir, name));
}

async function finishRemoval(away: string): Promise<boolean> {
  const found = (await namesIn(away)).filter((name) => SEGMENT_FILE.test(name));
  if (found.length > 0) {
    const folder = away.slice(0, -'.removed'.length);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (!(await namesIn(folder)).includes(SOURCE_FILE)) await moveFile(join(away, SOURCE_FILE), join(folder, SOURCE_FILE));
    for (const name of found) await moveFile(join(away, name), join(folder, name));
  }
  await setAsideStrangers(away);
  await rm(away, { recursive: true, force: true });
  return found.length === 0;
}

/** Another process may have been faster. */
async function moveFile(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

async function namesIn(folder: string): Promise<string[]> {
  return (await entriesIn(folder)).map(({ name }) => name).sort();
}

/** None when the folder is gone, or a file is in its place. */
async function entriesIn(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

/** Paths of what was set aside; none when there is nothing. */
export async function listSuspects(spoolDir: string): Promise<string[]> {
  const folder = join(spoolDir, SUSPECT_FOLDER);
  return (await namesIn(folder).catch(() => [])).map((name) => join(folder, name));
}
