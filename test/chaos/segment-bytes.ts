// Where the events of a segment stand, found by lengths alone, without the reader that is under test. For files that are whole.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface BlockPlace {
  readonly start: number;
  readonly end: number;
  /** Names of its events. */
  readonly tags: readonly string[];
}

export interface SegmentPlace {
  readonly headerEnd: number;
  readonly blocks: readonly BlockPlace[];
}

const TAG = /"chaos":\s*"([^"]+)"/g;
const PREFIX = 16;

/** @returns undefined when the file does not even hold its header */
export function locateBlocks(bytes: Buffer): SegmentPlace | undefined {
  if (bytes.length < PREFIX) return undefined;
  const headerEnd = PREFIX + bytes.readUInt32BE(8);
  if (headerEnd > bytes.length) return undefined;
  const blocks: BlockPlace[] = [];
  for (let start = headerEnd; start + 12 <= bytes.length; ) {
    const end = start + bytes.readUInt32BE(start + 8);
    if (end <= start || end > bytes.length) break;
    blocks.push({ start, end, tags: tagsIn(bytes.subarray(start, end)) });
    start = end;
  }
  return { headerEnd, blocks };
}

function tagsIn(bytes: Buffer): string[] {
  return [...bytes.toString('latin1').matchAll(TAG)].map((match) => match[1] ?? '');
}

/** Paths of all segments below a folder, by the ending of their names. */
export function segmentFiles(folder: string, endings: readonly string[] = ['.seg', '.open']): string[] {
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names
    .filter((name) => !name.startsWith('suspect') && endings.some((ending) => name.endsWith(ending)))
    .sort()
    .map((name) => join(folder, name));
}

/** Names of the events in all sealed segments below a folder. */
export function sealedTags(folder: string): string[] {
  return segmentFiles(folder, ['.seg']).flatMap((file) => {
    try {
      return locateBlocks(readFileSync(file))?.blocks.flatMap(({ tags }) => tags) ?? [];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  });
}
