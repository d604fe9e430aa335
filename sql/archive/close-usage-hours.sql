-- Adds up the raw rows of hours and notes that they are closed, whatever was known of them before. Behind lock-usage-hours, in its transaction: what
-- is committed behind this snapshot opens them again. Parameters: since, until (whole hours). No rows.
with gone as (
  delete from keepwatch.usage_hours where bucket >= $<since> and bucket < $<until>
), cell as (
  select date_trunc('hour', end_time, 'UTC') as bucket, service, type, labels, keepwatch.bucket_of(first_token_us) as b,
    sum(count)::bigint as count, sum(priced)::bigint as priced,
    sum(cost_usd) as cost_usd, sum(input_tokens) as input_tokens, sum(cached_input_tokens) as cached_input_tokens,
    sum(cache_write_tokens) as cache_write_tokens, sum(cache_write_1h_tokens) as cache_write_1h_tokens, sum(output_tokens) as output_tokens,
    sum(reasoning_tokens) as reasoning_tokens, sum(audio_input_tokens) as audio_input_tokens, sum(audio_output_tokens) as audio_output_tokens,
    sum(total_tokens) as total_tokens, sum(records) as records
  from keepwatch.event_usage($<since>, $<until>)
  group by 1, 2, 3, 4, 5
), closed as (
  update keepwatch.usage_closings set closed_at = clock_timestamp(), reopened_at = null where hour >= $<since> and hour < $<until>
)
insert into keepwatch.usage_hours (bucket, service, type, labels, count, priced,
  cost_usd, input_tokens, cached_input_tokens, cache_write_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens, audio_input_tokens,
  audio_output_tokens, total_tokens, records,
  first_token_hb, first_token_hc)
select bucket, service, type, labels, sum(count)::bigint, sum(priced)::bigint,
  sum(cost_usd), sum(input_tokens), sum(cached_input_tokens), sum(cache_write_tokens), sum(cache_write_1h_tokens), sum(output_tokens),
  sum(reasoning_tokens), sum(audio_input_tokens), sum(audio_output_tokens), sum(total_tokens), sum(records),
  array_agg(b order by b) filter (where b is not null), array_agg(count order by b) filter (where b is not null)
from cell
group by bucket, service, type, labels;
