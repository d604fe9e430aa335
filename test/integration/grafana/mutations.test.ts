import assert from 'node:assert/strict';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { parser } from '@prometheus-io/lezer-promql';
import { createRandom } from '../../../demo/random.ts';
import { dashboardFiles } from '../../../grafana/src/dashboards.ts';
import { loadSqlParser, parseSql, type SqlNode } from '../../../src/alerts/sql-parser.ts';
import { wrongInExpr, wrongMembers } from '../../support/dashboard-lint.ts';
import { expandSql, otherTargetsOf, type Shown, targetsOf } from '../../support/grafana.ts';
import { valuesInSql } from '../../support/label-values.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { type KnownMetrics, knownMetrics, readPrometheusRules } from '../../support/promql.ts';

/** `MUTATION_SEED=… MUTATIONS=…` to try others, and more of them; what was tried is printed. */
const MUTATIONS = Number(process.env['MUTATIONS'] ?? 100);
const SEED = Number(process.env['MUTATION_SEED'] ?? Date.now() % 2 ** 31);
const SHOWN: Shown = { from: new Date('2026-01-01T10:00:00Z'), to: new Date('2026-01-01T16:00:00Z'), stepMs: 60_000 };

/** A query of a panel as it is sent. */
interface Question {
  readonly where: string;
  readonly language: 'promql' | 'sql';
  readonly text: string;
}

/** What is mutated: names that a query takes from elsewhere, and values that only the product chooses. */
const KINDS = ['metric', 'label', 'label value', 'table', 'column', 'member', 'function', 'type', 'value'] as const;

/** A name that a query takes from elsewhere. */
interface Name {
  readonly kind: (typeof KINDS)[number];
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

  it(`are refused, ${MUTATIONS} of ${MUTATIONS}, of each kind as many: ${KINDS.join(', ')}; MUTATION_SEED=${SEED}`, async function () {
    this.timeout(20_000 + MUTATIONS * 100);
    const { pick } = createRandom(SEED);
    const names = questions.flatMap((question) => namesIn(question).map((name) => ({ question, ...name })));
    const missed: string[] = [];
    for (let made = 0; made < MUTATIONS; ) {
      const kind = KINDS[made % KINDS.length] as (typeof KINDS)[number];
      const { question, text, at } = pick(byKind(names, kind));
      const renamed = pick([
        `${text}_old`,
        text.slice(0, -1),
        `${text.slice(0, -2)}${text.at(-1)}${text.at(-2)}`,
        text.replace('_', ''),
      ]);
      if (renamed === text || renamed.length < 2) continue;
      const mutated = { ...question, text: question.text.slice(0, at) + renamed + question.text.slice(at + text.length) };
      made += 1;
      if ((await wrongIn(mutated)) === undefined) missed.push(`${question.where}: ${kind} ${text} as ${renamed}`);
    }
    assert.deepEqual(missed, []);
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
  const ofAnnotations = otherTargetsOf(dashboard).filter(({ kind }) => kind === 'annotation');
  return [...targetsOf(dashboard), ...ofAnnotations, ...ofVariables].map(({ panel, expr, rawSql = '' }) => ({
    where: `${path}: ${panel}`,
    language: expr === undefined ? 'sql' : 'promql',
    text: expr ?? expandSql(dashboard, rawSql, SHOWN),
  }));
}

function namesIn({ language, text }: Question): Name[] {
  if (language === 'promql') return namesInPromql(text);
  const values = valuesInSql(text).map(({ value, at }): Name => ({ kind: 'value', text: value, at }));
  return [...namesInSql(text), ...membersIn(text), ...typesIn(text), ...values];
}

function namesInPromql(text: string): Name[] {
  const names: Name[] = [];
  const whole = text.replace(/\$__(rate_interval|range|interval|from)\b/g, (macro) =>
    (macro === '$__from' ? '1' : '4m').padEnd(macro.length),
  );
  parser.parse(whole).iterate({
    enter({ name, from, to, node }) {
      if (name === 'FunctionIdentifier') names.push({ kind: 'function', text: text.slice(from, to), at: from });
      if (name === 'StringLiteral' && isChosenByProduct(text.slice(node.parent?.from, to)))
        names.push({ kind: 'label value', text: text.slice(from + 1, to - 1), at: from + 1 });
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
    const call = (node as Readonly<Record<string, SqlNode | undefined>>)['FuncCall'];
    if (call !== undefined) {
      const name = (call['funcname'] as readonly { readonly String?: { readonly sval: string } }[]).at(-1)?.String?.sval;
      const begin = Buffer.from(text)
        .subarray(0, Number(call['location'] ?? 0))
        .toString().length;
      // What the grammar spells in its own words (extract, coalesce, substring from) stands there otherwise.
      const at = name === undefined ? -1 : text.slice(begin).search(new RegExp(`^(keepwatch\\.)?${name}\\(`));
      if (name !== undefined && at === 0) names.push({ kind: 'function', text: name, at: text.indexOf(name, begin) });
    }
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

function byKind<N extends Name>(names: readonly N[], kind: Name['kind']): readonly N[] {
  const found = names.filter((name) => name.kind === kind);
  assert.ok(found.length > 0, `no ${kind}`);
  return found;
}

/** A matcher whose value nobody else chooses, and no variable. */
function isChosenByProduct(matcher: string): boolean {
  return /^(status|error_type|state|outcome|alertstate|reason|direction)[=!~]+"\w+"$/.test(matcher);
}

function typesIn(text: string): Name[] {
  const found = [...text.matchAll(/(keepwatch\.(?:timeseries|latency|slowest)\(')(\w+)'/g)];
  return found.map(({ 1: before = '', 2: name = '', index }) => ({ kind: 'type', text: name, at: index + before.length }));
}

/** What is only text for Postgres. */
function membersIn(text: string): Name[] {
  const found = [...text.matchAll(/((?:metadata|labels) (?:->>?|\?) '|(?:group_by =>|per_label\() ?')(\w+)'/g)];
  return found.map(({ 1: before = '', 2: name = '', index }) => ({ kind: 'member', text: name, at: index + before.length }));
}
