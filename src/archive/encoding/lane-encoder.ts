// What writes the rows of a lane: the encoder of events, or that of log lines.
import { type EventCounts, LANES, type LaneBatch, type SpoolLane } from '../../event.ts';
import { type EncodedBlock, type EncodedRows, Encoder } from './encoder.ts';
import { LogEncoder } from './log-encoder.ts';

export interface LaneEncoder {
  /** Encodes from index `from` until the block or the batch ends. What cannot be read harms nothing else. @param batch of the lane */
  encode(batch: LaneBatch, from: number): EncodedRows;
  /** The block of what was encoded; its place in a segment is given to it by `finishBlock`. */
  takeBlock(counts: EventCounts, lowWatermarkMs: number): EncodedBlock;
  /** Takes back the memory of a block that is on the disk: nobody may read or write it any more. */
  recycle(block: Pick<EncodedBlock, 'page'>): void;
}

export function createEncoder(lane: SpoolLane, sourceId: bigint): LaneEncoder {
  return lane === 'logs' ? new LogEncoder(sourceId) : new Encoder(sourceId, LANES.indexOf(lane));
}
