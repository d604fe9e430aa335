// Real Postgres for tests: one embedded server per test process, one migrated template, a clone of it per test file.
import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import { openEmbeddedPostgres } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { makeMemoryFolder } from './memory-folder.ts';
import { waitFor } from './wait-for.ts';

/** A migrated database of its own. */
export interface TestDatabase {
  /** As superuser. */
  readonly url: string;
  readonly database: Database;
  /** Ends the pool and drops the database; kept when KEEP_DB=1. */
  drop(): Promise<void>;
}

interface TestServer {
  /** URL of the server's `postgres` database, as superuser. */
  readonly url: string;
  readonly admin: Database;
  stop(): Promise<void>;
}

const TEMPLATE = `keepwatch_template_${process.pid}`;
let server: Promise<TestServer> | undefined;
let created = 0;

/** Starts the server at the first call (under 2 s), then clones the template (about 50 ms). */
export async function createTestDatabase(): Promise<TestDatabase> {
  server ??= startServer();
  const { url: adminUrl, admin } = await server;
  const name = `test_${process.pid}_${++created}`;
  await admin.none('create database $<name:name> template $<template:name>', { name, template: TEMPLATE });
  const url = urlOf(adminUrl, name);
  const database = createDatabase({ url, max: 5 });
  return {
    url,
    database,
    async drop() {
      await closeDatabase(database);
      if (process.env['KEEP_DB'] === '1') return;
      await waitForNoSessions(admin, name);
      await admin.none('drop database if exists $<name:name> with (force)', { name });
    },
  };
}

/** A pool has ended before its sessions have: one that is killed on its way out would be an uncaught error here. */
async function waitForNoSessions(admin: Database, name: string): Promise<void> {
  const isFree = () =>
    admin.oneOrNone('select true where not exists (select from pg_stat_activity where datname = $<name>)', { name });
  await waitFor(isFree, { timeoutMs: 2000 }).catch(() => {});
}

/** Called by the root hook after all tests. */
export async function stopTestServer(): Promise<void> {
  const running = server;
  server = undefined;
  // A server that could not be started has failed the tests that wanted it, and has stopped itself.
  await (await running?.catch(() => undefined))?.stop();
}

function urlOf(adminUrl: string, database: string): string {
  return Object.assign(new URL(adminUrl), { pathname: `/${database}` }).href;
}

async function startServer(): Promise<TestServer> {
  const given = process.env['TEST_DATABASE_URL'];
  const embedded = given === undefined ? await startEmbedded() : undefined;
  const url = given ?? embedded?.url ?? '';
  // Databases are made and dropped one after another, and each waits for the disk.
  const admin = createDatabase({ url, max: 2, connectTimeoutMs: 120_000, queryTimeoutMs: 120_000 });
  const stop = async () => {
    await closeDatabase(admin);
    await embedded?.stop();
  };
  try {
    await makeTemplate(admin, urlOf(url, TEMPLATE));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    admin,
    async stop() {
      await admin.none('drop database if exists $<name:name> with (force)', { name: TEMPLATE });
      await stop();
    },
  };
}

async function makeTemplate(admin: Database, url: string): Promise<void> {
  await admin.none('drop database if exists $<name:name> with (force)', { name: TEMPLATE });
  await admin.none('create database $<name:name>', { name: TEMPLATE });
  const template = createDatabase({ url, max: 1 });
  try {
    await migrate(template);
  } finally {
    await closeDatabase(template);
  }
}

/** In a new folder, thrown away afterwards. No child of this process: a run that fails halfway still ends. */
async function startEmbedded(): Promise<{ url: string; stop(): Promise<void> }> {
  const folder = makeMemoryFolder();
  chmodSync(folder, 0o711);
  const postgres = await openEmbeddedPostgres({ folder, say() {} });
  return {
    url: postgres.url,
    async stop() {
      await postgres.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A TCP port of the loopback interface that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done) => probe.listen(0, '127.0.0.1', done));
  const { port } = probe.address() as { port: number };
  await new Promise((done) => probe.close(done));
  return port;
}
