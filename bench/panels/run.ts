// The panels section: every question in SQL of every dashboard, as Grafana sends it, over ten million events.
import { readFile } from 'node:fs/promises';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import { migrate } from '../../src/db/migrate.ts';
import { ensureRoles } from '../../src/db/roles.ts';
import { expandSql, keptDashboards, otherTargetsOf, type Shown, targetsOf } from '../../test/support/grafana.ts';
import { startPostgres } from '../archive/postgres-server.ts';
import type { BenchContext } from '../context.ts';
import type { SectionResult, Table } from '../report.ts';
import { estimate, median } from '../statistics.ts';
import { createPanelsPast } from './past.ts';

const ROWS = { full: 10_000_000, quick: 20_000 } as const;
/** What a panel is allowed to take, in milliseconds. */
const LIMIT_MS = 500;
/** Ranges, with the steps that Grafana takes for a panel of 900 pixels. */
const RANGES = {
  '1 hour': { hours: 1, stepMs: 60_000 },
  '24 hours': { hours: 24, stepMs: 120_000 },
  '30 days': { hours: 720, stepMs: 3_600_000 },
} as const;
/** Ranges end between two minutes, as those of people do. */
const BEFORE_END_MS = 17_000;
/** An answer that takes longer is timed once. */
const SLOW_MS = 3000;
/** Building the past takes minutes. */
const TIMEOUT_MS = 3_600_000;

interface Question {
  readonly name: string;
  readonly dashboard: Dashboard;
  readonly rawSql: string;
}

/** Runs the panels section. @throws MissingPartError without PostgreSQL's own programs */
export async function runPanels(context: BenchContext): Promise<SectionResult> {
  const rows = context.effort.isQuick ? ROWS.quick : ROWS.full;
  const until = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000);
  context.progress('panels: starting PostgreSQL');
  const server = await startPostgres(context.folder);
  context.onEnd(() => server.stop());
  await migrate(server.database);
  await ensureRoles(server.database);
  const database = createDatabase({ url: server.url, max: 2, queryTimeoutMs: TIMEOUT_MS });
  try {
    await createPanelsPast(database, { rows, until }, context.progress);
    const { times, empty } = await timeAll(database, until, context);
    return {
      name: 'panels',
      notes: notesOf(rows, server.version, { times, empty }),
      tables: [summaryOf(times), tableOf(times)],
      problems: [],
    };
  } finally {
    await closeDatabase(database);
    await server.stop();
  }
}

/** Asks every question of every range that ends at `until`. */
async function timeAll(
  database: Database,
  until: Date,
  { effort, progress }: Pick<BenchContext, 'effort' | 'progress'>,
): Promise<Timed> {
  const times = new Map<string, Map<string, Took[]>>();
  const empty = new Set<string>();
  for (const question of questions()) {
    progress(`panels: ${question.name}`);
    const ofRanges = new Map<string, Took[]>();
    for (const [range, { hours, stepMs }] of Object.entries(RANGES)) {
      const to = new Date(until.getTime() - BEFORE_END_MS);
      const shown = { from: new Date(to.getTime() - hours * 3_600_000), to, stepMs };
      const { took, answers } = await timeQuestion(database, question, shown, effort.isQuick ? 0 : effort.rounds);
      if (answers === 0) empty.add(question.name);
      else empty.delete(question.name);
      ofRanges.set(range, took);
    }
    times.set(question.name, ofRanges);
  }
  return { times, empty };
}

/** Those of panels, variables and annotations; the same in several dashboards once. */
function questions(): Question[] {
  const found = new Map<string, Question>();
  for (const { path, dashboard } of keptDashboards()) {
    for (const { panel, refId, rawSql } of [...targetsOf(dashboard), ...otherTargetsOf(dashboard)]) {
      if (rawSql === undefined || found.has(rawSql)) continue;
      const name = `${path.replace(/^.*\/|\.json$/g, '')}: ${panel}${refId === 'A' || panel.endsWith(refId) ? '' : ` (${refId})`}`;
      found.set(rawSql, { name, dashboard, rawSql });
    }
  }
  return [...found.values()];
}

/** What an answer took, in milliseconds: of the clock, and of the CPU of its backend (of the clock, where there is no /proc). */
interface Took {
  readonly wallMs: number;
  readonly cpuMs: number;
}
type Times = ReadonlyMap<string, ReadonlyMap<string, readonly Took[]>>;

interface Timed {
  readonly times: Times;
  /** Questions that have no rows in the longest range. */
  readonly empty: ReadonlySet<string>;
}

/** As the role of dashboards, by one process; asked once before. @returns each round, and rows of the answer */
async function timeQuestion(
  database: Database,
  { dashboard, rawSql }: Question,
  shown: Shown,
  rounds: number,
): Promise<{ took: Took[]; answers: number }> {
  const sql = expandSql(dashboard, rawSql, shown);
  return database.task(async (task) => {
    await task.multi('set role keepwatch_reader; set max_parallel_workers_per_gather = 0');
    const { pid } = await task.one<{ pid: number }>('select pg_backend_pid() as pid');
    const ask = async () => {
      const [startedMs, cpuBefore] = [performance.now(), await readCpuMs(pid)];
      const { length } = await task.any(sql);
      const wallMs = performance.now() - startedMs;
      const cpuMs = (await readCpuMs(pid)) - cpuBefore;
      return { took: { wallMs, cpuMs: Number.isNaN(cpuMs) ? wallMs : cpuMs }, length };
    };
    const first = await ask();
    const again = first.took.cpuMs > SLOW_MS ? 0 : rounds;
    const took: Took[] = again === 0 ? [first.took] : [];
    while (took.length < again) took.push((await ask()).took);
    await task.multi('reset role; reset max_parallel_workers_per_gather');
    return { took, answers: first.length };
  });
}

/** NaN where the system does not tell. */
async function readCpuMs(pid: number): Promise<number> {
  return Number.parseInt(await readFile(`/proc/${pid}/schedstat`, 'utf8').catch(() => ''), 10) / 1e6;
}

function tableOf(times: Times): Table {
  return {
    title: 'Each question, ms of CPU',
    columns: Object.keys(RANGES).map((name) => ({ name, digits: 0 })),
    rows: [...times].map(([contender, ofRanges]) => ({
      contender,
      cells: [...ofRanges.values()].map((took) => estimate(took.map(({ cpuMs }) => cpuMs))),
    })),
  };
}

function summaryOf(times: Times): Table {
  const medians = (range: string, of: keyof Took) => [...times.values()].map((took) => medianOf(took.get(range), of));
  return {
    title: 'All questions',
    columns: [
      { name: 'questions', digits: 0 },
      { name: 'median, ms of CPU', digits: 0 },
      { name: 'slowest, ms of CPU', digits: 0 },
      { name: `above ${LIMIT_MS}`, digits: 0 },
      { name: 'median, ms by the clock', digits: 0 },
      { name: 'slowest, ms by the clock', digits: 0 },
    ],
    rows: Object.keys(RANGES).map((range) => {
      const [cpu, wall] = [medians(range, 'cpuMs'), medians(range, 'wallMs')];
      const above = cpu.filter((ms) => ms > LIMIT_MS).length;
      return { contender: range, cells: [cpu.length, median(cpu), Math.max(...cpu), above, median(wall), Math.max(...wall)] };
    }),
  };
}

function medianOf(took: readonly Took[] = [], of: keyof Took): number {
  return median(took.map((one) => one[of]));
}

function notesOf(rows: number, version: string, { times, empty }: Timed): string[] {
  const slow = [...times].flatMap(([name, ofRanges]) =>
    [...ofRanges].filter(([, took]) => medianOf(took, 'cpuMs') > LIMIT_MS).map(([range]) => `${name} over ${range}`),
  );
  return [
    `${rows.toLocaleString('en')} events over 30 days, evenly: half requests, a fifth queries, 8 % caches, 6 % tools, 5 % models, 4 % connectors, 3 % agents, 3 % steps, 1 % workflows; 2 % failed. PostgreSQL ${version}, settings as in the section on the archive.`,
    'All services, with the steps that Grafana takes for a panel of 900 pixels: a minute, two minutes, an hour. Ranges end between two minutes. Planning included; each was asked once before, one at a time, by the role of dashboards, without parallel workers. CPU is that of the backend: what an answer takes on a machine with nothing else to do, and its files in memory.',
    ...(empty.size === 0 ? [] : [`Without an answer, even over the longest range: ${[...empty].join('; ')}.`]),
    slow.length === 0 ? `None took longer than ${LIMIT_MS} ms.` : `Longer than ${LIMIT_MS} ms: ${slow.join('; ')}.`,
  ];
}
