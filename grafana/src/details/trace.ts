// One trace, for who follows a link from a table or an exemplar: its spans as a tree, and what was logged within it.
import type { DashboardDefinition, Panel } from '../panel.ts';
import { textbox } from '../variables.ts';

/** Where the id is put in, and what links fill. */
const TRACE_ID = 'trace_id';
/** As the functions of Postgres take it; null for whatever else was put in, and so nothing is found. Without a dollar, which is a variable to Grafana. */
const WANTED = `substring(${textbox(TRACE_ID)} from '(?i)\\A\\s*([0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\\s*\\Z')`;

const panels: readonly Panel[] = [
  {
    title: 'Spans',
    description:
      'Executions of the trace, each below the one that it ran in: how long after the begin of the trace it began, how long it took, how it ended.',
    kind: 'table',
    unit: 'none',
    width: 24,
    height: 16,
    columnUnits: { after: 'ms', duration: 'ms' },
    postgres: [
      // Spaces at the begin of a cell are not shown.
      `select repeat('· ', depth) || type || ' ' || name as span, offset_ms as after, duration_ms as duration, status, error, service, start_time as time,
  metadata::text as metadata
from keepwatch.trace(${WANTED})
limit 1000`,
    ],
  },
  {
    title: 'Log lines',
    description: 'What was logged within the trace, where a logger writes to the archive.',
    kind: 'table',
    unit: 'none',
    width: 24,
    height: 12,
    postgres: [
      // Days in which the trace was not are left out, where its spans say so.
      `select time, keepwatch.log_level_name(level) as level, message, logger, service, attributes::text as attributes
from keepwatch.observability_logs
where trace_id = ${WANTED}::uuid
  and time >= (select coalesce(min(start_time) - interval '1 hour', '-infinity') from keepwatch.trace(${WANTED}))
  and time <= (select coalesce(max(end_time) + interval '1 hour', 'infinity') from keepwatch.trace(${WANTED}))
order by time, id
limit 1000`,
    ],
  },
];

export const trace: DashboardDefinition = {
  name: 'trace',
  title: 'Trace',
  description: 'One trace by its id: its spans as a tree, and what was logged within it.',
  textboxes: [{ name: TRACE_ID, title: 'Trace id' }],
  rows: [{ title: 'Trace', panels }],
};
