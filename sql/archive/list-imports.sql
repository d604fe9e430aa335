-- How far files are imported. No parameters. Rows: source_id, lane, bytes, sha256 (hexadecimal).
select source_id, lane, bytes::float8 as bytes, encode(sha256, 'hex') as sha256 from keepwatch.imports where bytes > 0;
