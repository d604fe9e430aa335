// One run: all contenders at once, each in a process and behind a proxy of its own, under one fault; then their rows are counted.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../../demo/random.ts';
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import { migrate } from '../../src/db/migrate.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { type RunningProcess, startProgram } from '../support/process.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { type ChildPlan, type ContenderName, EVENTS_PER_TICK, GO_FILE, TICK_MS } from './contender.ts';
import { type FaultName, playFault } from './faults.ts';
import { hasSegments } from './segments.ts';

/** Numbers that are left out after a kill: which events an app recorded in its last moment nobody knows. */
const GAP = 1000;
const ORDERLY_MS = 120_000;

export interface RunResult {
  readonly contender: ContenderName;
  readonly fault: FaultName;
  /** Events that were handed to it. */
  readonly recorded: number;
  /** Of those, without a row when all was over. */
  readonly lost: number;
  /** Rows beyond the first one of an event. */
  readonly doubled: number;
}

export interface RunPlan {
  readonly server: PostgresServer;
  readonly folder: string;
  readonly contenders: readonly ContenderName[];
  readonly fault: FaultName;
  readonly events: number;
  readonly run: number;
  readonly seed: number;
}

/** Makes the tables. */
export async function prepareDatabase(server: PostgresServer): Promise<void> {
  await withAdmin(server, async (database) => {
    await migrate(database);
    await database.multi(TABLES);
  });
}

const COLUMNS = `run integer not null, number integer not null, id uuid not null, name text not null, type text not null,
  start_time timestamptz not null, end_time timestamptz not null, duration_ms float8 not null, status text not null, metadata jsonb`;
const TABLES = `create schema peers;
  create table peers.insert (${COLUMNS});
  create table peers.insert_unique (${COLUMNS}, primary key (id));
  create table peers.batch_queue (${COLUMNS});
  create view peers.keepwatch as
    select substring(service from 5)::integer as run, (metadata->>'number')::integer as number
    from keepwatch.observability_metrics where service like 'run-%';`;

export async function playRun(plan: RunPlan): Promise<RunResult[]> {
  const apps = await Promise.all(plan.contenders.map((contender) => App.start(contender, plan)));
  try {
    await Promise.all(apps.map((app) => app.ready()));
    for (const app of apps) app.go();
    await playFault(plan.fault, createRandom(plan.seed).next, {
      server: plan.server,
      proxies: apps.map(({ proxy }) => proxy),
      asAdmin: (work) => withAdmin(plan.server, work),
      killApps: async () => void (await Promise.all(apps.map((app) => app.killAndRestart()))),
      durationMs: (plan.events / EVENTS_PER_TICK) * TICK_MS,
    });
    return await Promise.all(apps.map((app) => app.finish()));
  } finally {
    await Promise.all(apps.map((app) => app.end()));
  }
}

/** A contender's process, and what comes after it when it is killed. */
class App {
  readonly proxy: TcpProxy;
  readonly #plan: RunPlan;
  readonly #contender: ContenderName;
  readonly #folder: string;
  /** First and last number of the events of each process. */
  readonly #ranges: [number, number][] = [];
  #process: RunningProcess;
  #child: ChildPlan;

  private constructor(contender: ContenderName, plan: RunPlan, proxy: TcpProxy) {
    this.proxy = proxy;
    this.#plan = plan;
    this.#contender = contender;
    this.#folder = join(plan.folder, `${contender}-${plan.run}`);
    mkdirSync(this.#folder, { recursive: true });
    this.#child = this.#childPlan(1, plan.events);
    this.#process = start(this.#child);
  }

  static async start(contender: ContenderName, plan: RunPlan): Promise<App> {
    return new App(contender, plan, await TcpProxy.start(plan.server.url));
  }

  async ready(): Promise<void> {
    await this.#process.printed(/ready/, ORDERLY_MS);
  }

  go(): void {
    writeFileSync(join(this.#folder, GO_FILE), '');
  }

  async killAndRestart(): Promise<void> {
    await this.#process.end('SIGKILL');
    const { from } = this.#child;
    const last = this.#recorded();
    this.#ranges.push([from, last]);
    const left = this.#plan.events - last;
    this.#child = this.#childPlan(last + GAP + 1, last + GAP + left);
    this.#process = start(this.#child);
  }

  async finish(): Promise<RunResult> {
    await this.#process.printed(/finished/, ORDERLY_MS).catch((cause: unknown) => {
      throw new Error(`${this.#contender} did not finish`, { cause });
    });
    this.#ranges.push([this.#child.from, this.#recorded()]);
    await this.#process.exited;
    this.proxy.up();
    if (hasSegments(this.#folder)) {
      // What an app leaves in its spool, its next start archives.
      this.#process = start(this.#childPlan(1, 0));
      await this.#process.printed(/finished/, ORDERLY_MS);
    }
    const { contender, fault, recorded, lost, doubled } = await this.#count();
    return { contender, fault, recorded, lost, doubled };
  }

  async end(): Promise<void> {
    await this.#process.end('SIGKILL');
    await this.proxy.close();
  }

  #recorded(): number {
    return Number([...this.#process.output().matchAll(/recorded (\d+)\n/g)].at(-1)?.[1] ?? this.#child.from - 1);
  }

  #childPlan(from: number, to: number): ChildPlan {
    const { run, server } = this.#plan;
    return { contender: this.#contender, databaseUrl: this.proxy.urlOf(server.url), run, folder: this.#folder, from, to };
  }

  async #count(): Promise<RunResult> {
    const { run, fault, server } = this.#plan;
    const table = this.#contender.replaceAll('-', '_');
    const rows = await withAdmin(server, (database) =>
      database.any<{ number: number; rows: number }>(
        'select number, count(*)::integer as rows from peers.$<table:name> where run = $<run> group by number',
        { table, run },
      ),
    );
    const found = new Map(rows.map(({ number, rows: count }) => [number, count]));
    let recorded = 0;
    let lost = 0;
    for (const [from, to] of this.#ranges) {
      for (let number = from; number <= to; number++) {
        recorded++;
        if (!found.has(number)) lost++;
      }
    }
    const doubled = rows.reduce((sum, { rows: count }) => sum + count - 1, 0);
    return { contender: this.#contender, fault, recorded, lost, doubled };
  }
}

function start(plan: ChildPlan): RunningProcess {
  return startProgram('test/peers/child.ts', [JSON.stringify(plan)]);
}

async function withAdmin<T>(server: PostgresServer, work: (database: Database) => Promise<T>): Promise<T> {
  const database = createDatabase({ url: server.url, max: 1, applicationName: 'peers-admin' });
  try {
    return await work(database);
  } finally {
    await closeDatabase(database);
  }
}
