// Walks what waits in the spool of one source and lane, from the mark of the ledger on: each block's counts have to say as many events more
// than those before it as it has rows. Where they say more, events are missing, and their place is known.
import type { EventCounts } from '../../event.ts';
import { type Difference, describePlace, type Loss, type Place, sum } from './verify-report.ts';
import type { SpooledLane, WaitingBlock, WaitingSegment } from './verify-spool.ts';

/** How far the ledger is. */
export interface Mark {
  readonly segment: number;
  readonly batch: number;
  readonly counts: EventCounts;
}

export interface Queue {
  readonly blocks: readonly WaitingBlock[];
  readonly rows: number;
  /** After the last block; those of the mark when nothing waits. */
  readonly counts: EventCounts;
  /** Will be counted as dropped, reason damaged. */
  readonly losses: readonly Loss[];
  readonly problems: readonly Difference[];
}

interface Position {
  /** Undefined: the mark, whose segment need not be there any more. */
  readonly segment: WaitingSegment | undefined;
  readonly number: number;
  readonly block: number;
}

/** @param segments all that are behind the mark, in order */
export function walkQueue(
  place: Pick<Place, 'sourceId' | 'lane'>,
  mark: Mark,
  segments: readonly WaitingSegment[],
  unreadable: SpooledLane['unreadable'],
): Queue {
  const blocks: WaitingBlock[] = [];
  const losses: Loss[] = [];
  const problems: Difference[] = [];
  let { counts } = mark;
  let from: Position = { segment: undefined, number: mark.segment, block: mark.batch };
  for (const segment of segments) {
    for (const block of segment.blocks) {
      if (segment.segment < mark.segment || (segment.segment === mark.segment && block.number <= mark.batch)) continue;
      const missing = handedOn(block.counts) - handedOn(counts) - block.rows;
      const to: Position = { segment, number: segment.segment, block: block.number };
      if (missing < 0) problems.push(surplus(place, to, block.rows + missing, block.rows));
      else if (missing > 0) {
        const gap = describeGap(place, from, to, missing, unreadable);
        if ('reason' in gap) losses.push(gap);
        else problems.push(gap);
      }
      blocks.push(block);
      ({ counts } = block);
      from = to;
    }
  }
  const rows = blocks.reduce((total, block) => total + block.rows, 0);
  return { blocks, rows, counts, losses, problems };
}

/** Events that came into blocks, or should have. */
function handedOn({ recorded, sampledOut, dropped }: EventCounts): number {
  return recorded - sampledOut - sum(dropped);
}

function describeGap(
  place: Pick<Place, 'sourceId' | 'lane'>,
  from: Position,
  to: Position,
  events: number,
  unreadable: SpooledLane['unreadable'],
): Loss | Difference {
  const behind = `${events} events are missing before segment ${to.number} block ${to.block}`;
  const where = { ...place, segment: to.number, block: to.block };
  const file = to.segment?.path ?? '';
  const sentence = (what: string) => `${describePlace(place)}: ${behind}: ${what}`;
  const lost = (what: string, at: Partial<Place>): Loss => ({
    ...where,
    ...at,
    reason: 'damaged',
    events,
    message: sentence(what),
  });
  const broken = unreadable.find(({ segment = 0 }) => segment >= from.number && segment <= to.number);
  if (broken !== undefined) return lost(`${broken.path} cannot be read`, { file: broken.path });
  const damaged = to.segment?.damaged[0];
  if (damaged !== undefined) {
    return lost(`no block can be read at offset ${damaged.offset} of ${file}, ${damaged.length} bytes`, {
      file,
      offset: damaged.offset,
    });
  }
  if (from.number === to.number && from.segment !== undefined) return lost(`blocks of ${file} are gone`, { file });
  if (from.segment !== undefined && !from.segment.isComplete && to.number === from.number + 1) {
    return lost(`${from.segment.path} is cut short behind block ${from.block}`, { file: from.segment.path });
  }
  const missing = describeMissing(from, to);
  return {
    ...where,
    kind: 'missing_blocks',
    expected: events,
    found: 0,
    message: sentence(`${missing} should be in the spool`),
    advice: 'bring the file back if you have it; else its events are counted as damaged when the next segment is drained',
  };
}

function describeMissing(from: Position, to: Position): string {
  const first = from.number + 1;
  const last = to.number - 1;
  if (last > first) return `segments ${first} to ${last}`;
  if (last === first) return `segment ${first}`;
  if (to.block > 1 && to.number !== from.number) return `the blocks before it`;
  return `segment ${from.number} behind block ${from.block}`;
}

function surplus(place: Pick<Place, 'sourceId' | 'lane'>, at: Position, expected: number, found: number): Difference {
  return {
    ...place,
    segment: at.number,
    block: at.block,
    ...(at.segment && { file: at.segment.path }),
    kind: 'surplus_blocks',
    expected,
    found,
    message: `${describePlace(place)}: segment ${at.number} block ${at.block} has ${found} rows, its counts say ${expected}`,
    advice: 'report it: no version of Keepwatch writes such a block',
  };
}
