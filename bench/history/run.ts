// The history section: what people ask of 30 days, answered from rollups, beside percentile_disc on the raw rows, in turns on one server.
import { createArchiveQueries } from '../../src/archive/queries.ts';
import { closeDatabase, createDatabase, type Database } from '../../src/db/database.ts';
import { migrate } from '../../src/db/migrate.ts';
import { startPostgres } from '../archive/postgres-server.ts';
import type { BenchContext } from '../context.ts';
import type { SectionResult } from '../report.ts';
import { estimate } from '../statistics.ts';
import { timeCold } from './cold.ts';
import { createPast, RARE_NAME, SERIES } from './past.ts';
import { measureSizes } from './sizes.ts';

const ROWS = { full: 10_000_000, quick: 50_000 } as const;
const WARM_UPS = 3;
const NAME = 'GET /things/0';
/** Building it takes minutes. */
const TIMEOUT_MS = 3_600_000;

interface Question {
  readonly ask: (database: Database) => Promise<unknown>;
  /** The same of the raw rows; undefined where there is nothing to compare. */
  readonly askRaw?: (database: Database) => Promise<unknown>;
}

/** Runs the history section. @throws MissingPartError without PostgreSQL's own programs */
export async function runHistory(context: BenchContext): Promise<SectionResult> {
  const rows = context.effort.isQuick ? ROWS.quick : ROWS.full;
  const until = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000);
  context.progress('history: starting PostgreSQL');
  const server = await startPostgres(context.folder);
  context.onEnd(() => server.stop());
  await migrate(server.database);
  const database = createDatabase({ url: server.url, max: 2, queryTimeoutMs: TIMEOUT_MS });
  try {
    await createPast(database, { rows, until }, context.progress);
    const questions = await questionsOf(database, until);
    const times = new Map<string, { own: number[]; raw: number[] }>();
    for (let round = -WARM_UPS; round < context.effort.rounds; round++) {
      context.progress(`history: round ${Math.max(0, round) + 1}/${context.effort.rounds}`);
      for (const [name, { ask, askRaw }] of Object.entries(questions)) {
        const own = await timeOf(() => ask(database));
        // Raw rows take long: once is warm enough.
        const raw = askRaw === undefined || (round < 0 && round !== -1) ? Number.NaN : await timeOf(() => askRaw(database));
        if (round < 0) continue;
        const known = times.get(name) ?? { own: [], raw: [] };
        times.set(name, { own: [...known.own, own], raw: [...known.raw, raw] });
      }
    }
    const problems = await problemsOf(database, until);
    const sizes = await measureSizes(database, { rows, until, isQuick: context.effort.isQuick });
    const cold = new Map<string, number>();
    for (const [name, { ask }] of Object.entries(questions).slice(0, context.effort.isQuick ? 1 : undefined)) {
      context.progress(`history: ${name}, after a restart`);
      cold.set(name, await timeCold(server, ask));
    }
    return { name: 'history', notes: notesOf(rows, server.version), tables: [tableOf(times, cold), sizes], problems };
  } finally {
    await closeDatabase(database);
    await server.stop();
  }
}

async function timeOf(ask: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await ask();
  return performance.now() - startedMs;
}

const RAW = `
  select name, percentile_disc(0.95) within group (order by duration_ms) as p95 from keepwatch.observability_metrics
  where end_time >= $<from> and end_time < $<to> and ($<name> is null or name = $<name>) group by name`;
const ROLLUP = `select * from keepwatch.measure($<from>, $<to>, null, $<name>, quantiles => '{0.95}')`;

async function questionsOf(database: Database, until: Date): Promise<Record<string, Question>> {
  const { trace } = await database.one<{ trace: string }>(
    `select trace_id as trace from keepwatch.observability_metrics where end_time >= $<day>::timestamptz and end_time < $<day>::timestamptz + interval '1 day' limit 1`,
    { day: new Date(until.getTime() - 10 * 86_400_000) },
  );
  const p95 = (name: string | null, from: number, to: number): Question => {
    const values = { name, from: new Date(until.getTime() - from), to: new Date(until.getTime() - to) };
    return { ask: (asked) => asked.any(ROLLUP, values), askRaw: (asked) => asked.any(RAW, values) };
  };
  const minute = 60_000;
  const near = new Date(until.getTime() - 10 * 86_400_000);
  const newest = (name: string) => (asked: Database) => createArchiveQueries(asked).recent({ name, limit: 50 });
  return {
    'p95 of one series, one hour': p95(NAME, 60 * minute, 0),
    'p95 of one series, one hour, not at whole minutes': p95(NAME, 60 * minute - 17_000, 17_000),
    'p95 of one series, 30 days': p95(NAME, 43_200 * minute, 0),
    [`p95 of each of ${SERIES.toLocaleString('en')} series, 5 minutes`]: p95(null, 10 * minute, 5 * minute),
    'a trace, with a moment of it': {
      ask: (asked) => asked.any('select * from keepwatch.trace($<trace>, $<near>)', { trace, near }),
    },
    'a trace': { ask: (asked) => asked.any('select * from keepwatch.trace($<trace>)', { trace }) },
    'the newest 50 of one name': { ask: newest('GET /things/7') },
    'the newest of a name that ran once': { ask: newest(RARE_NAME) },
  };
}

function tableOf(times: ReadonlyMap<string, { own: number[]; raw: number[] }>, cold: ReadonlyMap<string, number>) {
  const rows = [...times].map(([contender, { own, raw }]) => {
    const hasRaw = raw.every((ms) => !Number.isNaN(ms));
    const ratios = raw.map((ms, index) => ms / (own[index] ?? Number.NaN));
    return {
      contender,
      cells: [estimate(own), cold.get(contender) ?? '', hasRaw ? estimate(raw) : '', hasRaw ? estimate(ratios) : ''],
    };
  });
  const columns = [
    { name: 'ms', digits: 1 },
    { name: 'once after a restart, files evicted, ms', digits: 0 },
    { name: 'percentile_disc on raw, ms', digits: 0 },
    { name: 'raw to it', digits: 0 },
  ];
  return { title: 'Questions to 30 days', columns, rows };
}

/** What was measured has to be right. */
async function problemsOf(database: Database, until: Date): Promise<string[]> {
  const values = { name: NAME, from: new Date(until.getTime() - 3_600_000 + 17_000), to: new Date(until.getTime() - 17_000) };
  const [own, raw] = await Promise.all([
    database.one<{ count: number }>(`select count::float8 from (${ROLLUP}) as measured`, values),
    database.one<{ count: number }>(
      'select count(*)::float8 from keepwatch.observability_metrics where name = $<name> and end_time >= $<from> and end_time < $<to>',
      values,
    ),
  ]);
  return own.count === raw.count ? [] : [`rollups count ${own.count} executions, raw rows ${raw.count}`];
}

function notesOf(rows: number, version: string): string[] {
  return [
    `${rows.toLocaleString('en')} raw rows of ${SERIES.toLocaleString('en')} series over 30 days, three tenths of them in the last hour; the series asked for has a tenth of all. PostgreSQL ${version}, settings as in the section on the archive. Warm: each question was asked before.`,
    'From the question to the last row in Node, planning included; rollups and raw rows in turns, and the ratio is that of each pair. keepwatch.measure has no state: every question is planned anew.',
    'Once after a restart: Postgres was stopped, its files were put out of the cache of the system, and the first question of the first connection is timed. A host that caches its disks still may have them.',
    'Raw rows are read with the default indexes, by several workers where Postgres thinks it right.',
  ];
}
