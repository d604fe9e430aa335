// What an in-process run works with: apps on one disk, a way to Postgres that no fault touches, and what has to be healed again.
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { drainLeftovers } from '../../../src/archive/drain/leftovers.ts';
import { createPartitions } from '../../../src/archive/drain/partitions.ts';
import type { Database } from '../../../src/db/database.ts';
import { silentLogger } from '../../../src/logger.ts';
import { waitFor } from '../../support/wait-for.ts';
import { describeScene } from '../autopsy.ts';
import { Evidence } from '../evidence.ts';
import type { WallClock } from '../scoped-date.ts';
import { segmentFiles } from '../segment-bytes.ts';
import type { SmallDisk } from '../small-disk.ts';
import { Watermarks } from '../watermarks.ts';
import { App } from './app.ts';
import { OWN_HOST, rewriteSource, sourceFolders } from './source-files.ts';

/** A disk that stalls, on a machine that others use too, is no fault of ours. */
const SETTLE_MS = 120_000;

export interface WorldOptions {
  readonly service: string;
  readonly url: string;
  /** Not through a proxy. */
  readonly database: Database;
  readonly disk: SmallDisk;
  readonly wall: WallClock;
}

export class World {
  readonly service: string;
  readonly database: Database;
  readonly disk: SmallDisk;
  readonly wall: WallClock;
  readonly evidence = new Evidence();
  readonly watermarks: Watermarks;
  readonly #url: string;
  readonly #apps: App[] = [];
  readonly #dead: App[] = [];
  readonly #heals: (() => Promise<void> | void)[] = [];
  /** Some app has lost its lease: from then on it may be taken for dead with good reason. */
  hasSuspended = false;
  #started = 0;

  constructor({ service, url, database, disk, wall }: WorldOptions) {
    this.service = service;
    this.database = database;
    this.disk = disk;
    this.wall = wall;
    this.#url = url;
    this.watermarks = new Watermarks(database, service);
    mkdirSync(this.leftDir, { recursive: true });
  }

  /** Where living apps spool, each in a folder of its own. */
  get spoolDir(): string {
    return join(this.disk.path, this.service);
  }

  /** What dead apps left. */
  get leftDir(): string {
    return join(this.disk.elsewhere, this.service);
  }

  /** Living apps. */
  get apps(): readonly App[] {
    return this.#apps;
  }

  get spoolDirs(): readonly string[] {
    return [...this.#apps.map(({ spoolDir }) => spoolDir), this.leftDir];
  }

  async startApp(skewMs: number): Promise<void> {
    const name = `app-${++this.#started}`;
    const spoolDir = join(this.spoolDir, name);
    const { service, evidence } = this;
    this.#apps.push(await App.start({ name, service, url: this.#url, spoolDir, evidence, skewMs }));
  }

  app(index: number): App {
    const app = this.#apps[index % this.#apps.length];
    if (app === undefined) throw new Error('no app runs');
    return app;
  }

  /** The app dies in this moment: what its folder holds now is what the next process finds, torn writes and all. Another takes its place. */
  async crash(app: App): Promise<void> {
    app.die();
    this.#apps.splice(this.#apps.indexOf(app), 1);
    this.#dead.push(app);
    for (const folder of sourceFolders(app.spoolDir)) {
      const target = join(this.leftDir, basename(folder));
      copyNow(folder, target);
      declareDead(target);
    }
    await this.startApp(0);
  }

  /** One round over what dead apps left, as another process would make it. @throws what Postgres or the disk says */
  async drainLeft(database: Database, spoolDir = this.leftDir): Promise<void> {
    await drainLeftovers({ database, partitions: createPartitions(database), spoolDir, logger: silentLogger });
  }

  /** To be done before the run ends. */
  onHeal(heal: () => Promise<void> | void): void {
    this.#heals.push(heal);
  }

  async heal(): Promise<void> {
    for (const heal of this.#heals.splice(0).reverse()) await heal();
  }

  /** Everything works again: all is drained, apps are stopped. @throws Error when it is not in time */
  async settle(): Promise<void> {
    await this.heal();
    for (const app of this.#apps) app.proxy.up();
    for (const app of this.#apps) {
      const drained = async () => {
        await app.flush();
        return app.isDrained;
      };
      await waitFor(drained, { timeoutMs: SETTLE_MS, what: `${app.name} to be drained` }).catch(async (error: Error) => {
        const reasons = app.archive.stats().reasons.join('; ');
        throw new Error(`${error.message}: ${reasons}\n${await describeScene(this.database, app.spoolDir)}`);
      });
    }
    await this.watermarks.look();
    await Promise.all(this.#apps.map((app) => app.stop()));
    // What a stopped app has left after all, the next process finds.
    for (const { spoolDir } of this.#apps) for (const folder of sourceFolders(spoolDir)) declareDead(folder);
    const isLeftDrained = async () => {
      for (const spoolDir of this.spoolDirs) await this.drainLeft(this.database, spoolDir);
      return this.spoolDirs.every((spoolDir) => segmentFiles(spoolDir).length === 0);
    };
    await waitFor(isLeftDrained, { timeoutMs: SETTLE_MS, what: 'what dead apps left to be drained' });
    await this.watermarks.look();
  }

  /** Ends what still runs, whatever state it is in. */
  async close(): Promise<void> {
    await this.heal();
    await Promise.all([...this.#apps, ...this.#dead].map((app) => app.stop()));
  }
}

/** Its pid is ours, and lives; its start time is that of a process that is gone. */
function declareDead(folder: string): void {
  rewriteSource(folder, { pidStartTime: '1', ...OWN_HOST });
}

/** Copies a folder as it is now; again where a write under way has just renamed a file of it. */
function copyNow(folder: string, target: string): void {
  for (let triesLeft = 20; ; triesLeft--) {
    try {
      cpSync(folder, target, { recursive: true });
      return;
    } catch (error) {
      if (triesLeft === 0 || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      rmSync(target, { recursive: true, force: true });
    }
  }
}
