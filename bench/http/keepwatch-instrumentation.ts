// Keepwatch in an app: its middleware, its metrics, and where its events go.
import { Registry } from 'prom-client';
import type { EventBatch } from '../../src/event.ts';
import { ObservabilityTracker } from '../../src/instrument/tracker.ts';
import type { Instrumentation } from './contender.ts';
import { sumOfSeries } from './prometheus-text.ts';

/** Where events go. */
export interface EventStore {
  accept(batch: EventBatch): number;
  /** Brings all that was accepted to where it survives the process. */
  settle(): Promise<void>;
  /** Events that arrived. */
  events(): number;
}

/** @param store undefined: metrics and traces only, as without a database */
export function createKeepwatchInstrumentation(store?: EventStore): Instrumentation {
  const tracker = new ObservabilityTracker({ service: 'bench', registry: new Registry() });
  if (store !== undefined) tracker.connect(store);
  tracker.start();
  return {
    install(app) {
      app.use(tracker.express());
    },
    async settle() {
      tracker.flush();
      await store?.settle();
    },
    async counted() {
      const counted = sumOfSeries(await tracker.registry.metrics(), 'http_server_request_duration_seconds_count');
      return store === undefined ? counted : Math.min(counted, store.events());
    },
  };
}
