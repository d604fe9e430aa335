// A tracker with a recording sink, and what a test of wrapping asks of both.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Registry } from 'prom-client';
import { ObservabilityTracker } from '../../src/instrument/tracker.ts';
import type { TrackerOptions } from '../../src/instrument/tracker-options.ts';
import { type RecordedEvent, RecordingSink } from './recording-sink.ts';

export class Tracked {
  readonly tracker: ObservabilityTracker;
  readonly #sink = new RecordingSink();

  constructor(options: Partial<TrackerOptions> = {}) {
    this.tracker = new ObservabilityTracker({ service: 'test', registry: new Registry(), ringCapacity: 64, ...options });
    this.tracker.connect(this.#sink);
  }

  /** `fn`, tracked as a tool of this name. */
  track<F extends (...args: never[]) => unknown>(fn: F, name = 'subject'): F {
    return this.tracker.track({ type: 'tool', name }, fn);
  }

  /** The events recorded since the last call. */
  events(): RecordedEvent[] {
    this.tracker.flush();
    return this.#sink.events.splice(0);
  }

  /** Status and number of items of each event recorded since the last call. */
  endings(): unknown[][] {
    return this.events().map(({ status, metadata }) => [status, metadata['item_count']]);
  }
}

let gc: (() => void) | undefined;

/** Collects what is garbage, and lets finalization callbacks run. */
export async function collectGarbage(): Promise<void> {
  if (gc === undefined) {
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('gc') as () => void;
  }
  gc();
  await new Promise((resolve) => setTimeout(resolve, 5));
}
