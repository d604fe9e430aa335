// What each process takes of the machine, and how late it is.
import type { Panel } from '../panel.ts';
import { of, rate, sum } from '../promql.ts';

export const PROCESS_PANELS: readonly Panel[] = [
  {
    title: 'CPU',
    description: 'Cores that each process keeps busy.',
    kind: 'lines',
    unit: 'short',
    width: 8,
    min: 0,
    prometheus: [{ expr: sum(rate('process_cpu_seconds_total'), 'instance'), legend: '{{instance}}' }],
  },
  {
    title: 'Memory',
    description: 'Memory of each process: all that is resident, and what of the heap of JavaScript is used.',
    kind: 'lines',
    unit: 'bytes',
    width: 8,
    min: 0,
    prometheus: [
      { expr: of('process_resident_memory_bytes'), legend: '{{instance}} resident' },
      { expr: of('nodejs_heap_size_used_bytes'), legend: '{{instance}} heap' },
    ],
  },
  {
    title: 'Event loop',
    description: 'How late 1 of 100 callbacks runs. All requests of a process wait that long.',
    kind: 'lines',
    unit: 's',
    width: 8,
    min: 0,
    thresholds: [{ from: 0.25, color: 'red' }],
    prometheus: [{ expr: of('nodejs_eventloop_lag_p99_seconds'), legend: '{{instance}}' }],
  },
  {
    title: 'Garbage collection',
    description: 'Share of its time that each process spends with collecting garbage.',
    kind: 'lines',
    unit: 'percentunit',
    width: 8,
    min: 0,
    prometheus: [{ expr: sum(rate('nodejs_gc_duration_seconds_sum'), 'instance'), legend: '{{instance}}' }],
  },
  {
    title: 'Open files',
    description: 'Files and sockets that are open, as a share of those that a process may have.',
    kind: 'lines',
    unit: 'percentunit',
    width: 8,
    min: 0,
    max: 1,
    thresholds: [{ from: 0.8, color: 'red' }],
    prometheus: [{ expr: `${of('process_open_fds')} / ${of('process_max_fds')}`, legend: '{{instance}}' }],
  },
  {
    title: 'Requests in progress',
    description: 'Requests that have begun and not ended.',
    kind: 'lines',
    unit: 'short',
    width: 8,
    min: 0,
    prometheus: [{ expr: of('http_server_active_requests'), legend: '{{instance}}' }],
  },
];
