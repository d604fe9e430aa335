import assert from 'node:assert/strict';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { parser } from '@prometheus-io/lezer-promql';
import { createRandom } from '../../../demo/random.ts';
import { dashboardFiles } from '../../../grafana/src/dashboards.ts';
import { loadSqlParser, parseSql, type SqlNode } from '../../../src/alerts/sql-parser.ts';
import { wrongInExpr, wrongMembers } from '../../support/dashboard-lint.ts';
import { expandSql, type Shown, targetsOf } from '../../support/grafana.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { type KnownMetrics, knownMetrics, readPrometheusRules } from '../../support/promql.ts';

const MUTATIONS = 50;
const SHOWN: Shown = { from: new Date('2026-01-01T10:00:00Z'), to: new Date('2026-01-01T16:00:00Z'), stepMs: 60_000 };

/** A query of a panel as it is sent. */
interface Question {
  readonly where: string;
  readonly language: 'promql' | 'sql';
  readonly text: string;
}

/** A name that a query takes from elsewhere. */
interface Name {
  readonly kind: 'metric' | 'label' | 'table' | 'column' | 'member';
  readonly text: string;
  readonly at: number;
}

describe('dashboards in which a name is not the right one', () => {
  const questions = dashboardFiles().flatMap(({ path, text }) => questionsOf(path, JSON.parse(text) as Dashboard));
  let test: TestDatabase;
  let known: KnownMetrics;

  before(async () => {
    await loadSqlParser();
    test = await createTestDatabase();
    known = await knownMetrics(readPrometheusRules());
  });
  after(() => test.drop());

  it('are taken as they are', async () => {
    for (const question of questions) assert.equal(await wrongIn(question), undefined, `${question.where}\n${question.text}`);
  });

  it(`are refused, ${MUTATIONS} of ${MUTATIONS}: metrics, labels, tables, columns and members of metadata, of any query`, async () => {
    const { pick } = createRandom(20261121);
    const kinds = new Map<string, number>();
    const missed: string[] = [];
    while ([...kinds.values()].reduce((sum, count) => sum + count, 0) < MUTATIONS) {
      const question = pick(questions);
      const { kind, text, at } = pick(namesIn(question));
      const renamed = pick([
        `${text}_old`,
        text.slice(0, -1),
        `${text.slice(0, -2)}${text.at(-1)}${text.at(-2)}`,
        text.replace('_', ''),
      ]);
      if (renamed === text || renamed.length < 2) continue;
      const mutated = { ...question, text: question.text.slice(0, at) + renamed + question.text.slice(at + text.length) };
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      if ((await wrongIn(mutated)) === undefined) missed.push(`${question.where}: ${kind} ${text} as ${renamed}`);
    }
    assert.deepEqual(missed, []);
    assert.deepEqual(new Set(kinds.keys()), new Set(['metric', 'label', 'table', 'column', 'member']));
  });

  /** By the linter, and of tables and columns by Postgres, which has all migrations. */
  async function wrongIn({ language, text }: Question): Promise<string | undefined> {
    if (language === 'promql') return wrongInExpr(text, known)[0];
    const [problem] = wrongMembers(text);
    if (problem !== undefined) return problem;
    return test.database.any(`explain ${text}`).then(
      () => undefined,
      (error: unknown) => String(error),
    );
  }
});

function questionsOf(path: string, dashboard: Dashboard): Question[] {
  const lists = (dashboard.templating.list ?? []) as readonly { name: string; query?: unknown }[];
  const ofVariables = lists.flatMap(({ name, query }) =>
    typeof query === 'string' && query.startsWith('select') ? [{ panel: `$${name}`, rawSql: query, expr: undefined }] : [],
  );
  return [...targetsOf(dashboard), ...ofVariables].map(({ panel, expr, rawSql = '' }) => ({
    where: `${path}: ${panel}`,
    language: expr === undefined ? 'sql' : 'promql',
    text: expr ?? expandSql(dashboard, rawSql, SHOWN),
  }));
}

function namesIn({ language, text }: Question): Name[] {
  return language === 'promql' ? namesInPromql(text) : [...namesInSql(text), ...membersIn(text)];
}

function namesInPromql(text: string): Name[] {
  const names: Name[] = [];
  parser.parse(text.replaceAll('$__rate_interval', '4m'.padEnd(16)).replaceAll('$__range', '4m'.padEnd(8))).iterate({
    enter({ name, from, to }) {
      if (name === 'Identifier') names.push({ kind: 'metric', text: text.slice(from, to), at: from });
      if (name === 'LabelName') names.push({ kind: 'label', text: text.slice(from, to), at: from });
    },
  });
  return names;
}

/** Tables and columns, by Postgres' own grammar. */
function namesInSql(text: string): Name[] {
  const bytes = Buffer.from(text);
  const names: Name[] = [];
  const add = (kind: Name['kind'], name: string, location: number) => {
    const at = text.indexOf(name, bytes.subarray(0, location).toString().length);
    if (at >= 0) names.push({ kind, text: name, at });
  };
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { ColumnRef: column, RangeVar: table } = node as Readonly<Record<string, SqlNode | undefined>>;
    if (column !== undefined) {
      const fields = column['fields'] as readonly { readonly String?: { readonly sval: string } }[];
      const name = fields.at(-1)?.String?.sval;
      const begin = fields.slice(0, -1).reduce((length, { String: part }) => length + (part?.sval.length ?? 0) + 1, 0);
      if (name !== undefined) add('column', name, Number(column['location'] ?? 0) + begin);
    }
    // What `with` makes has no schema, and is renamed in one place only, so that it is refused as well.
    if (table?.['schemaname'] === 'keepwatch')
      add('table', String(table['relname']), Number(table['location'] ?? 0) + 'keepwatch.'.length);
    for (const child of Object.values(node)) visit(child);
  };
  for (const { node } of parseSql(text).statements) visit(node);
  return names;
}

/** What is only text for Postgres. */
function membersIn(text: string): Name[] {
  const found = [...text.matchAll(/((?:metadata|labels) (?:->>?|\?) '|(?:group_by =>|per_label\() ?')(\w+)'/g)];
  return found.map(({ 1: before = '', 2: name = '', index }) => ({ kind: 'member', text: name, at: index + before.length }));
}
