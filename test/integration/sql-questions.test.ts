// Every question of docs/sql.md against brute force on raw rows, with a past of which the older days are in the rollups alone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { inTransaction } from '../../src/db/database.ts';
import { createHistory } from '../support/history.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { ANSWERS } from '../support/sql-answers.ts';

const DAY_MS = 86_400_000;
const ROWS = Number(process.env['HISTORY_ROWS'] ?? 80_000);
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
/** The sizes of days are the database's own. */
const UNANSWERED = ['How large is each day'];

/** What `history` does not have: the words of the answers. */
const PREPARE = `
  create view executions as select * from history cross join generate_series(1, weight);
  create function kept(at timestamptz) returns timestamptz language sql stable as $$
    select case when at < (select max(until) from keepwatch.retired_partitions) then date_trunc('minute', at) else at end $$;
  create function ms(us bigint, min_us bigint, max_us bigint) returns float8 language sql immutable as $$
    select case when us is not null then greatest(min_us, least(max_us, keepwatch.bucket_value(keepwatch.bucket_of(us)))) / 1000 end $$;
  create temp table renamed as select trace_id from history where type = 'agent' and end_time < now() order by end_time desc limit 1;
  update history set trace_id = '${TRACE_ID}' where trace_id = (select trace_id from renamed);
  update keepwatch.observability_metrics set trace_id = '${TRACE_ID}' where trace_id = (select trace_id from renamed);
  insert into keepwatch.sources (source_id, service, instance, started_at, low_watermark, last_seen_at)
  values (7, 'shop', 'shop:1', '2026-01-01', '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00');
  insert into keepwatch.ledger (source_id, lane, recorded, archived, dead_lettered, dropped) values (7, 'rest', 10, 8, 1, '{"ring_full":1}');
  insert into keepwatch.observability_dead_letter (source_id, lane, segment, batch, row_number, sqlstate, error, payload, created_at)
  values (7, 'rest', 1, 1, 1, '22P05', 'no such character', '', '2026-01-03 00:00:00+00');
  insert into keepwatch.budgets (name, scope, period, timezone, limit_usd, enabled) values ('all', '{}', 'week', 'UTC', 5, true),
    ('team t1', '{"team":"t1"}', 'day', 'Asia/Kolkata', 0.5, true), ('nobody', '{"team":"t9"}', 'month', 'UTC', 1, true),
    ('not in use', '{}', 'month', 'UTC', 1, false);
  select keepwatch.ensure_log_partitions(now() - interval '1 day', now());
  insert into keepwatch.observability_logs (id, time, source_id, trace_id, level, service, logger, message, attributes)
  select gen_random_uuid(), now() - n * interval '7 minutes', 7,
    case when n % 2 = 0 then failed.trace_id else '${TRACE_ID}'::uuid end, 10 + 10 * (n % 6), 'shop', case when n % 3 > 0 then 'orders' end,
    case when n % 4 = 0 then 'card refused' else 'card taken' end, jsonb_build_object('order', n)
  from generate_series(0, 40) as n
  cross join (select trace_id from keepwatch.observability_metrics where status = 'failure' and trace_id is not null
    and end_time < now() order by end_time desc limit 1) as failed;`;

describe('the questions of docs/sql.md', () => {
  const page = readFileSync(new URL('../../docs/sql.md', import.meta.url), 'utf8');
  const questions = [...page.matchAll(/\n\n((?:[^\n]+\n)+)```sql\n([\s\S]*?)```/g)].map(([, text = '', sql = '']) => ({
    title: text.replace(/\s+/g, ' ').replace(/([:?]|\. )(?=[^']|$).*$/, ''),
    sql,
  }));
  let test: TestDatabase;

  before(async function () {
    this.timeout(180_000);
    test = await createTestDatabase();
    const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
    await createHistory(test.database, { rows: ROWS, rawFrom: new Date(today - 3 * DAY_MS) });
    await test.database.multi(PREPARE);
  });
  after(() => test.drop());

  it('are 25 at least, and each has an answer', () => {
    assert.ok(questions.length >= 25);
    assert.deepEqual(questions.map(({ title }) => title).sort(), [...Object.keys(ANSWERS), ...UNANSWERED].sort());
  });

  for (const { title, sql } of questions) {
    if (UNANSWERED.includes(title)) continue;
    it(`${title}?`, async () => {
      const answer = ANSWERS[title] ?? '';
      // One transaction: both have the same now().
      const [given, expected] = await inTransaction(
        test.database,
        async (transaction) => [await transaction.any(sql), await transaction.any(answer)] as const,
        'snapshot',
      );
      const isOrdered = /order by [^()]*$/.test(answer);
      assert.ok(given.length > 0);
      const answers = comparable(expected, isOrdered);
      assert.deepEqual(snapped(comparable(given, isOrdered), answers), answers);
    });
  }
});

/** Rows as plain values, numbers as numbers, whether Postgres sent them as such or, being long, as text. */
function comparable(rows: readonly object[], isOrdered: boolean): unknown[] {
  const plain = JSON.parse(JSON.stringify(rows, (_, value: unknown) => (isNumeric(value) ? Number(value) : value))) as unknown[];
  return isOrdered
    ? plain
    : plain
        .map((row) => [roughly(row), row] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, row]) => row);
}

function isNumeric(value: unknown): boolean {
  return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value);
}

/** A row as text, without the digits in which sums of another order may differ. */
function roughly(row: unknown): string {
  return JSON.stringify(row, (_, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value));
}

/** What was given, with numbers as expected where they are the same but for the order in which they were added up. */
function snapped(given: unknown, expected: unknown): unknown {
  if (typeof given === 'number' && typeof expected === 'number')
    return Math.abs(given - expected) <= 1e-9 * Math.abs(expected) ? expected : given;
  if (typeof given !== 'object' || typeof expected !== 'object' || given === null || expected === null) return given;
  if (Array.isArray(given)) return given.map((value, index) => snapped(value, (expected as unknown[])[index]));
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => [key, snapped(value, (expected as Record<string, unknown>)[key])]),
  );
}
