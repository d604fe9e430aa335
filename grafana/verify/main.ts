// npm run grafana:verify: asks every question of every committed dashboard through a running Grafana, as its page would: variables, panels, annotations.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ask, askHealth, type GrafanaOptions, GrafanaUnavailable } from './grafana.ts';
import { type AskedDashboard, type Listed, readDashboards } from './questions.ts';
import { type Asked, describe, toJson, totalsOf } from './report.ts';

const HELP = `Usage: npm run grafana:verify -- [options]

Asks every question of every dashboard in grafana/dashboards through Grafana's own API, as its page does: what variables list, what panels show, and what
annotations mark. Says which failed or gave nothing.
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
  const dashboards = readDashboards(FOLDER).filter(({ file }) => file.includes(values.only ?? ''));
  if (dashboards.length === 0) throw new UsageError(`no dashboard has ${values.only} in its path`);
  const toMs = Date.now();
  const options: GrafanaOptions = {
    url: urlOf(process.env['GRAFANA_URL'] ?? 'http://127.0.0.1:3001'),
    token: process.env['GRAFANA_TOKEN'],
    uids: { prometheus: values.prometheus, 'grafana-postgresql-datasource': values.postgres },
    fromMs: toMs - minutesOf(values.range) * 60_000,
    toMs,
  };
  const version = await askHealth(options);
  const asked = await askAll(options, dashboards);
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
async function askAll(options: GrafanaOptions, dashboards: readonly AskedDashboard[]): Promise<Asked[]> {
  const asked: Asked[] = [];
  for (const { questions, variables } of dashboards) {
    const listed: Record<string, Listed[string]> = {};
    const answers = new Array<Asked>(questions.length);
    const askOne = async (index: number) => {
      const question = questions[index];
      if (question === undefined) return;
      const answer = { question, ...(await ask(options, question, { variables, listed })) };
      answers[index] = answer;
      if (question.lists !== undefined) listed[question.lists] = answer.listed ?? [];
    };
    const lists = questions.filter((question) => question.lists !== undefined).length;
    for (let index = 0; index < lists; index++) await askOne(index);
    const waiting = Array.from({ length: questions.length - lists }, (_, index) => lists + index).values();
    const work = async () => {
      for (const index of waiting) await askOne(index);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    asked.push(...answers);
  }
  return asked;
}
