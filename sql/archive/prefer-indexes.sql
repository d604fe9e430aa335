-- Until the end of the transaction: no partition is read whole where an index, however rough, can tell what to leave out. No parameters.
-- Row: the settings, of no interest.
select set_config('enable_seqscan', 'off', true), set_config('max_parallel_workers_per_gather', '0', true);
