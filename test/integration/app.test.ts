// The composition: start, flush and stop against a Postgres that is there, is away, or hangs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { createKeepwatch, type KeepwatchOptions } from '../../src/app.ts';
import { silentLogger } from '../../src/logger.ts';
import { listen } from '../../src/server/listen.ts';
import { fillDays } from '../support/old-days.ts';
import { createTestDatabase, freePort, type TestDatabase } from '../support/postgres.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

describe('createKeepwatch', () => {
  let test: TestDatabase;
  let folder: string;
  before(async function () {
    this.timeout(30_000);
    test = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), 'keepwatch-app-'));
  });
  after(async () => {
    await test.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  let spools = 0;
  const create = (options: KeepwatchOptions = {}) =>
    createKeepwatch({ databaseUrl: test.url, spoolDir: join(folder, String(++spools)), logger: silentLogger, ...options });
  const countRows = async (name: string) =>
    Number(
      (
        await test.database.one<{ rows: string }>(
          'select count(*) as rows from keepwatch.observability_metrics where name = $<name>',
          { name },
        )
      ).rows,
    );

  it('archives what was recorded by the time that flush resolves', async function () {
    this.timeout(20_000);
    const keepwatch = await create();
    await keepwatch.start();
    for (let index = 0; index < 100; index++) keepwatch.tracker.measure({ type: 'custom', name: 'flushed' }, () => index);
    await keepwatch.flush();
    assert.equal(await countRows('flushed'), 100);
    await keepwatch.stop();
  });

  it('may be started, flushed and stopped in any order, more than once', async function () {
    this.timeout(30_000);
    const early = await create();
    await early.flush();
    await Promise.all([early.stop(), early.stop()]);
    const keepwatch = await create();
    await Promise.all([keepwatch.start(), keepwatch.start()]);
    keepwatch.tracker.measure({ type: 'custom', name: 'twice' }, () => {});
    await Promise.all([keepwatch.stop(), keepwatch.flush()]);
    await keepwatch.stop();
    assert.equal(await countRows('twice'), 1);
  });

  it('starts while Postgres is away, says why it is degraded, and stops in time with all in the spool', async function () {
    this.timeout(30_000);
    const databaseUrl = `postgres://me:secret@127.0.0.1:${await freePort()}/none`;
    const spoolDir = join(folder, 'away');
    const keepwatch = await create({ databaseUrl, spoolDir });
    await keepwatch.start();
    keepwatch.tracker.measure({ type: 'custom', name: 'while away' }, () => {});
    await keepwatch.flush();
    assert.match(keepwatch.status().reasons.join('\n'), /ECONNREFUSED/);
    assert.doesNotMatch(keepwatch.status().reasons.join('\n'), /secret/);
    const startedAt = performance.now();
    await keepwatch.stop({ timeoutMs: 2000 });
    assert.ok(performance.now() - startedAt < 6000);
    assert.equal(keepwatch.status().archive?.spoolEvents, 1);
  });

  it('refuses to be started after it was stopped, and leaves nothing behind', async () => {
    const listeners = process.listenerCount('exit');
    const keepwatch = await create();
    await keepwatch.stop();
    await assert.rejects(keepwatch.start(), { code: 'ERR_USAGE' });
    assert.equal(process.listenerCount('exit'), listeners);
  });

  it('starts in time while Postgres hangs, says so, and goes on when it answers', async function () {
    this.timeout(40_000);
    const proxy = await TcpProxy.start(test.url);
    proxy.stall();
    const keepwatch = await create({ databaseUrl: proxy.urlOf(test.url) });
    const startedAt = performance.now();
    await keepwatch.start();
    assert.ok(performance.now() - startedAt < 7000, `${performance.now() - startedAt} ms`);
    assert.notDeepEqual(keepwatch.status().reasons, []);
    keepwatch.tracker.measure({ type: 'custom', name: 'while it hung' }, () => {});
    proxy.up();
    await waitFor(() => keepwatch.status().reasons.length === 0, { timeoutMs: 25_000 });
    await keepwatch.stop();
    assert.equal(await countRows('while it hung'), 1);
    await proxy.close();
  });

  it('goes on by itself when its database is made later', async function () {
    this.timeout(30_000);
    const name = `late_${process.pid}`;
    const keepwatch = await create({ databaseUrl: Object.assign(new URL(test.url), { pathname: `/${name}` }).href });
    await keepwatch.start();
    assert.match(keepwatch.status().reasons.join('\n'), /does not exist/);
    await test.database.none('create database $<name:name>', { name });
    await waitFor(() => keepwatch.status().reasons.length === 0, { timeoutMs: 20_000 });
    await keepwatch.stop();
    await test.database.none('drop database $<name:name> with (force)', { name });
  });

  it('says so when there is no rule to evaluate', async () => {
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (_fields: object, message: string) => void warnings.push(message) };
    const keepwatch = await create({ logger, alerts: true, alertsRole: 'owner', rules: ['no-such-folder/*.yaml'] });
    assert.deepEqual(warnings, ['alerts are on, but there is no rule in no-such-folder/*.yaml']);
    await keepwatch.stop();
  });

  it('warns at start of budgets whose period is longer than what they are added up from is kept', async () => {
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (_fields: object, message: string) => void warnings.push(message) };
    await test.database.none(
      `insert into keepwatch.budgets (name, scope, period, limit_usd)
       values ('search', '{"region": "eu"}', 'month', 5), ('daily', '{"region": "eu"}', 'day', 5), ('usage', '{"team": "search"}', 'month', 5)`,
    );
    const rules = ['no-such-folder/*.yaml'];
    const keepwatch = await create({ logger, alerts: true, alertsRole: 'owner', rules });
    await keepwatch.start();
    const told = warnings.filter((message) => message.includes('budget'));
    assert.equal(told.length, 1, warnings.join('\n'));
    assert.match(told[0] ?? '', /^budget "search": .*kept for 30d.*set KEEPWATCH_RETENTION to 32d or more[^\n]*$/);
    await keepwatch.stop();
  });

  it('counts no scrape of its metrics handler, and logs what a registry cannot give', async () => {
    const logged: string[] = [];
    const logger = { ...silentLogger, error: (_fields: object, message: string) => void logged.push(message) };
    const keepwatch = await createKeepwatch({ logger });
    const app = express().use(keepwatch.tracker.express());
    app.get('/prometheus', keepwatch.metricsHandler());
    const server = await listen(createServer(app), '127.0.0.1', 0);
    const scrape = () => fetch(`${server.url}/prometheus`);
    assert.equal((await scrape()).status, 200);
    assert.doesNotMatch(await (await scrape()).text(), /http_server_request_duration_seconds_count/);
    keepwatch.tracker.registry.registerMetric({ name: 'broken', get: () => Promise.reject(new Error('broken')) });
    assert.equal((await scrape()).status, 500);
    assert.deepEqual(logged, ['the metrics could not be collected']);
    await server.stop();
  });

  it('stops in time while Postgres hangs', async function () {
    this.timeout(30_000);
    const proxy = await TcpProxy.start(test.url);
    const keepwatch = await create({ databaseUrl: proxy.urlOf(test.url) });
    await keepwatch.start();
    await keepwatch.flush();
    proxy.stall();
    keepwatch.tracker.measure({ type: 'custom', name: 'while it hangs' }, () => {});
    const startedAt = performance.now();
    await keepwatch.stop({ timeoutMs: 1000 });
    assert.ok(performance.now() - startedAt < 5000, `${performance.now() - startedAt} ms`);
    proxy.up();
    await proxy.close();
  });

  it('answers from Postgres what was measured a moment ago, and removes days of it', async function () {
    this.timeout(30_000);
    const own = await createTestDatabase();
    await fillDays(own.database, 2, 32, 5);
    const keepwatch = await create({ databaseUrl: own.url, retention: 'forever' });
    await keepwatch.start();
    for (let call = 0; call < 4; call++) keepwatch.tracker.measure({ type: 'command', name: 'build' }, () => call);
    const summary = await keepwatch.getMetricsSummary(1);
    assert.equal(summary.find(({ name }) => name === 'build')?.count, 4);
    const newest = await keepwatch.getRecentMetrics('build', 3);
    assert.deepEqual(
      newest.map(({ name }) => name),
      ['build', 'build', 'build'],
    );
    assert.equal(await keepwatch.clearOldMetrics(30), 2);
    assert.equal(await keepwatch.clearOldMetrics(30), 0);
    assert.equal((await keepwatch.getRecentMetrics('build', 10)).length, 4);
    await keepwatch.stop();
    await own.drop();
  });

  it('writes nothing to a JSONL folder when there is a database, and says so once', async function () {
    this.timeout(20_000);
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (_fields: object, message: string) => void warnings.push(message) };
    const jsonlDir = join(folder, 'not-used');
    const keepwatch = await create({ logger, jsonlDir });
    await keepwatch.start();
    keepwatch.tracker.measure({ type: 'custom', name: 'to Postgres' }, () => {});
    await keepwatch.stop();
    assert.equal(await countRows('to Postgres'), 1);
    assert.equal(existsSync(jsonlDir), false);
    assert.equal(warnings.filter((line) => line.includes('JSONL')).length, 1, warnings.join());
  });

  it('loads a database driver only where there is a database', function () {
    this.timeout(20_000);
    const loaded = (options: string) => {
      const program = `
        import { createRequire } from 'node:module';
        import { createKeepwatch } from './src/index.ts';
        await createKeepwatch(${options});
        console.log(Object.keys(createRequire(import.meta.url).cache).filter((path) => /node_modules.pg/.test(path)).length);`;
      const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
        cwd: new URL('../../', import.meta.url).pathname,
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
      });
      assert.match(stdout, /^\d+$/m, stderr);
      return Number(stdout);
    };
    assert.equal(loaded(''), 0);
    assert.equal(loaded(`{ jsonlDir: ${JSON.stringify(join(folder, 'metrics'))} }`), 0);
    assert.ok(loaded("{ databaseUrl: 'postgres://127.0.0.1:1/none' }") > 0, 'the test can tell');
  });
});
