// A demo in a process of its own, the database that it archives to, and a real Prometheus that scrapes it each second: for all tests of a file.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '../../src/db/database.ts';
import { createTestDatabase, freePort, type TestDatabase } from './postgres.ts';
import { type RunningProcess, startKeepwatch, startProgram } from './process.ts';
import { type PrometheusServer, startPrometheus } from './prometheus.ts';
import { needTool } from './tools.ts';
import { waitFor } from './wait-for.ts';

/** Where a demo is to run. */
interface DemoHome {
  readonly databaseUrl: string;
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Starts one. @returns once /metrics is served, with its port */
type StartDemo = (home: DemoHome) => Promise<{ readonly demo: RunningProcess; readonly port: number }>;

/** All parts of the demo, with traffic and failures; it can be brought to rest. */
export const wholeDemo: StartDemo = async ({ databaseUrl, folder, env }) => {
  const demo = startProgram('test/e2e/programs/demo.ts', [databaseUrl], { env, cwd: folder });
  const [, port] = await demo.printed(/metrics on (\d+)/);
  return { demo, port: Number(port) };
};

/** `keepwatch demo` without traffic. */
export const idleDemo: StartDemo = async ({ folder, env }) => {
  const port = await freePort();
  const demo = startKeepwatch(['demo', '--rate', '0'], { env: { ...env, KEEPWATCH_PORT: String(port) }, cwd: folder });
  await demo.printed(/Chat API/);
  return { demo, port };
};

class ScrapedDemo {
  #test: TestDatabase | undefined;
  #folder: string | undefined;
  #demo: RunningProcess | undefined;
  #prometheus: PrometheusServer | undefined;
  /** Of /metrics. */
  port = 0;

  async open(
    prometheus: string,
    start: StartDemo,
    prepare: (database: Database) => Promise<unknown>,
    rules: object | undefined,
  ): Promise<void> {
    this.#test = await createTestDatabase();
    await prepare(this.#test.database);
    this.#folder = mkdtempSync(join(tmpdir(), 'keepwatch-demo-'));
    const started = await start({ databaseUrl: this.#test.url, folder: this.#folder, env: this.env });
    this.#demo = started.demo;
    this.port = started.port;
    this.#prometheus = await startPrometheus(prometheus, `127.0.0.1:${this.port}`, rules && { rules });
  }

  async close(): Promise<void> {
    await this.#prometheus?.stop();
    await this.#demo?.end();
    await this.#test?.drop();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }

  /** What the demo has, and commands beside it need. */
  get env(): NodeJS.ProcessEnv {
    return {
      DATABASE_URL: there(this.#test).url,
      KEEPWATCH_ALERTS_ROLE: 'owner',
      KEEPWATCH_SPOOL_DIR: join(this.folder, 'spool'),
    };
  }

  /** The working directory of the demo. */
  get folder(): string {
    return there(this.#folder);
  }

  /** As superuser. */
  get database(): Database {
    return there(this.#test).database;
  }

  get demo(): RunningProcess {
    return there(this.#demo);
  }

  get prometheus(): PrometheusServer {
    return there(this.#prometheus);
  }

  /** The number that a statement gives in a column `value`. */
  async ask(sql: string): Promise<number> {
    return Number((await this.database.one<{ value: unknown }>(sql)).value);
  }

  /** What Prometheus reads. */
  async readMetrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.port}/metrics`)).text();
  }

  /** Ends the traffic of the whole demo, then waits until Postgres has every row and Prometheus every count. */
  async comeToRest(): Promise<void> {
    process.kill(this.demo.pid, 'SIGUSR2');
    await this.demo.printed(/at rest/, 40_000);
    const rows = 'select count(*) as value from keepwatch.observability_metrics';
    await waitFor(async () => (await this.prometheus.query('sum(keepwatch_events_recorded_total)')) === (await this.ask(rows)), {
      timeoutMs: 20_000,
      what: 'all rows to be archived, and all counts to be scraped',
    });
  }
}

/**
 * To be called where hooks are: what it gives is there while tests run. Skips them where there is no Prometheus.
 * @param prepare what to do with the database before the demo starts; default nothing
 * @param rules of Prometheus, as a file of them has; default none
 */
export function useScrapedDemo(
  start: StartDemo,
  prepare: (database: Database) => Promise<unknown> = async () => {},
  rules?: object,
): ScrapedDemo {
  const site = new ScrapedDemo();
  before(async function () {
    this.timeout(90_000);
    await site.open(needTool(this, 'prometheus'), start, prepare, rules);
  });
  after(async function () {
    this.timeout(60_000);
    await site.close();
  });
  return site;
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('only while a test runs');
  return value;
}
