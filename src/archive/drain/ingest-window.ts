// Which rows the archive takes by their time: those that ended at most 7 days back, and an hour ahead, by the clock of Postgres. Others go to
// the quarantine.
import { readTimestampMs, splitTuples } from '../segments/copy-tuples.ts';
import { relationOf } from '../segments/relations.ts';
import type { SegmentHeader } from '../segments/segment-format.ts';
import type { Block } from '../segments/segment-reader.ts';
import type { Rows, Run } from './refused-rows.ts';

const WINDOW_BACK_MS = 7 * 86_400_000;
const WINDOW_AHEAD_MS = 3_600_000;

/** What the window is made from. */
export interface WindowOptions {
  /** What time it is in Postgres. */
  readonly databaseNowMs: number;
  /** How long raw events are kept: what retention would remove is not taken. Default: for ever. */
  readonly keepMs?: number | undefined;
  /** An import: its rows are taken whenever they ended. Default false. */
  readonly takesAnyTime?: boolean;
}

/** From and to belong to it. */
export interface IngestWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

export function windowOf({ databaseNowMs, keepMs = Infinity, takesAnyTime = false }: WindowOptions): IngestWindow {
  if (takesAnyTime) return { fromMs: -Infinity, toMs: Infinity };
  return { fromMs: databaseNowMs - Math.min(WINDOW_BACK_MS, keepMs), toMs: databaseNowMs + WINDOW_AHEAD_MS };
}

/** Rows inside the window, and rows outside. Only blocks that touch its border are taken apart. */
export function sortByWindow(header: SegmentHeader, blocks: readonly Block[], { fromMs, toMs }: IngestWindow): [Rows, Rows] {
  const { timeColumn, quarantine } = relationOf(header.relation);
  const field = header.columns.indexOf(timeColumn);
  const inside: Run[] = [];
  const outside: Run[] = [];
  let quarantined = 0;
  for (const { number, rows, minEndMs, maxEndMs, frames, rowSeries } of blocks) {
    if (rows === 0) continue;
    const named = rowSeries && { frames, rowSeries };
    if (minEndMs >= fromMs && maxEndMs <= toMs) {
      inside.push({ block: number, row: 1, frames, named });
      continue;
    }
    splitTuples(frames).forEach((tuple, index) => {
      const endMs = readTimestampMs(tuple, field);
      const isInside = endMs >= fromMs && endMs <= toMs;
      if (!isInside) quarantined++;
      (isInside ? inside : outside).push({ block: number, row: index + 1, frames: tuple, named });
    });
  }
  const total = blocks.reduce((sum, block) => sum + block.rows, 0);
  return [
    { relation: header.relation, runs: inside, count: total - quarantined },
    { relation: quarantine, runs: outside, count: quarantined },
  ];
}

/** A sentence when the clock of a source is so far off that its events are quarantined; undefined while it is not. */
export function describeSkew(clockOffsetMs: number): string | undefined {
  if (clockOffsetMs <= WINDOW_AHEAD_MS && clockOffsetMs >= -WINDOW_BACK_MS) return undefined;
  const minutes = Math.round(Math.abs(clockOffsetMs) / 60_000);
  const side = clockOffsetMs > 0 ? 'ahead of' : 'behind';
  return `the clock of this process is ${minutes} min ${side} that of Postgres: its events are quarantined; set the clocks and restart it`;
}
