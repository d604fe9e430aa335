// What the spool's objects are to the drain, and what its reports are to them.
import { SPOOL_LANES, type SpoolLane } from '../../event.ts';
import type { LaneSpool } from '../spool/lane-spool.ts';
import type { SourceSpool } from '../spool/source-spool.ts';
import type { DrainReport, LaneReport, LaneState, SourceState } from './drain-messages.ts';

/** @param takesMemory name also what the disk refuses, to be committed straight from memory */
export function describeSource(spool: SourceSpool, { takesMemory }: { takesMemory: boolean }): SourceState {
  const { source, folder } = spool;
  const lane = (name: SpoolLane) => describeLane(spool.lane(name), takesMemory);
  return { source, folder, lanes: { keep: lane('keep'), rest: lane('rest'), logs: lane('logs') } };
}

function describeLane(spool: LaneSpool, takesMemory: boolean): LaneState {
  // In this order: the segment in memory comes behind all that are sealed by now.
  const { lastSealed, sealedSegments, isUsed } = spool;
  const memory = takesMemory ? spool.takeMemorySegment() : undefined;
  return {
    isUsed,
    lastSealed,
    sealed: sealedSegments,
    memory,
    isAllNamed: spool.unsealedEvents === 0,
    lowWatermarkMs: spool.lowWatermarkMs,
  };
}

/** @returns whether the next segment has something to tell: it is to be sealed and drained */
export function applyReport(spool: SourceSpool, { lanes }: DrainReport): boolean {
  return SPOOL_LANES.map((lane) => applyLane(spool.lane(lane), lanes[lane])).some(Boolean);
}

function applyLane(spool: LaneSpool, { missing, mustRetell }: LaneReport): boolean {
  const gone = new Set(missing);
  const hasForgotten = gone.size > 0 && spool.forgetMissing((segment) => !gone.has(segment));
  if (mustRetell) spool.retellCounts();
  return hasForgotten || mustRetell;
}
