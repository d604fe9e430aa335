-- The migrations that the database has, in order. No parameters. Rows: version, name, sha256, is_breaking.
select version, name, sha256, is_breaking from keepwatch.migration order by version;
