// What waits in a spool, as the law needs it: the blocks of each source and lane with their counts, and what cannot be read. Reads only.
// Rows are counted by series and let go: a full spool is larger than the memory should be.
import { basename, join } from 'node:path';
import { describeError } from '../../errors.ts';
import { type EventCounts, SPOOL_LANES, type SpoolLane } from '../../event.ts';
import { eachLevel } from '../encoding/tuple-levels.ts';
import { eachSeries } from '../encoding/tuple-series.ts';
import { MAX_SEGMENT_BYTES } from '../segments/segment-format.ts';
import { type DamagedRange, readSegment, refuseMisplaced, type Segment } from '../segments/segment-reader.ts';
import { readSeriesCounts } from '../segments/series-blocks.ts';
import { type SeriesCount, seriesKey } from '../segments/series-counts.ts';
import { readSpoolFile } from '../segments/spool-file.ts';
import type { Source } from '../spool/source.ts';
import {
  listAcknowledged,
  listSegments,
  listSources,
  listUnreadable,
  type SegmentEntry,
  SOURCE_FILE,
  type SourceFolder,
  segmentPath,
} from '../spool/spool-folder.ts';

export interface WaitingBlock {
  readonly number: number;
  readonly rows: number;
  readonly counts: EventCounts;
  /** Its rows, by `seriesKey`. */
  readonly rowsBySeries: ReadonlyMap<string, number>;
  /** Counts that it tells. */
  readonly told: readonly SeriesCount[];
}

export interface WaitingSegment {
  readonly segment: number;
  readonly path: string;
  readonly blocks: readonly WaitingBlock[];
  readonly damaged: readonly DamagedRange[];
  readonly tailBytes: number;
  readonly isComplete: boolean;
}

export interface Unreadable {
  readonly path: string;
  /** Undefined for a folder. */
  readonly segment: number | undefined;
  readonly message: string;
}

export interface SpooledSource extends Pick<SourceFolder, 'path' | 'isOrphan'> {
  readonly source: Pick<Source, 'sourceId' | 'service' | 'instance'>;
}

/** What the spool holds of a source and lane. */
export interface SpooledLane {
  readonly folder: SpooledSource;
  readonly lane: SpoolLane;
  /** In order. */
  readonly segments: readonly WaitingSegment[];
  /** Committed, and kept for a while; not read. */
  readonly acknowledged: readonly SegmentEntry[];
  readonly unreadable: readonly Unreadable[];
}

/** Reads everything that waits. @throws what the file system says of itself; what it says of a file is told */
export async function readSpool(spoolDir: string, onFolder: (path: string) => void): Promise<SpooledLane[]> {
  const found: SpooledLane[] = [];
  const readFolder = async (folder: SpooledSource, unreadable: readonly Unreadable[]) => {
    onFolder(folder.path);
    for (const lane of SPOOL_LANES) {
      const spooled = await readLane(folder, lane);
      const isThere = spooled.segments.length + spooled.acknowledged.length + spooled.unreadable.length > 0;
      if (isThere) found.push({ ...spooled, unreadable: [...unreadable, ...spooled.unreadable] });
    }
  };
  for (const folder of await listSources(spoolDir, Date.now())) await readFolder(folder, []);
  for (const path of await listUnreadable(spoolDir)) {
    const source = { sourceId: BigInt(`0x${basename(path)}`), service: '', instance: '' };
    const message = 'no source that this version can read; what the folder holds is not archived';
    await readFolder({ path, source, isOrphan: false }, [{ path: join(path, SOURCE_FILE), segment: undefined, message }]);
  }
  return found;
}

/**
 * Acknowledged segments that end behind the mark: the ledger went back, and they wait for being archived again.
 * @param mark segment of the mark; the caller sorts out the blocks before it
 */
export async function readAcknowledged({ folder, acknowledged }: SpooledLane, mark: number): Promise<WaitingSegment[]> {
  const found: WaitingSegment[] = [];
  for (const entry of acknowledged.filter(({ segment }) => segment >= mark)) {
    const segment = await readEntry(folder, entry).catch(() => undefined);
    if (segment !== undefined) found.push(segment);
  }
  return found;
}

async function readLane(folder: SpooledSource, lane: SpoolLane): Promise<SpooledLane> {
  const segments: WaitingSegment[] = [];
  const unreadable: Unreadable[] = [];
  const note = (path: string, segment: number | undefined, error: unknown) => {
    unreadable.push({ path, segment, message: describeError(error) });
  };
  const list = (entries: Promise<SegmentEntry[]>) =>
    entries.catch((error: unknown) => {
      note(folder.path, undefined, error);
      return [];
    });
  // First what waits: what is acknowledged meanwhile is in both, and a file that is gone by then has been committed.
  const waiting = await list(listSegments(folder.path, lane));
  const acknowledged = unreadable.length > 0 ? [] : await list(listAcknowledged(folder.path, lane));
  for (const entry of waiting) {
    try {
      const segment = await readEntry(folder, entry);
      if (segment !== undefined) segments.push(segment);
    } catch (error) {
      const isBeingMade = !entry.isSealed && !folder.isOrphan;
      if (!isBeingMade) note(entry.path, entry.segment, error);
    }
  }
  return { folder, lane, segments, acknowledged, unreadable };
}

/** @returns undefined when nothing is in it yet, it is of a newer version, or it was committed and removed meanwhile */
async function readEntry(folder: SpooledSource, entry: SegmentEntry): Promise<WaitingSegment | undefined> {
  const { lane, segment } = entry;
  // It may be sealed, and acknowledged, between the list and now.
  const paths = [entry.path, ...(['seg', 'ack'] as const).map((state) => segmentPath(folder.path, lane, segment, state))];
  for (const path of paths) {
    const bytes = await readSpoolFile(path, MAX_SEGMENT_BYTES);
    if (bytes === undefined) continue;
    if (bytes.length === 0 && !entry.isSealed) return undefined;
    const place = { ...entry, ...folder.source };
    const found = readSegment(bytes, place);
    if (found === undefined) return undefined;
    refuseMisplaced(found.header, place);
    return summarize(found, path);
  }
  return undefined;
}

function summarize({ header, blocks, damaged, tailBytes, isComplete }: Segment, path: string): WaitingSegment {
  const summaries = blocks.map((block): WaitingBlock => {
    const rowsBySeries = new Map<string, number>();
    const eachRow = header.lane === 'logs' ? eachLevel : eachSeries;
    eachRow(block.frames, header.columns, (type, name) => {
      const key = seriesKey(type, name);
      rowsBySeries.set(key, (rowsBySeries.get(key) ?? 0) + 1);
    });
    const { number, rows, counts } = block;
    return { number, rows, counts, rowsBySeries, told: readSeriesCounts([block]) };
  });
  return { segment: header.segment, path, blocks: summaries, damaged, tailBytes, isComplete };
}
