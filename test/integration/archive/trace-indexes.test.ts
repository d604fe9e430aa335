// A trace is found by its index, whatever version made the day, and days of earlier versions come to have the index of this one.
import assert from 'node:assert/strict';
import { Lease } from '../../../src/archive/maintenance/lease.ts';
import { indexTraces } from '../../../src/archive/maintenance/trace-indexes.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const DAYS = 4;
const ROWS_A_DAY = 20_000;

interface Plan {
  readonly 'Index Name'?: string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly 'Actual Loops': number;
  readonly Plans?: readonly Plan[];
}

describe('the index of trace ids', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  let pages: number;
  before(async () => {
    test = await createTestDatabase();
    await test.database.none(
      `insert into keepwatch.observability_metrics (id, start_time, end_time, duration_ms, source_id, trace_id, name, type, status, service, metadata)
      select gen_random_uuid(), at, at, 5, 1, md5('trace ' || i / 4)::uuid, 'search', 'tool', 'success', 'test',
        jsonb_build_object('note', repeat('x', 200))
      from (
        select i, date_trunc('day', now(), 'UTC') - interval '1 day' * (1 + i / $<rows>) + interval '1 day' * (i % $<rows>) / $<rows> as at
        from generate_series(0, $<days> * $<rows> - 1) as i
      ) as timed`,
      { days: DAYS, rows: ROWS_A_DAY },
    );
    await test.database.none('vacuum analyze keepwatch.observability_metrics');
    const size = await test.database.one<{ pages: number }>(
      `select sum(pg_relation_size(inhrelid) / 8192)::float8 as pages from pg_inherits where inhparent = 'keepwatch.observability_metrics'::regclass`,
    );
    pages = size.pages;
  });
  after(() => test.drop());

  /** How much the trace in the midst of yesterday's rows takes to be found, and what. */
  async function find(near: boolean): Promise<{ spans: number; blocks: number }> {
    const traced = { trace: 'trace 2500' };
    const arguments_ = `md5($<trace>)${near ? `, date_trunc('day', now(), 'UTC') - interval '12 hours'` : ''}`;
    await test.database.any(`select * from keepwatch.trace(${arguments_})`, traced);
    const { spans } = await test.database.one<{ spans: number }>(
      `select count(*)::integer as spans from keepwatch.trace(${arguments_})`,
      traced,
    );
    const [explained] = await test.database.any<{ 'QUERY PLAN': readonly { Plan: Plan }[] }>(
      `explain (analyze, buffers, timing off, format json) select * from keepwatch.trace(${arguments_})`,
      traced,
    );
    const plan = explained?.['QUERY PLAN'][0]?.Plan;
    assert.ok(plan);
    return { spans, blocks: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'] };
  }

  const indexes = async () =>
    (
      await test.database.any<{ index: string }>(
        `select indexrelid::regclass::text as index from pg_index join pg_inherits on inhrelid = indrelid
         where inhparent = 'keepwatch.observability_metrics'::regclass and pg_relation_size(indrelid) > 0 and indisvalid
           and indexrelid::regclass::text ~ 'trace_id' order by 1`,
      )
    ).map(({ index }) => index.replace(/^.*_p\d{8}/, ''));

  it('leads to the spans of a trace, with a moment of it and without', async () => {
    const withMoment = await find(true);
    assert.equal(withMoment.spans, 4);
    assert.ok(withMoment.blocks < pages / DAYS / 4, `${withMoment.blocks} of ${pages} pages`);
    const without = await find(false);
    assert.equal(without.spans, 4);
    assert.ok(without.blocks < pages / 4, `${without.blocks} of ${pages} pages`);
  });

  it('is chosen for the time and the id, and the small one for the time alone', async () => {
    const plansOf = async (where: string) => {
      const [row] = await test.database.any<object>(
        `explain (format json) select * from keepwatch.observability_metrics
         where end_time >= date_trunc('day', now(), 'UTC') - interval '1 day' and end_time < date_trunc('day', now(), 'UTC') ${where}`,
      );
      return JSON.stringify(row).match(/observability_metrics_p\d+_\w+_idx/g) ?? [];
    };
    assert.match((await plansOf(`and trace_id = md5('trace 7')::uuid`)).join(), /_end_time_trace_id_idx$/);
    const half = await plansOf(`and end_time < date_trunc('day', now(), 'UTC') - interval '23 hours'`);
    assert.match(half.join(), /p\d{8}_end_time_idx$/);
  });

  it('is given to days of earlier versions, one by one, whatever was left unfinished', async () => {
    const leaves = await test.database.any<{ leaf: string }>(
      `select relname as leaf from pg_inherits join pg_class on pg_class.oid = inhrelid
       where inhparent = 'keepwatch.observability_metrics'::regclass and pg_relation_size(inhrelid) > 0 order by 1`,
    );
    for (const [index, { leaf }] of leaves.entries()) {
      await test.database.none(
        'create index $<name:name> on keepwatch.$<leaf:name> using brin (trace_id uuid_bloom_ops) with (pages_per_range = 32)',
        {
          name: `${leaf}_trace_id_idx`,
          leaf,
        },
      );
      const name = `${leaf}_end_time_trace_id_idx`;
      // One was made and not finished, one has both.
      if (index === 0)
        await test.database.none('update pg_index set indisvalid = false where indexrelid = ($<name>)::regclass', {
          name: `keepwatch.${name}`,
        });
      else if (index > 1) await test.database.none('drop index keepwatch.$<name:name>', { name });
    }
    const before = await find(false);
    assert.equal(before.spans, 4);
    assert.ok(before.blocks < pages / 4, `${before.blocks} of ${pages} pages`);
    const lease = new Lease({ database: test.database, name: 'maintenance', holder: 'test', seconds: 60 });
    const run = () => indexTraces({ database: test.database, lease, shouldStop: () => false });
    const done: (string | undefined)[] = [];
    while (done.at(-1) !== undefined || done.length === 0) done.push(await run());
    assert.deepEqual(done, [leaves[3]?.leaf, leaves[2]?.leaf, leaves[0]?.leaf, undefined]);
    assert.deepEqual(
      await indexes(),
      Array.from({ length: DAYS }, () => '_end_time_trace_id_idx'),
    );
    assert.ok((await find(true)).blocks < pages / DAYS / 4);
  });
});
