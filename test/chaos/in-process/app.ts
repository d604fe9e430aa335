// One app of an in-process run: an archive with its own way to Postgres, through a proxy that can be told to fail.
import { join } from 'node:path';
import { type Archive, createArchive } from '../../../src/archive/archive.ts';
import { closeDatabase, createDatabase, type Database } from '../../../src/db/database.ts';
import { silentLogger } from '../../../src/logger.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { type Evidence, logsOf } from '../evidence.ts';
import { NumberedLogs } from './numbered-logs.ts';
import { NumberedTracker } from './numbered-tracker.ts';

/** Short, so that what is lost is given up within the run. */
const TIMEOUT_MS = 400;
const SPOOL_BYTES = 1e9;
const EVENTS_PER_LINE = 4;

export interface AppOptions {
  readonly name: string;
  readonly service: string;
  /** Of Postgres itself. */
  readonly url: string;
  readonly spoolDir: string;
  readonly evidence: Evidence;
  /** The process clock minus the true time. */
  readonly skewMs: number;
}

export class App {
  readonly name: string;
  readonly spoolDir: string;
  readonly proxy: TcpProxy;
  /** Through the proxy. */
  readonly database: Database;
  readonly archive: Archive;
  readonly tracker: NumberedTracker;
  readonly logs: NumberedLogs;
  readonly #evidence: Evidence;
  #isDead = false;

  private constructor(options: AppOptions, proxy: TcpProxy) {
    const { name, service, spoolDir, evidence, skewMs } = options;
    this.name = name;
    this.spoolDir = spoolDir;
    this.proxy = proxy;
    this.#evidence = evidence;
    const anchorMs = Date.now() + skewMs - performance.now();
    const now = () => anchorMs + performance.now();
    const url = proxy.urlOf(options.url);
    this.database = createDatabase({
      url,
      max: 3,
      applicationName: `${service} ${name}`,
      connectTimeoutMs: TIMEOUT_MS,
      queryTimeoutMs: TIMEOUT_MS,
    });
    this.tracker = new NumberedTracker(name, service, now);
    this.logs = new NumberedLogs(logsOf(name), service, now);
    this.archive = createArchive({
      database: this.database,
      spoolDir,
      spoolMaxBytes: SPOOL_BYTES,
      maxQueueBytes: 400_000,
      durability: 'process',
      service,
      instance: name,
      cron: '0 0 0 1 1 *',
      now,
      collect: this.collect,
      logger: silentLogger,
    });
    this.tracker.sink = this.archive.sink;
    this.logs.sink = this.archive.sink;
  }

  static async start(options: AppOptions): Promise<App> {
    return new App(options, await TcpProxy.start(options.url));
  }

  /** Of its present source. */
  get folder(): string {
    return join(this.spoolDir, this.archive.sourceId.toString(16).padStart(16, '0'));
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Hands on all that was recorded. */
  readonly collect = (): void => {
    this.tracker.collect();
    this.logs.collect();
  };

  /** And a line for every few events. */
  record(events: number): void {
    this.tracker.record(events);
    this.logs.record(Math.ceil(events / EVENTS_PER_LINE));
    for (const [name, { recorded }] of this.#recorders) this.#evidence.of(name).recorded = recorded;
  }

  /** What was recorded before is safe afterwards, unless the disk refuses or the queue is full. */
  async flush(): Promise<void> {
    const flushed = this.#recorders.map(([name, recorder]) => ({ name, recorder, until: recorder.recorded }));
    await this.archive.flush();
    const isRefused = this.archive.stats().reasons.some((reason) => reason.startsWith('the spool'));
    for (const { name, recorder, until } of flushed) {
      if (!this.#isDead && !isRefused && recorder.waiting === 0) this.#evidence.markSafeUntil(name, until);
    }
  }

  /** Nothing waits, neither here nor in the spool. */
  get isDrained(): boolean {
    const { spoolEvents, logs } = this.archive.stats();
    return this.#recorders.every(([, { waiting }]) => waiting === 0) && spoolEvents + logs.spooled === 0;
  }

  /** As if its process had been killed: it no longer reaches Postgres, and whatever it does to its files matters no more. */
  die(): void {
    this.#isDead = true;
    this.tracker.sink = undefined;
    this.logs.sink = undefined;
    for (const [name] of this.#recorders) this.#evidence.of(name).isKilled = true;
    this.proxy.down();
  }

  /** By the names that the evidence knows them by. */
  get #recorders(): readonly [string, Pick<NumberedLogs, 'recorded' | 'waiting'>][] {
    return [
      [this.name, this.tracker],
      [logsOf(this.name), this.logs],
    ];
  }

  /** Ends it; a dead one leaves everything as it is. */
  async stop(): Promise<void> {
    if (!this.#isDead) this.proxy.up();
    await this.archive.stop({ timeoutMs: this.#isDead ? 0 : 10_000 });
    await closeDatabase(this.database, { timeoutMs: 200 });
    await this.proxy.close();
  }
}
