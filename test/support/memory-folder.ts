// Where servers of tests keep data that nobody needs afterwards: in memory, where there is room. A database is 700 files, and ext4 passes over every
// inode that was deleted in the last seconds: there the hundredth database of a run takes half a second of CPU, in memory 20 ms.
import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MEMORY = '/dev/shm';
const MIN_FREE_BYTES = 2e9;
const PREFIX = 'keepwatch-test-';

/** @returns a new folder, in the temporary one where memory has no room. Whoever asks removes it; what killed runs left in memory is removed here. */
export function makeMemoryFolder(): string {
  if (!hasRoom()) return mkdtempSync(join(tmpdir(), PREFIX));
  for (const name of readdirSync(MEMORY)) if (isLeft(name)) rmSync(join(MEMORY, name), { recursive: true, force: true });
  return mkdtempSync(join(MEMORY, `${PREFIX}${process.pid}-`));
}

function hasRoom(): boolean {
  if (!existsSync(MEMORY)) return false;
  const { bavail, bsize } = statfsSync(MEMORY);
  return bavail * bsize >= MIN_FREE_BYTES;
}

function isLeft(name: string): boolean {
  const pid = name.startsWith(PREFIX) ? name.slice(PREFIX.length).split('-')[0] : undefined;
  return pid !== undefined && !existsSync(`/proc/${pid}`);
}
