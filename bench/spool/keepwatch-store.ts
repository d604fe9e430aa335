// Keepwatch's own way: a tracker records into its ring, and its pump hands on to a sink in turns of the event loop.
import { setImmediate } from 'node:timers/promises';
import { Registry } from 'prom-client';
import type { EventSink } from '../../src/event.ts';
import { ObservabilityTracker } from '../../src/instrument/tracker.ts';
import { type ReferenceEvent, SERVICE, TYPE } from '../archive/reference-events.ts';
import { createBurst, type Store } from './contender.ts';

/** What becomes of the events. */
export interface SinkOfSlice {
  /** Undefined: they are let go. */
  readonly sink: EventSink | undefined;
  /** See `Store.finish`. */
  finish(): Promise<number>;
  /** See `Store.reset`. */
  reset(events: number): void;
}

/** Spans of a trace: the first is the parent of the others. */
const SPANS = 5;

/** @param createSink called before the first slice, and after each */
export function createKeepwatchStore(createSink: () => SinkOfSlice): Store {
  const tracker = new ObservabilityTracker({ service: SERVICE, registry: new Registry() });
  const traces = tracesOf(createBurst());
  let current = createSink();
  tracker.connect(current.sink);
  tracker.start();
  return {
    fill() {
      for (const trace of traces) recordTrace(tracker, trace);
    },
    async drain(noteTurn) {
      do {
        await setImmediate();
        noteTurn();
      } while (tracker.counts().waiting > 0);
    },
    finish: () => current.finish(),
    reset(events) {
      current.reset(events);
      current = createSink();
      tracker.connect(current.sink);
    },
  };
}

interface Recordable {
  readonly options: Parameters<ObservabilityTracker['record']>[0];
  readonly timed: Parameters<ObservabilityTracker['record']>[1];
}

function recordTrace(tracker: ObservabilityTracker, trace: readonly Recordable[]): void {
  const [first, ...others] = trace;
  if (first === undefined) return;
  tracker.measure(first.options, () => {
    for (const { options, timed } of others) tracker.record(options, timed);
  });
}

function tracesOf(events: readonly ReferenceEvent[]): Recordable[][] {
  const traces: Recordable[][] = [];
  for (let from = 0; from < events.length; from += SPANS) traces.push(events.slice(from, from + SPANS).map(recordableOf));
  return traces;
}

function recordableOf({ name, seriesMetadata, ownMetadata, durationMs, status, error }: ReferenceEvent): Recordable {
  const labels = JSON.parse(`{${seriesMetadata}}`) as Record<string, string>;
  const metadata = JSON.parse(`{${ownMetadata}}`) as Record<string, unknown>;
  return { options: { type: TYPE, name, labels, metadata }, timed: { durationMs, status, error } };
}
