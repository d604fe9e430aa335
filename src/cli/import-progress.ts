// How an import comes along, as one line. Each file is read twice, to be checked and to be imported: rate and time left are those of the
// reading under way, and of what it has read itself where an earlier import had come a part of the way.
import type { ImportProgress } from '../archive/transfer/file-import.ts';
import { formatSeconds } from './progress.ts';
import { formatCount } from './table.ts';

const MS_PER_SECOND = 1000;
/** So long a reading is under way before its rate is told. */
const SETTLED_SECONDS = 1;

/** @param now monotonic milliseconds @returns the line for where it is; makes nothing but a note until the line is asked for */
export function createImportProgress(now: () => number): (file: string, progress: ImportProgress) => () => string {
  let reading: { readonly file: string; readonly first: ImportProgress; readonly startedMs: number } | undefined;
  return (file, progress) => {
    if (reading?.file !== file || reading.first.what !== progress.what) reading = { file, first: progress, startedMs: now() };
    const { first, startedMs } = reading;
    return () => `${file}: ${describe(progress, first, (now() - startedMs) / MS_PER_SECOND)}`;
  };
}

function describe({ what, rows, share }: ImportProgress, first: ImportProgress, seconds: number): string {
  if (what === 'waiting') return 'waiting for another import';
  const unit = what === 'importing' ? 'events' : 'lines';
  const parts = [what, `${formatCount(rows)} ${unit}`];
  const isSettled = seconds >= SETTLED_SECONDS && share > first.share;
  if (isSettled) parts.push(`${formatCount(Math.round((rows - first.rows) / seconds))} ${unit}/s`);
  parts.push(`${Math.floor(share * 100)} %`);
  if (isSettled && share < 1) parts.push(`${formatSeconds((seconds * (1 - share)) / (share - first.share))} left`);
  return parts.join('  ');
}
