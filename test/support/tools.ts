// Real programs that tests run against: found on this machine, or a visible skip that says how to install them; a failure in CI.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGES = {
  prometheus: 'prometheus',
  promtool: 'prometheus',
  'prometheus-alertmanager': 'prometheus-alertmanager',
  postgres: 'postgresql-15',
  psql: 'postgresql-client-15',
  pg_dump: 'postgresql-client-15',
  pgbouncer: 'pgbouncer',
  openssl: 'openssl',
} as const;
export type Tool = keyof typeof PACKAGES;

/** The path of a tool, or undefined. Debian keeps the Postgres server outside PATH; `npm run test:postgres` brings one of another version. */
export function findTool(tool: Tool): string | undefined {
  if (tool === 'postgres') {
    const given = process.env['TEST_POSTGRES_BINARY'];
    if (given !== undefined) return given;
    const root = '/usr/lib/postgresql';
    const versions = existsSync(root) ? readdirSync(root).sort().reverse() : [];
    return versions.map((version) => join(root, version, 'bin', 'postgres')).find((path) => existsSync(path));
  }
  try {
    return execFileSync('sh', ['-c', `PATH="$PATH:/usr/sbin"; command -v ${tool}`], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

/** Called in `before`: skips the suite when a tool is missing; in CI (`CI=true`) a missing tool is a failure. @returns the path */
export function needTool(context: Mocha.Context, tool: Tool): string {
  const path = findTool(tool);
  if (path !== undefined) return path;
  const hint = `${tool} is missing: apt-get install ${PACKAGES[tool]}`;
  if (process.env['CI'] === 'true') throw new Error(hint);
  process.stderr.write(`      skipped: ${hint}\n`);
  return context.skip();
}
