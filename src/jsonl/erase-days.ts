// Erases what the files of a JSONL store say of a person, beside processes that append to them: values are overwritten in place, so that each
// event stays a line with its times, status and ids, each file the file that its writers have open, and nothing is lost that is appended meanwhile.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { type DayFile, listDays } from './day-folder.ts';
import { type EraseRange, eraseLine, type LineMatcher, type Overwrite } from './erase-line.ts';
import { LineSplitter } from './read-lines.ts';
import { finishOverwrites, overwriteSafely } from './redo.ts';

export interface EraseDaysOptions {
  /** It need not be there. */
  readonly folder: string;
  readonly matcher: LineMatcher;
  readonly range: EraseRange;
  /** Counts, and changes nothing. */
  readonly isDryRun: boolean;
  /** Stops it between two pieces of a file. */
  readonly signal?: AbortSignal | undefined;
  /** @param file that is being looked into */
  readonly onProgress?: ((file: string) => void) | undefined;
}

export interface ErasedDays {
  /** Events that were erased, or would be, and the files that they stand in. */
  readonly events: number;
  readonly files: number;
  /** Places that hold, or may hold, what was asked for, and were left as they are: which, and why. */
  readonly left: readonly string[];
}

const CHUNK_BYTES = 262_144;
/** So many are noted and written at once. */
const OVERWRITES_AT_ONCE = 2000;
/** Of one file, at most so many places are named. */
const MAX_NAMED = 3;
/** Not waiting for anybody, should it be a pipe. */
const FLAGS = constants.O_NONBLOCK;

/** @throws what the file system says of the folder; a file that cannot be read or written is named instead */
export async function eraseDays(options: EraseDaysOptions): Promise<ErasedDays> {
  const { isDryRun, signal, onProgress } = options;
  const folder = resolve(options.folder);
  const total = { events: 0, files: 0, left: [] as string[] };
  if (!isDryRun) await finishOverwrites(folder);
  for (const day of await listDays(folder)) {
    if (signal?.aborted) break;
    onProgress?.(basename(day.path));
    const { events, left } = await eraseDay(day, options);
    total.events += events;
    if (events > 0) total.files++;
    total.left.push(...left);
  }
  return total;
}

interface ErasedDay {
  events: number;
  readonly left: string[];
}

async function eraseDay(day: DayFile, options: EraseDaysOptions): Promise<ErasedDay> {
  const erased: ErasedDay = { events: 0, left: [] };
  let handle: FileHandle | undefined;
  try {
    handle = await open(day.path, FLAGS | (options.isDryRun ? constants.O_RDONLY : constants.O_RDWR));
    const before = await handle.stat();
    if (!before.isFile()) throw new Error('it is no file');
    await eraseIn(day, { handle, size: before.size }, options, erased);
    // Retention goes by it: what nobody appends to has its time of writing back.
    const { size, mtimeMs } = await handle.stat();
    if (erased.events > 0 && size === before.size && mtimeMs !== before.mtimeMs) await handle.utimes(before.atime, before.mtime);
  } catch (error) {
    // Retention was faster.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') erased.left.push(`${day.path}: ${(error as Error).message}`);
  } finally {
    await handle?.close();
  }
  return erased;
}

async function eraseIn(
  { path, day }: DayFile,
  { handle, size }: { readonly handle: FileHandle; readonly size: number },
  { matcher, range, isDryRun, signal }: EraseDaysOptions,
  erased: ErasedDay,
): Promise<void> {
  let found: Overwrite[] = [];
  let events = 0;
  let number = 0;
  let unread = 0;
  const leave = (why: string) => {
    if (unread++ < MAX_NAMED) erased.left.push(`${path}:${number}: ${why}`);
  };
  const lines = new LineSplitter({
    line(bytes, at) {
      number++;
      const overwrites = eraseLine(bytes, day, matcher, range);
      // A last line without its end may be being written: what can be read of it whole is there, and stays where it is.
      if (overwrites === undefined && matcher.mayHold(bytes)) leave('no event can be read from it: erase again, or look at it');
      if (overwrites === undefined || overwrites.length === 0) return;
      events++;
      found.push(...overwrites.map((overwrite) => ({ ...overwrite, at: at + overwrite.at })));
    },
    tooLong() {
      number++;
      leave('it is too long to be read');
    },
  });
  const write = async () => {
    if (!isDryRun && found.length > 0) await overwriteSafely({ path, handle }, found);
    erased.events += events;
    found = [];
    events = 0;
  };
  const chunk = Buffer.alloc(CHUNK_BYTES);
  // What is appended meanwhile may come faster than it is read: it is left to a next run.
  for (let at = 0; at < size && !signal?.aborted; ) {
    const { bytesRead } = await handle.read(chunk, 0, Math.min(CHUNK_BYTES, size - at), at);
    if (bytesRead === 0) break;
    // What is carried over to the next chunk must not change with it.
    lines.add(Buffer.from(chunk.subarray(0, bytesRead)));
    at += bytesRead;
    if (found.length >= OVERWRITES_AT_ONCE) await write();
  }
  lines.end();
  await write();
  if (unread > MAX_NAMED) erased.left.push(`${path}: and ${unread - MAX_NAMED} more lines`);
}
