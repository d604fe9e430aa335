// What most tests of the archive stand on: a database of their own, a proxy that cuts or holds the way to it, and a new spool for each test.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { ArchiveOptions } from '../../src/archive/archive.ts';
import { formatSourceId } from '../../src/archive/spool/source.ts';
import { type VerifyReport, verifyArchive } from '../../src/archive/verify/verify.ts';
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';
import { compareRollups } from './rollup-oracle.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { createSpoolDir, createTestArchive, type TestArchive } from './test-archive.ts';

class ArchiveSite {
  #test: TestDatabase | undefined;
  #proxy: TcpProxy | undefined;
  #proxied: Database | undefined;
  #spool: ReturnType<typeof createSpoolDir> | undefined;

  async open(connections: number): Promise<void> {
    this.#test = await createTestDatabase();
    this.#proxy = await TcpProxy.start(this.url);
    this.#proxied = createDatabase({ url: this.#proxy.urlOf(this.url), max: connections, connectTimeoutMs: 2000 });
  }

  async close(): Promise<void> {
    if (this.#proxied !== undefined) await closeDatabase(this.#proxied, { timeoutMs: 500 });
    await this.#proxy?.close();
    await this.#test?.drop();
  }

  openSpool(): void {
    this.#spool = createSpoolDir();
  }

  removeSpool(): void {
    this.#spool?.remove();
  }

  /** Of the database, not through the proxy. */
  get url(): string {
    return there(this.#test).url;
  }

  /** Not through the proxy. */
  get database(): Database {
    return there(this.#test).database;
  }

  get proxy(): TcpProxy {
    return there(this.#proxy);
  }

  /** Through the proxy. */
  get proxied(): Database {
    return there(this.#proxied);
  }

  get spoolDir(): string {
    return there(this.#spool).path;
  }

  /** An archive through the proxy, on the spool; see `createTestArchive`. */
  create(options: Partial<ArchiveOptions> = {}): TestArchive {
    return createTestArchive(this.proxied, this.spoolDir, options);
  }

  /** The folder of the source that takes the events now. */
  folderOf({ archive }: TestArchive): string {
    return join(this.spoolDir, formatSourceId(archive.sourceId));
  }

  /** The accounting law, database and spool; of all tests of the file. */
  verify(): Promise<VerifyReport> {
    return verifyArchive({ database: this.database, spoolDir: this.spoolDir });
  }

  /** It holds, and rollups equal raw rows. */
  async assertProved(): Promise<void> {
    const { sources } = await this.verify();
    assert.deepEqual(
      sources.flatMap(({ problems }) => problems),
      [],
    );
    assert.deepEqual(await compareRollups(this.database), []);
  }
}

/**
 * To be called where hooks are: what it gives is there while tests run.
 * @param options.connections at most, through the proxy; default 3
 * @param options.isDown each test begins with the way to Postgres cut; default false
 */
export function useArchiveSite({
  connections = 3,
  isDown = false,
}: {
  connections?: number;
  isDown?: boolean;
} = {}): ArchiveSite {
  const site = new ArchiveSite();
  before(async function () {
    this.timeout(30_000);
    await site.open(connections);
  });
  beforeEach(() => {
    site.openSpool();
    if (isDown) site.proxy.down();
    else site.proxy.up();
  });
  afterEach(() => site.removeSpool());
  after(() => site.close());
  return site;
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('only while a test runs');
  return value;
}
