// What summary, recent and prune ask of a folder of JSONL files, when there is no database.
import { existsSync } from 'node:fs';
import { KeepwatchError } from '../errors.ts';
import { createJsonlQueries } from '../jsonl/jsonl-queries.ts';
import type { History } from './history.ts';
import { plural } from './table.ts';

/** @throws KeepwatchError ERR_USAGE when there is no such folder */
export function openJsonlHistory(folder: string): History {
  if (!existsSync(folder)) {
    throw new KeepwatchError('ERR_USAGE', `KEEPWATCH_JSONL_DIR: there is no folder "${folder}"; nothing was recorded here yet`);
  }
  const queries = createJsonlQueries({
    folder,
    onBroken: ({ count, first }) =>
      process.stderr.write(`keepwatch: ${plural(count, 'line')} passed over, as no event: the first is ${first}\n`),
  });
  const until = (keepMs: number) => new Date(Date.now() - keepMs);
  return {
    summary: queries.summary,
    recent: queries.recent,
    prunable: async ({ keepMs, keepRollupsMs }) => {
      refuseRollups(keepRollupsMs);
      return { days: await queries.listBefore(until(keepMs)), logDays: [], months: [] };
    },
    async prune({ keepMs, signal, onRemoved: onGone = () => {} }) {
      const days = await queries.listBefore(until(keepMs));
      const removed: (typeof days)[number][] = [];
      const onRemoved = ({ day }: { readonly day: string }) => {
        const found = days.find((each) => each.day === day);
        if (found === undefined) return;
        removed.push(found);
        onGone(day);
      };
      await queries.removeBefore(until(keepMs), { shouldStop: () => signal?.aborted === true, onRemoved });
      return { days: removed, logDays: [], months: [], left: (await queries.listBefore(until(keepMs))).length };
    },
  };
}

function refuseRollups(keepRollupsMs: number | undefined): void {
  if (keepRollupsMs === undefined) return;
  throw new KeepwatchError(
    'ERR_USAGE',
    '--keep-rollups: files of KEEPWATCH_JSONL_DIR have no rollups; set DATABASE_URL to remove those of an archive',
  );
}
