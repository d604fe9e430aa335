// Fills a spool in a process of its own, so that what drains it has paid for nothing but draining: whole sources, sealed, not committed.
import { mkdir, rm } from 'node:fs/promises';
import { closeDatabase, createDatabase } from '../../src/db/database.ts';
import { answerParent } from '../child-side.ts';
import { createBenchArchive, offerEvents } from './bench-archive.ts';
import { createReferenceBatches, type TakeBatch } from './reference-batch.ts';
import { createReferenceEvents } from './reference-events.ts';

/** Nobody listens there: what is recorded stays in the spool. */
const NOWHERE = 'postgres://nobody@127.0.0.1:9/none';

export interface FillPlan {
  /** Emptied first. */
  readonly spoolDir: string;
  /** Over all sources. */
  readonly rows: number;
  readonly sources: number;
  /** The end of the events' time, in milliseconds since the epoch. */
  readonly untilMs: number;
  /** Of the events. */
  readonly series: number;
}

export type SpoolFillerMethods = { fill(plan: FillPlan): Promise<void> };

/** Events of each kind, once they are made. */
const made = new Map<string, TakeBatch>();

answerParent({
  async fill({ spoolDir, rows, sources, untilMs, series }) {
    await rm(spoolDir, { recursive: true, force: true });
    await mkdir(spoolDir, { recursive: true });
    const key = `${rows} ${untilMs} ${series}`;
    const take = made.get(key) ?? createReferenceBatches(createReferenceEvents(rows, untilMs, series));
    made.set(key, take);
    for (let source = 0; source < sources; source++) {
      const [from, until] = [Math.floor((rows * source) / sources), Math.floor((rows * (source + 1)) / sources)];
      await fillSource(spoolDir, take, from, until);
    }
  },
} satisfies SpoolFillerMethods);

async function fillSource(spoolDir: string, take: TakeBatch, from: number, until: number): Promise<void> {
  const database = createDatabase({ url: NOWHERE, max: 1 });
  const archive = createBenchArchive(database, spoolDir);
  await offerEvents(archive, take, { from, until, recordedBefore: -from });
  await archive.stop({ timeoutMs: 10_000 });
  await closeDatabase(database);
}
