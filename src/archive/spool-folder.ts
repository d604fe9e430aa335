// What stands where in the spool: <spoolDir>/<source id>/source.json and <lane>-<segment>.open|.seg, and <spoolDir>/suspect/.
import { randomBytes } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { lstat, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Lane } from '../event.ts';
import { isOwnerDead, parseSource, type Source } from './source.ts';
import { MAX_SOURCE_FILE_BYTES, readSpoolFile } from './spool-file.ts';

export const SOURCE_FILE = 'source.json';
const SUSPECT_FOLDER = 'suspect';
/** What a source's folder has by itself. */
const OWN_FILE = /^(?:source\.json(?:\.new)?|(?:keep|rest)-\d{10}\.(?:open|seg|ack))$/;

/** A segment as the folder lists it. */
export interface SegmentEntry {
  readonly path: string;
  readonly lane: Lane;
  readonly segment: number;
  /** `.seg`: nothing will be added. */
  readonly isSealed: boolean;
}

/** A source's folder. */
export interface SourceFolder {
  readonly path: string;
  readonly source: Source;
  /** Its owner can be proved dead. */
  readonly isOrphan: boolean;
  readonly bytes: number;
}

export function segmentPath(folder: string, lane: Lane, segment: number, state: 'open' | 'seg'): string {
  return join(folder, `${lane}-${String(segment).padStart(10, '0')}.${state}`);
}

/** The segments of one source and lane, in order; none when the folder is gone, or a file is in its place. */
export async function listSegments(folder: string, lane?: Lane): Promise<SegmentEntry[]> {
  const entries = (await namesIn(folder)).flatMap((name) => {
    const match = /^(keep|rest)-(\d{10})\.(open|seg)$/.exec(name);
    if (match === null || (lane !== undefined && match[1] !== lane)) return [];
    return [{ path: join(folder, name), lane: match[1] as Lane, segment: Number(match[2]), isSealed: match[3] === 'seg' }];
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
    found.push({ path, source, isOrphan, bytes: await bytesIn(path) });
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

/** Bytes that the files directly in a folder take on the disk; 0 when it cannot be read. */
export async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await namesIn(folder).catch(() => [])) {
    const file = await lstat(join(folder, name)).catch(() => undefined);
    bytes += file === undefined ? 0 : Math.min(file.size, file.blocks * 512);
  }
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

/** What is set aside in suspect/: how many files and folders, and the bytes of the files. */
export async function measureSuspect(spoolDir: string): Promise<{ files: number; bytes: number }> {
  const folder = join(spoolDir, SUSPECT_FOLDER);
  return { files: (await namesIn(folder).catch(() => [])).length, bytes: await bytesIn(folder) };
}

/** Removes a segment that is committed. One that another drainer removed is as good. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
}

/**
 * Removes a source's folder with the segments named, which are drained. Others have come meanwhile when its owner lives after all: then
 * nothing is removed. What somebody else has put there is set aside.
 * @returns whether it is gone
 */
export async function removeSource(folder: string, drained: readonly SegmentEntry[]): Promise<boolean> {
  const known = new Set(drained.map(({ path }) => path));
  if ((await listSegments(folder)).some(({ path }) => !known.has(path))) return false;
  for (const name of await namesIn(folder)) if (!OWN_FILE.test(name)) await setAsideFile(dirname(folder), join(folder, name));
  await rm(folder, { recursive: true, force: true });
  return true;
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
