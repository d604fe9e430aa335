// What stands where in the spool: <spoolDir>/<source id>/source.json and <lane>-<segment>.open|.seg, and <spoolDir>/suspect/.
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Lane } from '../event.ts';
import { isOwnerDead, parseSource, type Source } from './source.ts';

export const SOURCE_FILE = 'source.json';
const SUSPECT_FOLDER = 'suspect';

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
    const sourceFile = join(path, SOURCE_FILE);
    const source = parseSource(await readFile(sourceFile, 'utf8').catch(() => ''));
    const heartbeat = (await stat(sourceFile).catch(() => undefined))?.mtimeMs;
    if (source === undefined || heartbeat === undefined) continue;
    const isOrphan = isOwnerDead(source, nowMs - heartbeat);
    found.push({ path, source, isOrphan, bytes: await bytesIn(path) });
  }
  return found;
}

/** Paths of source folders that nobody drains: their source.json is missing, damaged, or of a newer version. */
export async function listUnreadable(spoolDir: string): Promise<string[]> {
  const found: string[] = [];
  for (const path of await sourceFoldersIn(spoolDir)) {
    const source = parseSource(await readFile(join(path, SOURCE_FILE), 'utf8').catch(() => ''));
    if (source === undefined && (await listSegments(path)).length > 0) found.push(path);
  }
  return found;
}

async function sourceFoldersIn(spoolDir: string): Promise<string[]> {
  return (await namesIn(spoolDir)).filter((name) => /^[0-9a-f]{16}$/.test(name)).map((name) => join(spoolDir, name));
}

/** Bytes of the files directly in a folder. */
export async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await namesIn(folder)) bytes += (await stat(join(folder, name)).catch(() => undefined))?.size ?? 0;
  return bytes;
}

/** Moves a file that is no segment out of the way. @returns where to */
export async function setAsideFile(spoolDir: string, path: string): Promise<string> {
  const target = await suspectPath(spoolDir, path, '');
  await rename(path, target);
  return target;
}

/** Keeps bytes that are no block; the name says where they stood. @returns where */
export async function setAsideBytes(spoolDir: string, path: string, offset: number, bytes: Uint8Array): Promise<string> {
  const target = await suspectPath(spoolDir, path, `.${offset}`);
  await writeFile(target, bytes, { mode: 0o600 });
  return target;
}

async function suspectPath(spoolDir: string, path: string, suffix: string): Promise<string> {
  const folder = join(spoolDir, SUSPECT_FOLDER);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return join(folder, `${basename(join(path, '..'))}-${basename(path)}${suffix}`);
}

/** Removes a segment that is committed. One that another drainer removed is as good. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
}

/**
 * Removes a source's folder with the segments named, which are drained. Others have come meanwhile when its owner lives after all: then
 * nothing is removed.
 * @returns whether it is gone
 */
export async function removeSource(folder: string, drained: readonly SegmentEntry[]): Promise<boolean> {
  const known = new Set(drained.map(({ path }) => path));
  if ((await listSegments(folder)).some(({ path }) => !known.has(path))) return false;
  await rm(folder, { recursive: true, force: true });
  return true;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
