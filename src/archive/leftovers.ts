// What dead processes left in the spool: drained to the last readable block, the source closed, its folder removed.
// Never touches a folder whose owner may be alive.
import { rm } from 'node:fs/promises';
import { loadSql } from '../db/sql.ts';
import { LANES } from '../event.ts';
import { type DrainContext, drainSegments } from './drain.ts';
import { formatSourceId } from './source.ts';
import { listSegments, listSources, type SourceFolder } from './spool-folder.ts';

const closeSource = loadSql('archive/close-source');

/**
 * Drains every orphan in the spool.
 * @returns the bytes that folders of other sources, dead or alive, still hold
 * @throws what Postgres or the file system says; a next call goes on from there
 */
export async function drainLeftovers(ownSourceId: bigint, context: Omit<DrainContext, 'now'>): Promise<number> {
  let otherBytes = 0;
  for (const folder of await listSources(context.spoolDir, Date.now())) {
    if (folder.source.sourceId === ownSourceId) continue;
    const isGone = folder.isOrphan && (await drainOrphan(folder, context));
    if (!isGone) otherBytes += folder.bytes;
  }
  return otherBytes;
}

/** @returns whether all was committed and the folder removed */
async function drainOrphan({ path, source }: SourceFolder, context: Omit<DrainContext, 'now'>): Promise<boolean> {
  let unknownTailBytes = 0;
  for (const lane of LANES) {
    const result = await drainSegments(source, lane, await listSegments(path, lane), context);
    if (!result.isDone) return false;
    unknownTailBytes += result.unknownTailBytes;
  }
  const { sourceId } = source;
  await context.database.none(closeSource, { sourceId, lowWatermarkMs: null, unknownTailBytes });
  await rm(path, { recursive: true, force: true });
  const source_id = formatSourceId(sourceId);
  context.logger.info({ source_id, instance: source.instance, unknownTailBytes }, 'the spool of a dead process is archived');
  return true;
}
