-- Whether the labels of any series, which rollups keep, say what is asked for. Parameters: path, vars. One row: is_label.
select exists (
  select from keepwatch.observability_series where jsonb_path_exists(labels, $<path>::jsonpath, $<vars>::jsonb, true)
) as is_label;
