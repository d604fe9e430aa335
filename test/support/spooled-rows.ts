// What a spool folder says of each source and lane: the counts of its last block, and the ids of its rows.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { splitTuples } from '../../src/archive/segments/copy-tuples.ts';
import { readSegment } from '../../src/archive/segments/segment-reader.ts';
import { listSegments } from '../../src/archive/spool/spool-folder.ts';
import { type EventCounts, LANES, type Lane } from '../../src/event.ts';

export interface SpooledLane {
  /** Name of the source's folder. */
  readonly folder: string;
  readonly lane: Lane;
  readonly counts: EventCounts;
  readonly ids: readonly string[];
  /** Every segment has its last block. */
  readonly isSealed: boolean;
}

/** Reads every segment; lanes without a readable block are left out. */
export async function readSpool(spoolDir: string): Promise<SpooledLane[]> {
  const found: SpooledLane[] = [];
  for (const folder of existsSync(spoolDir) ? readdirSync(spoolDir).toSorted() : []) {
    for (const lane of LANES) {
      const entries = await listSegments(join(spoolDir, folder), lane);
      const segments = entries.flatMap(({ path }) => readSegment(readFileSync(path)) ?? []);
      const blocks = segments.flatMap((segment) => segment.blocks);
      const ids = blocks.flatMap(({ frames }) => splitTuples(frames).map((tuple) => tuple.toString('hex', 6, 22)));
      const counts = blocks.at(-1)?.counts;
      const isSealed = segments.every(({ isComplete }) => isComplete);
      if (counts !== undefined) found.push({ folder, lane, counts, ids, isSealed });
    }
  }
  return found;
}
