// A Postgres that is there and does not serve: frozen, full, read-only, or closed to us. The app works on, /readyz says why, nothing is lost,
// and it all mends by itself.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { createKeepwatch, type Keepwatch } from '../../src/app.ts';
import { verifyArchive } from '../../src/archive/verify/verify.ts';
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import { createRegistry } from '../../src/instrument/metrics/registry.ts';
import { silentLogger } from '../../src/logger.ts';
import { listen, type RunningServer } from '../../src/server/listen.ts';
import { createPostgresServer, type PostgresServer } from '../support/postgres-server.ts';
import { needTool } from '../support/tools.ts';
import { waitFor } from '../support/wait-for.ts';

interface App {
  readonly keepwatch: Keepwatch;
  get(path: string): Promise<{ status: number; text: string; ms: number }>;
  stop(): Promise<void>;
}

describe('a Postgres that does not serve', function () {
  this.timeout(60_000);
  let postgres: PostgresServer;
  let admin: Database;
  let folder: string;
  let databases = 0;
  const apps: App[] = [];

  before(async function () {
    postgres = await createPostgresServer(needTool(this, 'postgres'));
    admin = createDatabase({ url: postgres.url, max: 1 });
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-sick-'));
  });
  afterEach(async () => {
    postgres.thaw();
    await Promise.all(apps.splice(0).map((app) => app.stop()));
  });
  after(async () => {
    if (admin !== undefined) await closeDatabase(admin);
    await postgres?.remove();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  /** A database of its own, and how to log in to it. */
  async function createOwn(): Promise<{ name: string; url: string; spoolDir: string }> {
    const name = `sick_${++databases}`;
    await admin.none('create database $<name:name>', { name });
    return { name, url: Object.assign(new URL(postgres.url), { pathname: `/${name}` }).href, spoolDir: join(folder, name) };
  }

  async function startApp(databaseUrl: string, spoolDir: string): Promise<App> {
    const keepwatch = await createKeepwatch({ databaseUrl, spoolDir, archiveCron: '* * * * * *', logger: silentLogger });
    const server: RunningServer = await listen(
      createServer(express().use(keepwatch.tracker.express(), keepwatch.router())),
      '127.0.0.1',
      0,
    );
    const startedAt = performance.now();
    await keepwatch.start();
    assert.ok(performance.now() - startedAt < 7000, 'start waits for no Postgres');
    const app: App = {
      keepwatch,
      async get(path) {
        const askedAt = performance.now();
        const response = await fetch(server.url + path);
        return { status: response.status, text: await response.text(), ms: performance.now() - askedAt };
      },
      async stop() {
        await server.stop();
        await keepwatch.stop({ timeoutMs: 2000 });
      },
    };
    apps.push(app);
    return app;
  }

  const archived = (app: App) => app.keepwatch.status().archive?.archived ?? 0;
  const readyz = async (app: App) => (await app.get('/readyz')).text;

  async function assertAllArchived(url: string, spoolDir: string, events: number): Promise<void> {
    const database = createDatabase({ url, max: 1 });
    try {
      const report = await verifyArchive({ database, spoolDir });
      assert.deepEqual(
        report.sources.flatMap(({ problems }) => problems),
        [],
      );
      assert.deepEqual([report.totals.recorded, report.totals.rows], [events, events]);
    } finally {
      await closeDatabase(database);
    }
  }

  it('serves on while every process of Postgres is frozen, stops in time, and leaves all in the spool', async () => {
    const { url, spoolDir } = await createOwn();
    const app = await startApp(url, spoolDir);
    await app.get('/before');
    await waitFor(() => archived(app) === 1);
    postgres.freeze();
    await waitFor(async () => /"degraded".*Postgres has not answered for/.test(await readyz(app)), { timeoutMs: 12_000 });
    for (let index = 0; index < 20; index++) {
      const { status, ms } = await app.get('/while-frozen');
      assert.equal(status, 404);
      assert.ok(ms < 1000, `${ms} ms`);
    }
    const stoppedAt = performance.now();
    await app.stop();
    assert.ok(performance.now() - stoppedAt < 5000);
    postgres.thaw();
    const database = createDatabase({ url, max: 1 });
    const report = await verifyArchive({ database, spoolDir });
    await closeDatabase(database);
    assert.deepEqual(
      report.sources.flatMap(({ problems }) => problems),
      [],
    );
    assert.deepEqual([report.totals.recorded, report.totals.archived + report.totals.queued], [21, 21]);
  });

  it('starts while Postgres is frozen, and goes on when it is not', async () => {
    const { url, spoolDir } = await createOwn();
    postgres.freeze();
    const app = await startApp(url, spoolDir);
    assert.match(await readyz(app), /"degraded"/);
    await app.get('/early');
    postgres.thaw();
    await waitFor(() => archived(app) === 1, { timeoutMs: 15_000 });
    await waitFor(async () => (await readyz(app)) === '{"status":"ok"}', { timeoutMs: 15_000 });
    await app.stop();
    await assertAllArchived(url, spoolDir, 1);
  });

  it('waits while there is no connection left, and goes on when there is', async () => {
    const { name, url, spoolDir } = await createOwn();
    await admin.none('create role crowded login password $<name>', { name });
    await admin.none('grant all on database $<name:name> to crowded', { name });
    await admin.none('alter role crowded connection limit 0');
    const crowded = Object.assign(new URL(url), { username: 'crowded', password: name }).href;
    const app = await startApp(crowded, spoolDir);
    await app.get('/crowded');
    await waitFor(async () => /too many connections for role/.test(await readyz(app)));
    await admin.none('alter role crowded connection limit -1');
    await waitFor(() => archived(app) === 1, { timeoutMs: 15_000 });
    await waitFor(async () => (await readyz(app)) === '{"status":"ok"}');
    await app.stop();
    await assertAllArchived(url, spoolDir, 1);
  });

  it('makes its schema when a standby becomes the primary, or a database is no longer read-only', async () => {
    const { name, url, spoolDir } = await createOwn();
    await admin.none('alter database $<name:name> set default_transaction_read_only = on', { name });
    const app = await startApp(url, spoolDir);
    await app.get('/read-only');
    await waitFor(async () => /not started: .*read-only transaction/.test(await readyz(app)));
    await admin.none('alter database $<name:name> reset default_transaction_read_only', { name });
    await admin.any('select pg_terminate_backend(pid) from pg_stat_activity where datname = $<name>', { name });
    await waitFor(() => archived(app) === 1, { timeoutMs: 15_000 });
    await waitFor(async () => (await readyz(app)) === '{"status":"ok"}');
    await app.stop();
    await assertAllArchived(url, spoolDir, 1);
  });

  it('says what right is missing, and goes on when it is given', async () => {
    const { name, url, spoolDir } = await createOwn();
    await admin.none("create role stranger login password 'stranger'");
    const app = await startApp(Object.assign(new URL(url), { username: 'stranger', password: 'stranger' }).href, spoolDir);
    await app.get('/stranger');
    await waitFor(async () => /not started: .*(permission|right|CREATE)/i.test(await readyz(app)));
    assert.doesNotMatch(await readyz(app), /stranger:/);
    await admin.none('grant create on database $<name:name> to stranger', { name });
    await waitFor(() => archived(app) === 1, { timeoutMs: 20_000 });
    await waitFor(async () => (await readyz(app)) === '{"status":"ok"}');
    await app.stop();
    await assertAllArchived(url, spoolDir, 1);
  });

  it('adds up what two of one process measure into one registry, one archive each', async () => {
    const { url, spoolDir } = await createOwn();
    const registry = createRegistry();
    const both = await Promise.all(
      ['one', 'two'].map((service) => createKeepwatch({ databaseUrl: url, spoolDir, service, registry, logger: silentLogger })),
    );
    for (const keepwatch of both) {
      await keepwatch.start();
      keepwatch.tracker.measure({ type: 'tool', name: 'shared' }, () => 1);
      await keepwatch.flush();
    }
    const text = await registry.metrics();
    assert.match(text, /^tool_calls_total\{tool_name="shared",status="success"\} 2$/m);
    for (const counter of ['recorded', 'archived']) assert.match(text, new RegExp(`^keepwatch_events_${counter}_total 2$`, 'm'));
    await Promise.all(both.map((keepwatch) => keepwatch.stop()));
    await assertAllArchived(url, spoolDir, 2);
  });
});
