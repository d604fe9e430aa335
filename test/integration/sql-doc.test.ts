// docs/sql.md against the database: every column is described there in the words of its comment, and every question runs.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Database } from '../../src/db/database.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const PATH = fileURLToPath(new URL('../../docs/sql.md', import.meta.url));
const MARKER = /<!-- generated: .* -->\n/;

interface Column {
  readonly relation: string;
  readonly kind: string;
  readonly relation_meaning: string | null;
  readonly name: string;
  readonly type: string;
  readonly meaning: string | null;
}

const COLUMNS = `
  select class.relname as relation, class.relkind as kind, case when class.relkind = 'c' then obj_description(class.reltype, 'pg_type') else obj_description(class.oid, 'pg_class') end as relation_meaning,
    attribute.attname as name, format_type(attribute.atttypid, attribute.atttypmod) as type,
    col_description(class.oid, attribute.attnum) as meaning
  from pg_class as class
  join pg_attribute as attribute on attribute.attrelid = class.oid and attribute.attnum > 0 and not attribute.attisdropped
  where class.relnamespace = 'keepwatch'::regnamespace and class.relkind in ('r', 'p', 'v', 'm', 'c') and not class.relispartition
  order by class.relname, attribute.attnum`;

const FUNCTIONS = `
  select proname as name, pg_get_function_arguments(oid) as arguments, obj_description(oid, 'pg_proc') as meaning
  from pg_proc
  where pronamespace = 'keepwatch'::regnamespace and prorettype <> 'trigger'::regtype
  order by proname, arguments`;

/** The generated part of the page. */
async function describeSchema(database: Database): Promise<string> {
  const columns = await database.any<Column>(COLUMNS);
  const functions = await database.any<{ name: string; arguments: string; meaning: string | null }>(FUNCTIONS);
  const lines: string[] = [];
  columns.forEach((column, index) => {
    if (columns[index - 1]?.relation !== column.relation) {
      const kind = column.kind === 'v' ? 'View. ' : '';
      lines.push(
        '',
        `### ${column.relation}`,
        '',
        `${kind}${column.relation_meaning ?? ''}`,
        '',
        '| column | type | meaning |',
        '| --- | --- | --- |',
      );
    }
    lines.push(`| \`${column.name}\` | ${column.type} | ${column.meaning ?? ''} |`);
  });
  lines.push('', '### Functions', '', '| function | meaning |', '| --- | --- |');
  for (const { name, arguments: given, meaning } of functions) lines.push(`| \`${name}(${given})\` | ${meaning ?? ''} |`);
  return `${lines.join('\n')}\n`;
}

describe('docs/sql.md', () => {
  const page = readFileSync(PATH, 'utf8');
  const questions = [...page.matchAll(/```sql\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
  let test: TestDatabase;
  before(async function () {
    this.timeout(30_000);
    test = await createTestDatabase();
  });
  after(() => test.drop());

  it('describes every table, view, column and function as the database does', async () => {
    const expected = await describeSchema(test.database);
    const at = MARKER.exec(page);
    assert.ok(at);
    const end = at.index + at[0].length;
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(PATH, page.slice(0, end) + expected);
    else assert.equal(page.slice(end), expected, 'docs/sql.md is stale: run this test with UPDATE_DOCS=1');
  });

  it('finds a comment on every table, view, column and function', async () => {
    const columns = await test.database.any<Column>(COLUMNS);
    const silent = columns.filter((column) => column.meaning === null || column.relation_meaning === null);
    assert.deepEqual(
      silent.map(({ relation, name }) => `${relation}.${name}`),
      [],
    );
    const functions = await test.database.any<{ meaning: string | null }>(FUNCTIONS);
    assert.ok(functions.every(({ meaning }) => meaning !== null));
  });

  it('asks at least a dozen questions', () => {
    assert.ok(questions.length >= 12);
  });

  for (const question of questions) {
    it(`runs: ${question.replace(/\s+/g, ' ').slice(0, 70)}`, async () => {
      await test.database.any(question);
    });
  }
});
