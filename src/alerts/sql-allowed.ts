// What the SQL of a rule may name: relations, functions and types. Whatever is not listed is refused, so that a new version of Postgres, or a
// function that an app adds, opens nothing.

/** Relations of the schema keepwatch; sql/db/grant-roles.sql lets keepwatch_rules read them. A test compares. */
export const PUBLISHED_RELATIONS: readonly string[] = [
  'observability_metrics',
  'events',
  'logs',
  'sources',
  'observability_series',
  'observability_rollup_1m',
  'observability_rollup_1h',
  'rollup_minutes',
  'rollup_hours',
  'budgets',
  'targets',
];

/** Functions of the schema keepwatch that read the wall clock unless they are given `to_time`, and the place of that argument, from 1. */
export const CLOCK_UNLESS_TO_TIME: Readonly<Record<string, number>> = {
  latency: 6,
  error_rate: 6,
  throughput: 6,
  compare: 6,
  top: 7,
  per_label: 7,
  slowest: 7,
  error_fingerprints: 7,
  timeseries: 8,
  usage: 4,
};

/** Functions of the schema keepwatch that give rows. */
export const ROW_FUNCTIONS: ReadonlySet<string> = new Set([...Object.keys(CLOCK_UNLESS_TO_TIME), 'measure', 'spending', 'trace']);

/** Functions of the schema keepwatch. */
export const ALLOWED_KEEPWATCH_FUNCTIONS: ReadonlySet<string> = new Set([
  ...ROW_FUNCTIONS,
  ...['bucket_of', 'bucket_value', 'duration_us', 'error_fingerprint', 'histogram_quantile', 'usage_labels'],
]);

/**
 * Functions of Postgres: they only compute, from their arguments alone. Left out although they do: those that make a gigabyte of one short
 * call (repeat, lpad, rpad, format, array_fill, factorial), as nothing in Postgres limits the memory of a query.
 */
export const ALLOWED_FUNCTIONS: ReadonlySet<string> = new Set(
  `
  count sum avg min max stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp any_value
  regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy
  bool_and bool_or every bit_and bit_or bit_xor string_agg array_agg json_agg jsonb_agg json_object_agg jsonb_object_agg
  percentile_cont percentile_disc mode
  row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value
  abs ceil ceiling floor round trunc sign sqrt cbrt exp ln log log10 power pow mod div gcd lcm pi degrees radians
  sin cos tan cot asin acos atan atan2 sinh cosh tanh width_bucket scale min_scale trim_scale
  length char_length character_length octet_length bit_length lower upper initcap concat concat_ws left right substr substring
  position strpos split_part btrim ltrim rtrim overlay replace reverse translate starts_with md5 sha256 encode decode
  ascii chr to_hex normalize is_normalized like_escape similar_to_escape
  regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr
  string_to_array string_to_table array_to_string to_char to_number to_date to_timestamp
  date_trunc date_bin date_part extract age timezone overlaps isfinite justify_days justify_hours justify_interval
  make_date make_interval make_time make_timestamp make_timestamptz
  unnest generate_series generate_subscripts cardinality array_append array_cat array_dims array_length array_lower array_ndims
  array_position array_positions array_prepend array_remove array_replace array_upper trim_array
  to_json to_jsonb row_to_json json_typeof jsonb_typeof json_array_length jsonb_array_length json_object_keys jsonb_object_keys
  json_array_elements jsonb_array_elements json_array_elements_text jsonb_array_elements_text
  json_each jsonb_each json_each_text jsonb_each_text json_extract_path jsonb_extract_path json_extract_path_text jsonb_extract_path_text
  json_build_array jsonb_build_array json_build_object jsonb_build_object json_object jsonb_object json_strip_nulls jsonb_strip_nulls
  jsonb_set jsonb_insert json_to_record jsonb_to_record json_to_recordset jsonb_to_recordset
  jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first
  num_nulls num_nonnulls uuid_send tstzrange tsrange daterange int4range int8range numrange isempty
  text varchar bool int2 int4 int8 float4 float8 numeric date time timetz timestamp timestamptz interval
  `
    .trim()
    .split(/\s+/),
);

/** Types of Postgres, by their names in the catalog: those whose input neither looks anything up nor does anything. */
export const ALLOWED_TYPES: ReadonlySet<string> = new Set(
  `
  text varchar bpchar name bool int2 int4 int8 float4 float8 numeric date time timetz timestamp timestamptz interval
  json jsonb uuid bytea tstzrange tsrange daterange int4range int8range numrange
  `
    .trim()
    .split(/\s+/),
);

/** Their text may say `now` or `today`. */
export const TIME_TYPES: ReadonlySet<string> = new Set([
  'date',
  'time',
  'timetz',
  'timestamp',
  'timestamptz',
  'tstzrange',
  'tsrange',
  'daterange',
]);

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Columns of published relations that are times, and those that are text or jsonb. A test compares. */
export const TIME_COLUMNS = words(
  'bucket created_at declared_at end_time last_seen_at low_watermark start_time started_at time updated_at',
);
export const TEXT_COLUMNS = words(`
  attributes declared_by error instance labels level logger message metadata name period scope service status timezone type
`);

/** They give a time, and never read one of a text that the query made up. */
export const TIME_FUNCTIONS = words(`
  date time timetz timestamp timestamptz date_trunc date_bin timezone to_timestamp to_date generate_series
  make_date make_time make_timestamp make_timestamptz
`);
/** Their literals are text, whatever stands beside them. */
export const TEXT_FUNCTIONS = words(`
  lower upper initcap concat concat_ws left right substr substring position strpos split_part btrim ltrim rtrim overlay replace reverse translate
  starts_with md5 length char_length octet_length regexp_replace regexp_substr normalize text varchar string_agg
  jsonb_build_object json_build_object json_extract_path_text jsonb_extract_path_text
`);
/** Operators whose literals are text. */
export const TEXT_OPERATORS = words('|| -> ->> #> #>> ? ?| ?& @> <@ ~ ~* !~ !~* ~~ ~~* !~~ !~~* ^@');

/** They answer another way each time: a slot that is evaluated again, or by a test, would differ. */
export const CLOCK_FUNCTIONS: ReadonlySet<string> = new Set([
  'now',
  'clock_timestamp',
  'statement_timestamp',
  'transaction_timestamp',
  'timeofday',
]);
export const CHANCE_FUNCTIONS: ReadonlySet<string> = new Set([
  'random',
  'random_normal',
  'gen_random_uuid',
  'uuidv4',
  'uuidv7',
  'setseed',
]);
