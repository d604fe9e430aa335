// One file of lines, written in pieces of 64 kB, synced at the end of a slice.
import { randomUUID } from 'node:crypto';
import { open, rm, stat } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import type { Store } from './contender.ts';
import { createRows, type Row } from './rows.ts';

/** Rows between two turns of the event loop: what the pump hands on at a time. */
export const ROWS_A_TURN = 512;

/**
 * @param write stores some rows in the file at `path`
 * @param close when all are written
 */
export function createFileStore(
  write: (rows: readonly Row[], path: string) => Promise<void> | void,
  close: () => Promise<void> = async () => {},
): Store {
  const rows = createRows();
  let path = `${randomUUID()}.lines`;
  return {
    fill() {},
    async drain(noteTurn) {
      for (let from = 0; from < rows.length; from += ROWS_A_TURN) {
        await write(rows.slice(from, from + ROWS_A_TURN), path);
        await setImmediate();
        noteTurn();
      }
    },
    async finish() {
      await close();
      const file = await open(path, 'r');
      await file.datasync();
      await file.close();
      return (await stat(path)).size;
    },
    async reset() {
      await rm(path);
      path = `${randomUUID()}.lines`;
    },
  };
}
