-- The next rows of an export. Parameters: rows. Rows: line; none at the end.
fetch $<rows> from keepwatch_export;
