// Texts that Postgres reads as the wall clock, wherever they stand: none passes, and no text that is a text is refused.
import assert from 'node:assert/strict';
import type { ParameterValue } from '../../../src/alerts/parameter-bindings.ts';
import { compileQuery } from '../../../src/alerts/parameters.ts';
import { loadSqlParser } from '../../../src/alerts/sql-parser.ts';

describe('the wall clock as a text', () => {
  before(loadSqlParser);

  const refused: readonly (readonly [query: string, params?: Readonly<Record<string, ParameterValue>>])[] = [
    [`select count(*) from events where end_time > 'yesterday'`],
    [`select count(*) from events where end_time between 'today' and :now`],
    [`select count(*) from events where end_time in ('now', :now)`],
    [`select count(*) from events where end_time = any('{now}')`],
    [`select count(*) from events where end_time > '_now'`],
    [`select count(*) from events where end_time > '04:05now'`],
    [`select count(*) from events where end_time > coalesce(end_time, 'now')`],
    [`select count(*) from events where end_time > greatest(:now, 'Tomorrow')`],
    [`select count(*) from events where end_time > case when status = 'x' then end_time else 'now' end`],
    [`select count(*) from events where end_time > ('now' collate "C")`],
    [`select count(*) from events where end_time - 'now' > '5m'`],
    [`select date_trunc('hour', 'now')`],
    [`select timezone('UTC', 'now')`],
    [`select max(t) from (select :now union all select 'now') as x (t)`],
    [`select max(column1) from (values (:now), ('now')) as x`],
    [`select * from keepwatch.latency('api', '1h', to_time => 'now')`],
    [`select lag(end_time, 1, 'now') over () from events`],
    [`select 'now'::text::timestamptz`],
    [`select ('n' || 'ow')::timestamptz`],
    [`select concat('n', 'ow')::date`],
    [`select timestamptz('now'::text)`],
    [`select (array['now']::timestamptz[])[1]`],
    [`select '{now}'::timestamptz[]`],
    [`select '[now,infinity)'::tstzrange`],
    [`select (array_agg('n' || 'ow'))[1]::timestamptz`],
    [`select x::timestamptz from (select 'now'::text as x) as s`],
    [`select x::timestamptz from (select 'n' || 'ow') as s (x)`],
    [`select name::timestamptz from (select ('n' || 'ow')::name) as s`],
    [`select end_time::timestamptz from (select 'n' || 'ow' as end_time) as s`],
    [`with s (x) as (select 'n' || 'ow') select x::date from s`],
    [`select "?column?"::timestamptz from (select 'n' || 'ow') as s`],
    [`select coalesce::timestamptz from (select coalesce(null, 'n' || 'ow')) as s`],
    [`select column1::timestamptz from (values ('n' || 'ow')) as s`],
    [`select unnest::timestamptz from unnest(array['now'])`],
    [`select x::timestamptz from unnest(array['now']) as t (x)`],
    [`select value::timestamptz from jsonb_array_elements_text('["now"]')`],
    [`select t from jsonb_to_record('{"t": "now"}') as x (t timestamptz)`],
    [`select (jsonb_build_object('t', 'now') ->> 't')::timestamptz`],
    [`select (select 'now'::text)::timestamptz`],
    [`select count(*) from (select end_time as name from events) as s where name > 'now'`],
    [`select :t::timestamptz`, { t: 'now' }],
    [`select :t::timestamptz[]`, { t: '{now}' }],
    [`select (:t::text)::date`, { t: 'Yesterday' }],
  ];
  for (const [query, params] of refused) {
    it(`is refused: ${query}`, () => {
      assert.throws(
        () => compileQuery(query, params ?? {}),
        /^KeepwatchError: line 1: .*wall clock; allowed: |reads the wall clock as \w+; allowed: /,
      );
    });
  }

  const allowed: typeof refused = [
    [`select 'today' as name, count(*) as value from events where name = 'now' or status in ('today', 'x')`],
    [`select case when weight > 1 then 'today' else 'earlier' end as name, 1 as value from events`],
    [
      `select metadata ->> 'now' as name, upper('now') as other from events where metadata ->> 'when' = 'tomorrow' and name like '%now%'`,
    ],
    [`select 'now' as name union all select name from events`],
    [`select * from (values ('now', 1), ('today', 2)) as t (name, value)`],
    [`select 'now'::text as name, :t as other from events where lower(name) = 'now'`, { t: 'now' }],
    [`select coalesce(error, 'now') as name from events where nullif(name, 'now') is not null`],
    [
      `select end_time::date, date_trunc('day', :now)::date, (:now - :window)::time, '2026-01-01'::date from events`,
      { window: '5m' },
    ],
    [`select t::date from generate_series(:now - :window, :now, '1 minute') as t`, { window: '5m' }],
    [`with h as (select date_trunc('hour', end_time) as hour from events) select hour::date from h`],
    [`select (metadata ->> 'at')::timestamptz, max(end_time)::date, min(bucket)::date from events, observability_rollup_1m`],
    [`select value::timestamptz from events, jsonb_each_text(metadata) as m`],
    [`select :t::timestamptz, :t::date`, { t: '2026-01-01' }],
    [`select x.at::timestamptz from events, jsonb_to_record(metadata) as x (at timestamptz)`],
    [`select count(*) from events where end_time > 'epoch' and end_time < 'infinity' and name = 'snow' and name <> 'nowhere'`],
    [`select to_timestamp(0)::date, make_date(2026, 1, 1)::timestamptz, (end_time at time zone 'UTC')::date from events`],
  ];
  for (const [query, params] of allowed) {
    it(`is not in: ${query}`, () => {
      compileQuery(query, params ?? {});
    });
  }
});
