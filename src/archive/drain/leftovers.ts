// What dead processes left in the spool: drained to the last readable block, the source closed. Its acknowledged segments are compared with
// the ledger until their grace time is over; then the folder is removed.
// Never touches a folder whose owner may be alive, nor removes what it has not drained.
import { loadSql } from '../../db/sql.ts';
import { describeError } from '../../errors.ts';
import { LANES, type SpoolLane } from '../../event.ts';
import { Acknowledged } from '../spool/acknowledged.ts';
import { formatSourceId } from '../spool/source.ts';
import {
  acknowledgeFile,
  finishRemovals,
  hasNewerLanes,
  listSegments,
  listSources,
  removeSource,
  type SegmentEntry,
  type SourceFolder,
  setAsideStrangers,
} from '../spool/spool-folder.ts';
import { type DrainContext, type DrainResult, drainSegments, isBefore, readMark } from './drain.ts';
import { hasLogTable, NO_TABLE } from './log-drain.ts';
import { type Replay, sayReplayed } from './replay.ts';

const closeSource = loadSql('archive/close-source');

export interface LeftoversContext extends Omit<DrainContext, 'now'> {
  /** Acknowledged segments of dead processes that are more than this are removed before their time; default: none is. */
  readonly maxAcknowledgedBytes?: number;
}

/** Sources of this process. */
export interface OwnSources {
  /** Drained by itself. */
  readonly own: ReadonlySet<bigint>;
  /** Closed, though the process lives. */
  readonly closed: ReadonlySet<bigint>;
}

const NO_SOURCES: OwnSources = { own: new Set(), closed: new Set() };

/**
 * Drains every orphan in the spool.
 * @throws what Postgres or the file system says, of the first orphan that it speaks of; the others are drained before, and a next call goes
 *   on from there
 */
export async function drainLeftovers(context: LeftoversContext, { own, closed }: OwnSources = NO_SOURCES): Promise<void> {
  let acknowledgedBytes = 0;
  const failures: unknown[] = [];
  await finishRemovals(context.spoolDir);
  for (const folder of await listSources(context.spoolDir, Date.now())) {
    const { sourceId } = folder.source;
    if (own.has(sourceId)) continue;
    const acknowledged = new Acknowledged(folder.path);
    const isEnded = folder.isOrphan || closed.has(sourceId);
    try {
      if (isEnded) await drainOrphan(folder, acknowledged, context);
    } catch (error) {
      failures.push(error);
      if (!isOfFile(error)) break;
    }
    if (isEnded) await acknowledged.trim(Math.max(0, (context.maxAcknowledgedBytes ?? Infinity) - acknowledgedBytes));
    acknowledgedBytes += acknowledged.bytes;
  }
  if (failures.length > 0) throw failures[0];
}

/** What the file system says of one folder says nothing of the next one; what Postgres says does. */
function isOfFile(error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException).syscall === 'string' && 'path' in Object(error);
}

/** Drains it; once all is committed, closes the source, and removes the folder when nothing in it is to be kept. */
async function drainOrphan(folder: SourceFolder, acknowledged: Acknowledged, context: LeftoversContext): Promise<void> {
  const { path, source } = folder;
  const { sourceId } = source;
  const before = await listSegments(path);
  await acknowledged.refresh();
  const isThere = (lane: SpoolLane) => before.some((entry) => entry.lane === lane) || acknowledged.from(lane, 0).length > 0;
  const lanes = LANES.filter(isThere);
  // The watermark stays where its owner has put it: he may live after all, and hold in memory what is older than what he wrote.
  const inSilence = { ...context, otherLanesMs: -Infinity };
  const replays: Replay[] = [];
  let unknownTailBytes = 0;
  let isDone = !(await hasNewerLanes(path));
  if (!isDone) context.onNewer?.(path);
  for (const lane of lanes) {
    const waiting = before.filter((entry) => entry.lane === lane);
    const { result, replay } = await drainLane(folder, lane, waiting, acknowledged, inSilence);
    isDone &&= result.isDone;
    if (replay !== undefined) replays.push(replay);
    unknownTailBytes += result.unknownTailBytes;
  }
  if (isThere('logs')) {
    // Rules wait for no source of which only log lines are left.
    if (isDone) await context.database.none(closeSource, { sourceId, lowWatermarkMs: null, unknownTailBytes });
    const waiting = before.filter((entry) => entry.lane === 'logs');
    const logs = await drainLogs(folder, waiting, acknowledged, context);
    isDone &&= logs?.result.isDone === true;
    if (logs?.replay !== undefined) replays.push(logs.replay);
    unknownTailBytes += logs?.result.unknownTailBytes ?? 0;
  }
  if (!isDone) return;
  sayReplayed(replays, source, context.logger);
  await context.database.none(closeSource, { sourceId, lowWatermarkMs: null, unknownTailBytes });
  // Its owner lives after all, and has written more.
  if ((await listSegments(path)).some(({ path: found }) => !before.some((entry) => entry.path === found))) return;
  for (const entry of before) if (!entry.isSealed) await acknowledgeFile(entry.path);
  await setAsideStrangers(path);
  if (before.length > 0) {
    const source_id = formatSourceId(sourceId);
    context.logger.info({ source_id, instance: source.instance, unknownTailBytes }, 'the spool of a dead process is archived');
  }
  await acknowledged.refresh();
  await acknowledged.expire();
  if (acknowledged.size === 0) await removeSource(path);
}

/** Behind the events of the source. @returns undefined when they have to wait, which is no reason for the events of others to do so */
async function drainLogs(
  folder: SourceFolder,
  waiting: readonly SegmentEntry[],
  acknowledged: Acknowledged,
  context: LeftoversContext,
): Promise<{ result: DrainResult; replay: Replay | undefined } | undefined> {
  try {
    if (!(await hasLogTable(context.database))) throw new Error(NO_TABLE);
    const { refusals: _ofEvents, ...own } = context;
    return await drainLane(folder, 'logs', waiting, acknowledged, { ...own, otherLanesMs: -Infinity });
  } catch (error) {
    const source_id = formatSourceId(folder.source.sourceId);
    context.logger.warn({ source_id }, `log lines of a dead process wait in the spool: ${describeError(error)}`);
    return undefined;
  }
}

/** Drains what waits in a lane, and what the ledger has forgotten of what it had acknowledged. */
async function drainLane(
  { source }: SourceFolder,
  lane: SpoolLane,
  waiting: readonly SegmentEntry[],
  acknowledged: Acknowledged,
  context: DrainContext,
): Promise<{ result: DrainResult; replay: Replay | undefined }> {
  const mark = await readMark(source, lane, context);
  const proved = { segment: acknowledged.from(lane, 0).at(-1)?.segment ?? 0, batch: 0 };
  let replay: Replay | undefined;
  const onCommit: DrainContext['onCommit'] = (outcome, durationMs, place) => {
    if (place.segment <= proved.segment) {
      const events = outcome.archived + outcome.deadLettered + outcome.quarantined;
      replay = { events: (replay?.events ?? 0) + events, lost: outcome.total.restored };
    }
    context.onCommit?.(outcome, durationMs, place);
  };
  const segments = [...acknowledged.from(lane, mark.segment), ...waiting].toSorted((a, b) => a.segment - b.segment);
  const result = await drainSegments(source, lane, segments, { ...context, provedUntil: proved, onCommit }, mark);
  return { result, replay: isBefore(mark, proved) ? replay : undefined };
}
