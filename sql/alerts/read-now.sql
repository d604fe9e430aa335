-- The moment that a transaction is of, by the clock of Postgres. No parameters. One row: now_ms (whole milliseconds since the epoch).
select floor(extract(epoch from now()) * 1000)::float8 as now_ms;
