// What a process run works with: apps in processes of their own on one spool, each with a proxy before Postgres, and what has to be healed.
import { join } from 'node:path';
import { drainLeftovers } from '../../../src/archive/drain/leftovers.ts';
import { createPartitions } from '../../../src/archive/drain/partitions.ts';
import { closeDatabase, createDatabase, type Database } from '../../../src/db/database.ts';
import { silentLogger } from '../../../src/logger.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { waitFor } from '../../support/wait-for.ts';
import { describeScene } from '../autopsy.ts';
import { Evidence } from '../evidence.ts';
import { sealedTags, segmentFiles } from '../segment-bytes.ts';
import { Watermarks } from '../watermarks.ts';
import { AppProcess } from './app-process.ts';
import { type ProcessStage, untilUp } from './stage.ts';

/** An answer of Postgres that is lost is given up after 60 s, and what follows is tried again after 15 s more. */
const SETTLE_MS = 150_000;

/** One place for an app: when it dies, another takes it, behind the same proxy. */
export interface Slot {
  readonly proxy: TcpProxy;
  readonly isIsolated: boolean;
  app: AppProcess;
}

export class World {
  readonly service: string;
  readonly stage: ProcessStage;
  readonly url: string;
  /** Not through a proxy. */
  readonly database: Database;
  readonly evidence = new Evidence();
  readonly watermarks: Watermarks;
  readonly slots: Slot[] = [];
  readonly #ended: AppProcess[] = [];
  readonly #heals: (() => Promise<void> | void)[] = [];
  #started = 0;

  constructor(service: string, stage: ProcessStage, url: string) {
    this.service = service;
    this.stage = stage;
    this.url = url;
    this.database = createDatabase({ url, max: 3, connectTimeoutMs: 2000 });
    this.watermarks = new Watermarks(this.database, service);
  }

  get spoolDir(): string {
    return join(this.stage.disk.path, 'spool');
  }

  /** All apps that ever ran. */
  get apps(): readonly AppProcess[] {
    return [...this.slots.map(({ app }) => app), ...this.#ended];
  }

  /** @param isIsolated its apps run in pid namespaces of their own */
  async openSlot(isIsolated: boolean): Promise<void> {
    const proxy = await TcpProxy.start(this.url);
    this.slots.push({ proxy, isIsolated, app: this.#startApp(proxy, isIsolated) });
  }

  slot(index: number): Slot {
    const slot = this.slots[index % this.slots.length];
    if (slot === undefined) throw new Error('no app runs');
    return slot;
  }

  /** Kills the app with -9, notes what it left sealed, and starts another in its place. */
  async crash(slot: Slot): Promise<void> {
    await slot.app.kill();
    this.evidence.markSafe(sealedTags(this.spoolDir));
    this.#ended.push(slot.app);
    slot.app = this.#startApp(slot.proxy, slot.isIsolated);
  }

  /** One round over what dead apps left, as another process would make it, from outside of their namespaces. @throws what Postgres says */
  async drainLeft(): Promise<void> {
    const { database, spoolDir } = this;
    await drainLeftovers({ database, partitions: createPartitions(database), spoolDir, logger: silentLogger });
  }

  onHeal(heal: () => Promise<void> | void): void {
    this.#heals.push(heal);
  }

  async heal(): Promise<void> {
    for (const heal of this.#heals.splice(0).reverse()) await heal();
  }

  /** Looks at the watermarks, if Postgres lets us. */
  async look(): Promise<void> {
    await this.watermarks.look().catch(() => {});
  }

  /** Everything works again: all is drained, apps are stopped. @throws Error when it is not in time */
  async settle(): Promise<void> {
    await this.heal();
    await untilUp(this.database);
    for (const { proxy, app } of this.slots) {
      proxy.up();
      await app.ready();
      app.tell('quiet');
    }
    for (const { app } of this.slots) {
      await waitFor(() => app.isDrained || !app.isRunning, { timeoutMs: SETTLE_MS }).catch(async () => {
        throw new Error(`${app.name} is not drained: ${app.state}\n${await describeScene(this.database, this.spoolDir)}`);
      });
    }
    await this.watermarks.look();
    await Promise.all(this.slots.map(({ app }) => app.stop()));
    const isEmpty = async () => {
      await this.drainLeft();
      return segmentFiles(this.spoolDir).length === 0;
    };
    await waitFor(isEmpty, { timeoutMs: SETTLE_MS, what: 'what dead apps left to be drained' });
    await this.watermarks.look();
  }

  /** Ends what still runs, whatever state it is in. */
  async close(): Promise<void> {
    await this.heal();
    for (const app of this.apps) if (app.isRunning) await app.kill();
    for (const { proxy } of this.slots) await proxy.close();
    await closeDatabase(this.database, { timeoutMs: 500 });
  }

  #startApp(proxy: TcpProxy, isIsolated: boolean): AppProcess {
    return new AppProcess({
      name: `app-${++this.#started}`,
      evidence: this.evidence,
      isIsolated,
      env: {
        DATABASE_URL: proxy.urlOf(this.url),
        KEEPWATCH_SERVICE: this.service,
        KEEPWATCH_SPOOL_DIR: this.spoolDir,
        KEEPWATCH_ARCHIVE_CRON: '* * * * * *',
        KEEPWATCH_LOG_LEVEL: 'warn',
      },
    });
  }
}
