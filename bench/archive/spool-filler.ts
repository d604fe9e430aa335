// Fills a spool in a process of its own, so that what drains it has paid for nothing but draining: whole sources, sealed, not committed.
import { mkdir, rm } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { createArchive } from '../../src/archive/archive.ts';
import { closeDatabase, createDatabase } from '../../src/db/database.ts';
import { silentLogger } from '../../src/logger.ts';
import { answerParent } from '../child-side.ts';
import { createReferenceBatches, type TakeBatch } from './reference-batch.ts';
import { createReferenceEvents, SERVICE } from './reference-events.ts';

/** What the tracker offers at a time. */
const BATCH_SIZE = 1024;
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
}

export type SpoolFillerMethods = { fill(plan: FillPlan): Promise<void> };

let made: { readonly key: string; readonly take: TakeBatch } | undefined;

answerParent({
  async fill({ spoolDir, rows, sources, untilMs }) {
    await rm(spoolDir, { recursive: true, force: true });
    await mkdir(spoolDir, { recursive: true });
    const key = `${rows} ${untilMs}`;
    if (made?.key !== key) made = { key, take: createReferenceBatches(createReferenceEvents(rows, untilMs)) };
    for (let source = 0; source < sources; source++) {
      const [from, until] = [Math.floor((rows * source) / sources), Math.floor((rows * (source + 1)) / sources)];
      await fillSource(spoolDir, made.take, from, until);
    }
  },
} satisfies SpoolFillerMethods);

async function fillSource(spoolDir: string, take: TakeBatch, from: number, until: number): Promise<void> {
  const database = createDatabase({ url: NOWHERE, max: 1 });
  const archive = createArchive({
    database,
    spoolDir,
    spoolMaxBytes: 4e9,
    durability: 'process',
    service: SERVICE,
    instance: 'bench',
    cron: '*/2 * * * * *',
    now: Date.now,
    collect() {},
    logger: silentLogger,
  });
  for (let next = from; next < until; ) {
    next += archive.sink.accept(take(next, Math.min(next + BATCH_SIZE, until), -from));
    await setImmediate();
  }
  await archive.stop({ timeoutMs: 10_000 });
  await closeDatabase(database);
}
