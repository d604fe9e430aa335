// Counts of series as blocks of a segment: `[type, name, recorded, dropped]` in JSON, as many blocks as they need.
import { z } from 'zod';
import type { EventCounts } from '../../event.ts';
import { encodeSeriesBlock, MAX_BLOCK_BYTES } from './segment-format.ts';
import { type SeriesCount, seriesKey, seriesName } from './series-counts.ts';

/** Room for the prefix of a block and the counts of its lane. */
const HEAD_BYTES = 2048;

const cumulative = z.int().nonnegative();
const seriesSchema = z.array(z.tuple([z.string().max(50), z.string(), cumulative, cumulative]).rest(z.unknown()));

/** The blocks that tell these counts; none when there are none. */
export function encodeSeriesBlocks(series: readonly SeriesCount[], counts: EventCounts, lowWatermarkMs: number): Buffer[] {
  const blocks: Buffer[] = [];
  let entries: string[] = [];
  let bytes = HEAD_BYTES;
  const end = () => {
    if (entries.length > 0) blocks.push(encodeSeriesBlock(counts, lowWatermarkMs, Buffer.from(`[${entries.join()}]`)));
    entries = [];
    bytes = HEAD_BYTES;
  };
  for (const { type, name, recorded, dropped } of series) {
    const entry = JSON.stringify([type, name, recorded, dropped]);
    const entryBytes = Buffer.byteLength(entry) + 1;
    if (bytes + entryBytes > MAX_BLOCK_BYTES) end();
    entries.push(entry);
    bytes += entryBytes;
  }
  end();
  return blocks;
}

/** What blocks say of series, each series once, the larger counts where it comes again. Blocks of rows, and what is none of ours, say nothing. */
export function readSeriesCounts(blocks: readonly { readonly series?: Buffer }[]): SeriesCount[] {
  const found = new Map<string, SeriesCount>();
  for (const block of blocks) {
    if (block.series === undefined) continue;
    for (const [type, given, recorded, dropped] of parse(block.series)) {
      const name = seriesName(given);
      const key = seriesKey(type, name);
      const known = found.get(key);
      const larger = (a: number, b = 0) => Math.max(a, b);
      found.set(key, { type, name, recorded: larger(recorded, known?.recorded), dropped: larger(dropped, known?.dropped) });
    }
  }
  return [...found.values()];
}

function parse(bytes: Buffer): z.infer<typeof seriesSchema> {
  try {
    return seriesSchema.parse(JSON.parse(bytes.toString()));
  } catch {
    return [];
  }
}
