// The folder of a JSONL store: a file a UTC day, named after it. What is named otherwise is somebody else's.
import { readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const DAY_FILE = /^(\d{4}-\d{2}-\d{2})\.jsonl$/;

/** A file of the folder. */
export interface DayFile {
  /** `2026-11-21` */
  readonly day: string;
  readonly path: string;
}

export function fileOfDay(day: string): string {
  return `${day}.jsonl`;
}

/**
 * The files of the folder, the newest day first; none where there is no folder.
 * @throws what the file system says
 */
export async function listDays(folder: string): Promise<DayFile[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const days = names.map((name) => DAY_FILE.exec(name)?.[1]).filter((day) => day !== undefined);
  return days
    .sort()
    .reverse()
    .map((day) => ({ day, path: join(folder, fileOfDay(day)) }));
}

export interface RemoveOptions {
  /** Only files that were last written before this moment, by the clock of the file system. */
  readonly writtenBeforeMs?: number;
  /** Asked before each file. */
  readonly shouldStop?: () => boolean;
  readonly onRemoved?: (file: DayFile) => void;
}

/**
 * Removes the files of days before `day`, the oldest first; one that another process removes at the same time is not counted.
 * @returns the days that were removed
 * @throws what the file system says; what is removed by then stays removed
 */
export async function removeDaysBefore(folder: string, day: string, options: RemoveOptions = {}): Promise<string[]> {
  const { writtenBeforeMs = Infinity, shouldStop = () => false, onRemoved = () => {} } = options;
  const removed: string[] = [];
  for (const file of (await listDays(folder)).reverse()) {
    if (file.day >= day || shouldStop()) break;
    try {
      if (writtenBeforeMs !== Infinity && (await stat(file.path)).mtimeMs >= writtenBeforeMs) continue;
      await unlink(file.path);
      removed.push(file.day);
      onRemoved(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return removed;
}
