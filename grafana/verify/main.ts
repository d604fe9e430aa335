// npm run grafana:verify: asks every question of every committed dashboard through a running Grafana, as its panels would.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ask, askHealth, type GrafanaOptions, GrafanaUnavailable } from './grafana.ts';
import { type Question, readQuestions } from './questions.ts';
import { type Asked, describe, toJson, totalsOf } from './report.ts';

const HELP = `Usage: npm run grafana:verify -- [options]

Asks every question of every dashboard in grafana/dashboards through Grafana's own /api/ds/query, and says which failed or gave nothing.
GRAFANA_URL is where it is (default http://127.0.0.1:3001, that of docker-compose.yml), GRAFANA_TOKEN the token of a service account with the role
Viewer; where anonymous viewers may look, none is needed.

Options:
  --range <minutes>   how far to look back (default: 60)
  --only <text>       dashboards alone whose file has this in its path
  --prometheus <uid>  data source of the Prometheus dashboards (default: keepwatch-prometheus)
  --postgres <uid>    data source of the Postgres dashboards (default: keepwatch-postgres)
  --json              print JSON
  --help              print this

Exit codes: 0 every question has values (but for those that may have none), 1 some failed or gave nothing, 2 wrong usage, or a login is needed,
3 Grafana does not answer.

Examples:
  docker compose up --wait && npm run grafana:verify
  npm run grafana:verify -- --only postgres --range 15
  GRAFANA_URL=https://grafana.example GRAFANA_TOKEN=… npm run --silent grafana:verify -- --prometheus abc123 --json
`;
const EXIT = { ok: 0, checkFailed: 1, usage: 2, unavailable: 3 } as const;
/** Questions at once: as many as a page of panels would ask. */
const AT_ONCE = 4;
const FOLDER = fileURLToPath(new URL('../dashboards', import.meta.url));

class UsageError extends Error {}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`grafana:verify: ${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof UsageError) return EXIT.usage;
  if (!(error instanceof GrafanaUnavailable)) return EXIT.checkFailed;
  if (error.isRefused) return EXIT.usage;
  process.stderr.write('start one with `docker compose up --wait`, or say where it is: GRAFANA_URL\n');
  return EXIT.unavailable;
});

async function main(): Promise<number> {
  const values = readArguments();
  if (values.help === true) {
    process.stdout.write(HELP);
    return EXIT.ok;
  }
  const questions = readQuestions(FOLDER).filter(({ file }) => file.includes(values.only ?? ''));
  if (questions.length === 0) throw new UsageError(`no dashboard has ${values.only} in its path`);
  const toMs = Date.now();
  const options: GrafanaOptions = {
    url: urlOf(process.env['GRAFANA_URL'] ?? 'http://127.0.0.1:3001'),
    token: process.env['GRAFANA_TOKEN'],
    uids: { prometheus: values.prometheus, 'grafana-postgresql-datasource': values.postgres },
    fromMs: toMs - minutesOf(values.range) * 60_000,
    toMs,
  };
  const version = await askHealth(options);
  const asked = await askAll(options, questions);
  const { failed, empty } = totalsOf(asked);
  const header = `Grafana ${version} at ${options.url}, the last ${values.range} minutes\n`;
  process.stdout.write(values.json === true ? toJson({ url: options.url, version }, asked) : header + describe(asked));
  return failed + empty === 0 ? EXIT.ok : EXIT.checkFailed;
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        range: { type: 'string', default: '60' },
        only: { type: 'string' },
        prometheus: { type: 'string', default: 'keepwatch-prometheus' },
        postgres: { type: 'string', default: 'keepwatch-postgres' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message} (--help shows what there is)`);
  }
}

function minutesOf(text: string): number {
  const minutes = Number(text);
  if (!Number.isInteger(minutes) || minutes < 1) throw new UsageError(`--range ${text}: allowed: whole minutes, at least 1`);
  return minutes;
}

function urlOf(text: string): string {
  if (!URL.canParse(text) || !/^https?:/.test(text))
    throw new UsageError('GRAFANA_URL: allowed: http://… or https://…, without a user; GRAFANA_TOKEN is for that');
  const { origin, pathname, username } = new URL(text);
  if (username !== '') throw new UsageError('GRAFANA_URL: no user or password in it; GRAFANA_TOKEN is for that');
  return origin + pathname.replace(/\/+$/, '');
}

/** In the order of the questions. */
async function askAll(options: GrafanaOptions, questions: readonly Question[]): Promise<Asked[]> {
  const asked = new Array<Asked>(questions.length);
  const waiting = questions.entries();
  const work = async () => {
    for (const [index, question] of waiting) asked[index] = { question, ...(await ask(options, question)) };
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return asked;
}
