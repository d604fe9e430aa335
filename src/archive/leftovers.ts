// What dead processes left in the spool: drained to the last readable block, the source closed, its folder removed.
// Never touches a folder whose owner may be alive, nor removes what it has not drained.
import { loadSql } from '../db/sql.ts';
import { LANES } from '../event.ts';
import { type DrainContext, drainSegments } from './drain.ts';
import { formatSourceId } from './source.ts';
import { listSegments, listSources, removeSource, type SourceFolder } from './spool-folder.ts';

const closeSource = loadSql('archive/close-source');

/**
 * Drains every orphan in the spool.
 * @param ownSourceId of this process, if it has one
 * @returns the bytes that folders of other sources, dead or alive, still hold
 * @throws what Postgres or the file system says, of the first orphan that it speaks of; the others are drained before, and a next call goes
 *   on from there
 */
export async function drainLeftovers(ownSourceId: bigint | undefined, context: Omit<DrainContext, 'now'>): Promise<number> {
  let otherBytes = 0;
  const failures: unknown[] = [];
  for (const folder of await listSources(context.spoolDir, Date.now())) {
    if (folder.source.sourceId === ownSourceId) continue;
    let isGone = false;
    try {
      isGone = folder.isOrphan && (await drainOrphan(folder, context));
    } catch (error) {
      failures.push(error);
      if (!isOfFile(error)) break;
    }
    if (!isGone) otherBytes += folder.bytes;
  }
  if (failures.length > 0) throw failures[0];
  return otherBytes;
}

/** What the file system says of one folder says nothing of the next one; what Postgres says does. */
function isOfFile(error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException).syscall === 'string' && 'path' in Object(error);
}

/** @returns whether all was committed and the folder removed */
async function drainOrphan(folder: SourceFolder, context: Omit<DrainContext, 'now'>): Promise<boolean> {
  const { path, source } = folder;
  let unknownTailBytes = 0;
  let isDone = true;
  const before = await listSegments(path);
  // The watermark moves with the last lane, when the others are committed.
  const lastLane = LANES.findLast((lane) => before.some((entry) => entry.lane === lane));
  for (const lane of LANES) {
    const segments = before.filter((entry) => entry.lane === lane);
    const otherLanesMs = lane === lastLane && isDone ? Infinity : -Infinity;
    const result = await drainSegments(source, lane, segments, { ...context, otherLanesMs });
    isDone &&= result.isDone;
    unknownTailBytes += result.unknownTailBytes;
  }
  if (!isDone) return false;
  const { sourceId } = source;
  await context.database.none(closeSource, { sourceId, lowWatermarkMs: null, unknownTailBytes });
  if (!(await removeSource(path, before))) return false;
  const source_id = formatSourceId(sourceId);
  context.logger.info({ source_id, instance: source.instance, unknownTailBytes }, 'the spool of a dead process is archived');
  return true;
}
