-- Compares closed hours of usage of a day with its raw rows. Parameters: fromDay, untilDay, limit. Rows: bucket, service, type, name (the labels), status
-- (none), raw and rolled (JSON; null: nothing), differences (in all).
with span as (
  select since, until from keepwatch.usage_spans($<fromDay>, $<untilDay>, null) where is_closed
), event as (
  select date_trunc('hour', used.end_time, 'UTC') as bucket, used.*
  from span cross join lateral keepwatch.usage_of_events(span.since, span.until) as used
), cell as (
  select bucket, service, type, labels, keepwatch.bucket_of(first_token_us) as b, sum(count)::bigint as c
  from event where first_token_us is not null group by 1, 2, 3, 4, 5
), histogram as (
  select bucket, service, type, labels, array_agg(b order by b) as hb, array_agg(c order by b) as hc from cell group by 1, 2, 3, 4
), raw as (
  select bucket, service, type, labels, jsonb_build_object('count', sum(count), 'priced', sum(priced), 'cost_usd', trim_scale(sum(cost_usd)),
    'tokens', array[sum(input_tokens), sum(cached_input_tokens), sum(cache_write_tokens), sum(cache_write_1h_tokens), sum(output_tokens),
      sum(reasoning_tokens), sum(audio_input_tokens), sum(audio_output_tokens), sum(total_tokens)],
    'records', sum(records), 'first_token_hb', min(hb), 'first_token_hc', min(hc)) as raw
  from event left join histogram using (bucket, service, type, labels)
  group by 1, 2, 3, 4
), rolled as (
  select hours.bucket, hours.service, hours.type, hours.labels, jsonb_build_object('count', count, 'priced', priced, 'cost_usd', trim_scale(cost_usd),
    'tokens', array[input_tokens, cached_input_tokens, cache_write_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens, audio_input_tokens,
      audio_output_tokens, total_tokens],
    'records', records, 'first_token_hb', first_token_hb, 'first_token_hc', first_token_hc) as rolled
  from span join keepwatch.usage_hours as hours on hours.bucket >= span.since and hours.bucket < span.until
)
select bucket, service, type, labels::text as name, '' as status, raw, rolled, (count(*) over ())::float8 as differences
from raw full join rolled using (bucket, service, type, labels)
where raw is distinct from rolled
order by bucket, service, type, labels
limit $<limit>;
