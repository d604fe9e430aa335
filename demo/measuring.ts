// What the chat API uses of the tracker.
import type { ObservabilityTracker } from '../src/instrument/tracker.ts';

export type Measuring = Pick<ObservabilityTracker, 'express' | 'measure' | 'traceparent'>;
