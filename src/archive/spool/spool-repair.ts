// Mends what keeps a spool from being drained: a folder that does not say whose it is, and files that are no segments.
import { rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { KeepwatchError } from '../../errors.ts';
import { MAX_SEGMENT_BYTES } from '../segments/segment-format.ts';
import { readSegment, refuseMisplaced, type Segment } from '../segments/segment-reader.ts';
import { MAX_SOURCE_FILE_BYTES, readSpoolFile } from '../segments/spool-file.ts';
import { formatSource, SOURCE_VERSION, type Source } from './source.ts';
import { listSegments, listSources, listUnreadable, type SegmentEntry, SOURCE_FILE, setAsideFile } from './spool-folder.ts';

export interface Repair {
  readonly path: string;
  /** What was, or would be, done. */
  readonly action: string;
}

/**
 * Writes a source.json from what the segments say where it is missing or damaged, and sets files aside that are no segments. Folders of
 * processes that live are left alone. Damaged blocks need no repair: draining sets them aside, and counts their events.
 * @param options.isDryRun only say what would be done
 */
export async function repairSpool(spoolDir: string, { isDryRun = false }: { isDryRun?: boolean } = {}): Promise<Repair[]> {
  const repairs: Repair[] = [];
  const dead = (await listSources(spoolDir, Date.now())).filter(({ isOrphan }) => isOrphan);
  const nobodys = (await listUnreadable(spoolDir)).map((path) => ({
    path,
    source: { sourceId: BigInt(`0x${basename(path)}`), service: '' },
  }));
  for (const { path, source: owner } of [...dead, ...nobodys]) {
    const { source, broken } = await readFolder(path, owner);
    for (const file of broken) {
      if (!isDryRun) await setAsideFile(spoolDir, file);
      repairs.push({ path: file, action: 'is no segment: moved to suspect/' });
    }
    const sourceFile = join(path, SOURCE_FILE);
    if (dead.some((each) => each.path === path) || source === undefined || (await isOfNewerVersion(sourceFile))) continue;
    if (!isDryRun) {
      await writeFile(`${sourceFile}.new`, formatSource(source), { mode: 0o600, flush: true });
      await rename(`${sourceFile}.new`, sourceFile);
    }
    repairs.push({ path: sourceFile, action: 'written from what the segments say; drained once it is 30 s old' });
  }
  return repairs;
}

async function isOfNewerVersion(sourceFile: string): Promise<boolean> {
  try {
    const bytes = await readSpoolFile(sourceFile, MAX_SOURCE_FILE_BYTES);
    const { formatVersion } = JSON.parse(String(bytes)) as { formatVersion?: unknown };
    return typeof formatVersion === 'number' && formatVersion > SOURCE_VERSION;
  } catch {
    return false;
  }
}

type Owner = Pick<Source, 'sourceId' | 'service'>;

/** @returns the source, if a segment of it can be read; and the files that are no segments of it */
async function readFolder(path: string, owner: Owner): Promise<{ source: Source | undefined; broken: string[] }> {
  const suspects: SegmentEntry[] = [];
  let source: Source | undefined;
  for (const entry of await listSegments(path).catch(() => [])) {
    const segment = await readEntry(entry, owner);
    if (segment === 'broken') suspects.push(entry);
    else if (segment !== undefined) source ??= recoveredSource(owner.sourceId, segment.header.service);
  }
  const broken: string[] = [];
  for (const entry of suspects) {
    // With what the others say, a damaged header can be made again.
    if ((await readEntry(entry, source ?? owner)) === 'broken') broken.push(entry.path);
  }
  return { source, broken };
}

/** @returns undefined when there is nothing to say: it is gone, just made, or of a newer version */
async function readEntry(entry: SegmentEntry, owner: Owner): Promise<Segment | 'broken' | undefined> {
  const place = { ...entry, sourceId: owner.sourceId, service: owner.service };
  try {
    const bytes = await readSpoolFile(entry.path, MAX_SEGMENT_BYTES);
    if (bytes === undefined || bytes.length === 0) return undefined;
    const segment = readSegment(bytes, place);
    if (segment !== undefined) refuseMisplaced(segment.header, place);
    return segment;
  } catch (error) {
    if (!(error instanceof KeepwatchError)) throw error;
    return 'broken';
  }
}

/** Of a process that nobody knows any more: dead once its file is 30 s old. */
function recoveredSource(sourceId: bigint, service: string): Source {
  const unknown = { bootId: 'unknown', pidStartTime: null, pidNamespace: null };
  return {
    formatVersion: SOURCE_VERSION,
    sourceId,
    service,
    instance: 'recovered',
    startedAt: new Date(0).toISOString(),
    pid: 1,
    ...unknown,
  };
}
