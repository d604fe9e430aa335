-- Which of the events are in the archive. Parameters: ids, firstEndMs, lastEndMs (of them all). Rows: id.
select id from keepwatch.observability_metrics
where end_time >= to_timestamp($<firstEndMs>::float8 / 1000) - interval '1 millisecond'
  and end_time <= to_timestamp($<lastEndMs>::float8 / 1000) + interval '1 millisecond'
  and id = any ($<ids>::uuid[]);
