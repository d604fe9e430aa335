// Keepwatch: `tracker.track` with a sink that takes every event and keeps nothing but their number.
import { Registry } from 'prom-client';
import { ObservabilityTracker } from '../../src/instrument/tracker.ts';
import { sumOfSeries } from '../http/prometheus-text.ts';
import { serveWrapper } from './contender.ts';

/** @param tracing with trace and span ids, and the parent kept over `await` */
export function serveKeepwatchWrapper({ tracing }: { tracing: boolean }): void {
  const tracker = new ObservabilityTracker({ service: 'bench', tracing, registry: new Registry() });
  let events = 0;
  tracker.connect({
    accept(batch) {
      events += batch.size;
      return batch.size;
    },
  });
  tracker.start();
  serveWrapper({
    sync: (work) => tracker.track({ type: 'tool', name: 'work' }, work),
    async: (work) => tracker.track({ type: 'tool', name: 'work' }, work),
    settle: () => tracker.flush(),
    counted: async () => {
      const text = await tracker.registry.metrics();
      return Math.min(events, sumOfSeries(text, 'tool_calls_total'), sumOfSeries(text, 'tool_call_duration_seconds_count'));
    },
  });
}
