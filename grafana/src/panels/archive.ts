// The way of events into Postgres: what comes, what waits, what is lost.
import type { Panel } from '../panel.ts';
import { of, rate, sum } from '../promql.ts';
import { OF_SERVICE, steps } from '../sql.ts';

export const ARCHIVE_PANELS: readonly Panel[] = [
  {
    title: 'Recorded and archived',
    description: 'Events per second that were recorded, and those that were committed to Postgres.',
    kind: 'lines',
    unit: 'reqps',
    width: 8,
    min: 0,
    prometheus: [
      { expr: sum(rate('keepwatch_events_recorded_total')), legend: 'recorded' },
      { expr: sum(rate('keepwatch_events_archived_total')), legend: 'archived' },
    ],
    postgres: [steps(undefined, 'per_second as archived')],
  },
  {
    title: 'Lag of the archive',
    description: 'Age of the oldest event that is not in Postgres; as seen from there, how far back the slowest process is.',
    kind: 'lines',
    unit: 's',
    width: 8,
    min: 0,
    thresholds: [{ from: 60, color: 'red' }],
    prometheus: [{ expr: of('keepwatch_archive_lag_seconds'), legend: '{{instance}}' }],
    postgres: [
      `select now() as time, instance as metric, extract(epoch from now() - low_watermark)::float8 as lag
from keepwatch.sources
where not closed and last_seen_at > now() - interval '1 day' and ${OF_SERVICE}`,
    ],
  },
  {
    title: 'Dropped',
    description:
      'Events that never reach the archive, per second, by reason. The accounting of Postgres knows how many there were in all.',
    kind: 'lines',
    unit: 'reqps',
    width: 8,
    min: 0,
    thresholds: [{ from: 0.001, color: 'red' }],
    prometheus: [{ expr: sum(rate('keepwatch_events_dropped_total'), 'reason'), legend: '{{reason}}' }],
  },
  {
    title: 'Spool',
    description: 'Bytes that wait on disk for Postgres.',
    kind: 'lines',
    unit: 'bytes',
    width: 8,
    min: 0,
    prometheus: [{ expr: of('keepwatch_spool_bytes'), legend: '{{instance}}' }],
  },
];
