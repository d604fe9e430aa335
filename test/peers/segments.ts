// Whether anything waits in a spool.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** @param folder of a contender's process: the spool is in it */
export function hasSegments(folder: string): boolean {
  const spool = join(folder, 'spool');
  return (
    existsSync(spool) && readdirSync(spool, { recursive: true, encoding: 'utf8' }).some((name) => /\.(open|seg)$/.test(name))
  );
}
