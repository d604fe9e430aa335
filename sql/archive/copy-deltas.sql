-- Takes what a batch adds to the rollups as binary COPY. No parameters.
copy keepwatch.rollup_deltas (bucket, series_id, status, rows, count, sum_us, min_us, max_us, hb, hc) from stdin with (format binary)
