// Which slots of a group are due. Pure. Slots lie on a grid of `every`, aligned to the epoch. A slot is due once the archive has reached it; one
// that has waited for maxWait is evaluated with what there is, and what is older than that is skipped and counted. Where the archive was late all
// others are evaluated; where we are, because a slot takes longer than `every`, only the newest, or all would be old for ever.
import type { RuleGroup } from './rule.ts';
import type { Slot } from './slot-changes.ts';

/** At least how long a slot waits for the archive. */
const MIN_WAIT_MS = 10_000;

/** How long a slot waits for the archive before it is evaluated as partial, when nothing is said: twice `every`, at least 10 s. */
export function defaultMaxWaitMs(everyMs: number): number {
  return Math.max(2 * everyMs, MIN_WAIT_MS);
}

/** The queries of a group may take this long at most for a slot, however seldom its slots are. */
const MAX_SLOT_MS = 30_000;

/**
 * How long the queries of a group may take together for a slot: as long as the distance of its slots, at least as long as a slot waits for the
 * archive (what takes longer would only be evaluated to be skipped), at most 30 s.
 */
export function slotTimeoutMs(everyMs: number): number {
  return Math.min(Math.max(everyMs, MIN_WAIT_MS), MAX_SLOT_MS);
}

/** The newest slot that is not after a time. */
export function slotAt(ms: number, everyMs: number): number {
  return Math.floor(ms / everyMs) * everyMs;
}

/** Where the slots of a group lie, and how long one waits. */
export type Grid = Pick<RuleGroup, 'everyMs' | 'maxWaitMs'>;

export interface Progress {
  /** The clock of Postgres. */
  readonly nowMs: number;
  /** Everything before is archived; undefined when no source is living: there is nothing to wait for. */
  readonly watermarkMs: number | undefined;
  /** The newest slot that is committed; undefined for a new group. */
  readonly lastSlotMs: number | undefined;
  /** The last slot took longer than slots are apart. Default false. */
  readonly isOverloaded?: boolean;
}

/** The due slots, oldest first: several when the archive moved over several at once, so that `for` sees each of them; one when overloaded. */
export function dueSlots(
  { everyMs, maxWaitMs }: Grid,
  { nowMs, watermarkMs, lastSlotMs, isOverloaded = false }: Progress,
): Slot[] {
  const onGrid = (ms: number) => slotAt(ms, everyMs);
  const complete = onGrid(Math.min(nowMs, watermarkMs ?? nowMs));
  const forced = onGrid(nowMs - maxWaitMs);
  const newest = Math.max(complete, forced);
  const next = lastSlotMs === undefined ? newest : onGrid(lastSlotMs) + everyMs;
  const oldest = Math.max(next, isOverloaded ? newest : forced);
  const missed = (oldest - next) / everyMs;
  const slots: Slot[] = [];
  for (let slotMs = oldest; slotMs <= newest; slotMs += everyMs) {
    slots.push({ slotMs, isPartial: slotMs > complete, missed: slotMs === oldest ? missed : 0, watermarkMs });
  }
  return slots;
}
