-- Examples of the short form error_rate: the newest failures of the series. Bound: now, window, type, service, name where the rule gives them, and
-- those labels of the alert by which its series are told apart.
select end_time, duration_ms, error, trace_id, span_id
from keepwatch.events
where end_time >= :now - :window and end_time < :now and status = 'failure'
  and type = :type
  and service = :service
  and name = :name
  and type = :label_type
  and service = :label_service
  and name = :label_name
order by end_time desc
