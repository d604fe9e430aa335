// Which events a spool folder holds: read from its files as a later process would, whatever state they are in.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { splitTuples } from '../../src/archive/segments/copy-tuples.ts';
import { readSegment } from '../../src/archive/segments/segment-reader.ts';

/** The ids (as Postgres prints a uuid) of all events in readable blocks of sealed and open segments. Beside a running process only a snapshot. */
export function readSpooledIds(spoolDir: string): string[] {
  if (!existsSync(spoolDir)) return [];
  const files = readdirSync(spoolDir, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(seg|open)$/.test(file));
  return files.flatMap((file) => {
    try {
      const segment = readSegment(readFileSync(join(spoolDir, file)));
      return (segment?.blocks ?? []).flatMap((block) => splitTuples(block.frames).map(idOf));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as { code?: string }).code === 'ERR_SEGMENT_INVALID')
        return [];
      throw error;
    }
  });
}

/** The first field of a tuple: behind the field count (int16) and its length (int32), 16 bytes. */
function idOf(tuple: Buffer): string {
  return tuple.toString('hex', 6, 22).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
