// Harms the bytes of one segment as disks and people do, and tells which events it has destroyed.
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Random } from '../../demo/random.ts';
import { locateBlocks, segmentFiles } from './segment-bytes.ts';

export const HARMS = ['flip', 'truncate', 'zero'] as const;
export type Harm = (typeof HARMS)[number];

/**
 * Harms a segment below the folder, if there is one. One that is still written loses bytes of whole blocks only, and is not cut: what
 * stands behind its last block is not known.
 * @returns the events that stood in the bytes, and a sentence; undefined when there is nothing to harm
 */
export function damageSegment(folder: string, harm: Harm, random: Random): { tags: string[]; what: string } | undefined {
  const files = segmentFiles(folder, harm === 'truncate' ? ['.seg'] : ['.seg', '.open']);
  if (files.length === 0) return undefined;
  const file = random.pick(files);
  let fd: number;
  let bytes: Buffer;
  try {
    fd = openSync(file, 'r+');
  } catch {
    return undefined; // acknowledged in this moment
  }
  try {
    bytes = readFileSync(fd);
    const places = locateBlocks(bytes);
    const length = places?.blocks.at(-1)?.end;
    if (places === undefined || length === undefined) return undefined;
    const [from, to] = writeHarm(fd, bytes, length, harm, random);
    const isHeaderHit = from < places.headerEnd;
    const hit = places.blocks.filter(({ start, end }) => isHeaderHit || (start < to && end > from));
    return { tags: hit.flatMap(({ tags }) => tags), what: `${harm} of bytes ${from} to ${to} in ${file}` };
  } finally {
    closeSync(fd);
  }
}

/** @returns the range of bytes that are no longer what they were */
function writeHarm(fd: number, bytes: Buffer, length: number, harm: Harm, random: Random): [number, number] {
  // Headers are short, and hit rarely enough: every fourth time on purpose.
  const from = random.below(4) === 0 ? random.below(Math.min(length, 400)) : random.below(length);
  switch (harm) {
    case 'truncate':
      ftruncateSync(fd, from);
      return [from, bytes.length];
    case 'flip': {
      const flipped = Buffer.from([(bytes[from] ?? 0) ^ (1 << random.below(8))]);
      writeSync(fd, flipped, 0, 1, from);
      return [from, from + 1];
    }
    case 'zero': {
      const count = Math.min(1 + random.below(4096), length - from);
      writeSync(fd, Buffer.alloc(count), 0, count, from);
      return [from, from + count];
    }
  }
}
