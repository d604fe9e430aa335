-- A cursor over the events of a day as lines of CSV (RFC 4180, without the line's end), in the order of end_time and id: every column, times
-- with microseconds, ids in W3C hexadecimal, metadata as JSON. Texts stand in quotes, null is nothing. Parameters: fromDay, untilDay, from, to
-- (milliseconds since the epoch), and, each null for all: type, name, service, status. Rows of the cursor: line.
declare keepwatch_export no scroll cursor for
select concat_ws(',', id, '"' || replace(name, '"', '""') || '"', '"' || replace(type, '"', '""') || '"',
  '"' || replace(status, '"', '""') || '"', to_char(start_time, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  to_char(end_time, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  duration_ms, '"' || replace(service, '"', '""') || '"', coalesce(encode(uuid_send(trace_id), 'hex'), ''),
  coalesce(encode(span_id, 'hex'), ''), coalesce(encode(parent_span_id, 'hex'), ''),
  coalesce('"' || replace(error, '"', '""') || '"', ''), weight, source_id, to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  '"' || replace(metadata::text, '"', '""') || '"') as line
from keepwatch.observability_metrics as metrics
where metrics.end_time >= greatest($<fromDay>, to_timestamp($<from>::float8 / 1000))
  and metrics.end_time < least($<untilDay>, to_timestamp($<to>::float8 / 1000))
  and ($<type> is null or type = $<type>)
  and ($<name> is null or name = $<name>)
  and ($<service> is null or service = $<service>)
  and ($<status> is null or status = $<status>)
order by metrics.end_time, id;
