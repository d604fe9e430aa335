-- How many pages a table has; no row when it is gone. Parameters: name. Rows: pages.
select (pg_relation_size(oid) / current_setting('block_size')::bigint)::float8 as pages
from pg_class
where relnamespace = 'keepwatch'::regnamespace and relname = $<name>;
