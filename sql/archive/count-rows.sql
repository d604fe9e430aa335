-- How many rows a partition has. Parameters: name. One row: rows.
select count(*)::float8 as rows from keepwatch.$<name:name>;
