// Dashboards that are asked for what nobody expected: a service with any name at all, one that does nothing, an archive that holds nothing. Every
// SQL of every dashboard, with macros and variables as Grafana expands them, in a real Postgres, as the role of dashboards.
import assert from 'node:assert/strict';
import type { Database } from '../../../src/db/database.ts';
import { ensureRoles } from '../../../src/db/roles.ts';
import {
  expandSql,
  type KeptDashboard,
  keptDashboards,
  otherTargetsOf,
  type Shown,
  type Target,
  targetsOf,
} from '../../support/grafana.ts';
import { askPostgres, linesOfSql, numbersOf, type SqlAnswer } from '../../support/grafana-answers.ts';
import { createHistory } from '../../support/history.ts';
import { HOSTILE_TEXTS } from '../../support/hostile-texts.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

/** What it is called otherwise. */
const SERVICE = 'shop';
const WITH_SERVICE = ['observability_metrics', 'observability_series', 'sources'];
/** What there is without any events: nothing was heard of, which is a number. */
const COUNTED_WITHOUT_EVENTS: ReadonlySet<string> = new Set(['Processes']);
/** What a history of events has nothing of: processes that archived it, and targets of code. */
const OF_NO_HISTORY: readonly string[] = ['Accounting', 'Targets beside code'];

describe('SQL of dashboards', () => {
  const now = new Date();
  const shown: Shown = { from: new Date(now.getTime() - 86_400_000), to: now, stepMs: 3_600_000 };
  const questions = keptDashboards().flatMap(({ path, dashboard }) =>
    [...targetsOf(dashboard), ...otherTargetsOf(dashboard)]
      .filter(({ rawSql }) => rawSql !== undefined)
      .map((target) => ({ where: `${path}: ${target.panel}`, dashboard, target })),
  );
  const ofService = questions.filter(({ target }) => target.rawSql?.includes('${service') === true);

  it('is found in all dashboards of Postgres', () => {
    const paths = keptDashboards().filter(({ path }) => path.startsWith('postgres/'));
    assert.ok(paths.length >= 4 && questions.length >= 10 * paths.length && ofService.length > questions.length / 2);
  });

  describe('of an empty archive', () => {
    let test: TestDatabase;
    before(async () => {
      test = await createTestDatabase();
      await ensureRoles(test.database);
    });
    after(() => test.drop());

    for (const [what, service] of [['all services', undefined] as const, ...Object.entries(HOSTILE_TEXTS)]) {
      it(`has no numbers, not even 0: ${what}`, async () => {
        for (const { where, dashboard, target } of questions) {
          const variables = service === undefined ? {} : everywhere(dashboard, service);
          const answer = await ask(test.database, expandSql(dashboard, target.rawSql ?? '', { ...shown, variables }), target);
          if (!COUNTED_WITHOUT_EVENTS.has(target.panel)) assert.deepEqual(numbersOf(answer), [], where);
        }
      });
    }
  });

  describe('of a service that has events', () => {
    let test: TestDatabase;
    before(async function () {
      this.timeout(60_000);
      test = await createTestDatabase();
      await ensureRoles(test.database);
      await createHistory(test.database, { rows: 4000, now });
      await test.database.tx((task) => rename(task, 'chat-api', SERVICE));
      await test.database.none(
        `insert into keepwatch.sources (source_id, service, instance, started_at, low_watermark) values (7, $<SERVICE>, 'host:1', now() - interval '1 hour', now())`,
        { SERVICE },
      );
    });
    after(() => test.drop());

    for (const [what, name] of Object.entries(HOSTILE_TEXTS)) {
      it(`says the same whatever its name is: ${what}`, async function () {
        this.timeout(20_000);
        await test.database.tx(async (task) => {
          // Within one transaction now() stands still.
          const database = task as unknown as Database;
          const before = await askAll(database, SERVICE);
          await rename(task, SERVICE, name);
          const after = await askAll(database, name);
          for (const [where, answer] of before) assert.deepEqual(renamed(after.get(where), name, SERVICE), answer, where);
          const empty = [...before].flatMap(([where, { rows }]) => (rows.length === 0 && !isOfNoHistory(where) ? [where] : []));
          assert.deepEqual(empty, []);
          await rename(task, name, SERVICE);
        });
      });

      it(`has no numbers for another one without traffic: ${what}`, async () => {
        for (const [where, answer] of await askAll(test.database, name)) {
          if (![...COUNTED_WITHOUT_EVENTS].some((title) => where.endsWith(`: ${title}`)))
            assert.deepEqual(numbersOf(answer), [], where);
        }
      });
    }

    async function rename(task: Pick<Database, 'none'>, from: string, to: string): Promise<void> {
      for (const table of WITH_SERVICE)
        await task.none('update keepwatch.$<table:name> set service = $<to> where service = $<from>', { table, from, to });
    }

    async function askAll(database: Database, service: string): Promise<Map<string, SqlAnswer>> {
      const answers = new Map<string, SqlAnswer>();
      for (const { where, dashboard, target } of ofService) {
        const sql = expandSql(dashboard, target.rawSql ?? '', { ...shown, variables: { service } });
        answers.set(where, await ask(database, sql, target));
      }
      return answers;
    }
  });

  /** The value for each variable that is asked for, twice where several may be chosen. */
  function everywhere(dashboard: KeptDashboard['dashboard'], value: string): NonNullable<Shown['variables']> {
    const asked = (dashboard.templating.list ?? []).filter(({ type }) => type === 'query' || type === 'textbox');
    return Object.fromEntries(asked.map(({ name, multi }) => [name, multi === true ? [value, `${value}2`] : value]));
  }

  /** Fails for what Grafana would not draw, too. */
  async function ask(database: Database, sql: string, { format, panel }: Target): Promise<SqlAnswer> {
    const answer = await askPostgres(database, sql).catch((error: unknown) => {
      throw new Error(`${panel}: ${sql}`, { cause: error });
    });
    if (format === 'time_series') linesOfSql(answer);
    return answer;
  }
});

function isOfNoHistory(where: string): boolean {
  return OF_NO_HISTORY.some((title) => where.endsWith(`: ${title}`));
}

/** Tables of roles, and marks, name the service. */
function renamed(answer: SqlAnswer | undefined, from: string, to: string): SqlAnswer | undefined {
  const rows = answer?.rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([column, cell]) => [column, cell === from ? to : cell])),
  );
  return answer && { ...answer, rows: rows ?? [] };
}
