// What the chat API uses of the tracker.
import type { RequestHandler } from 'express';
import type { EventType } from '../src/event.ts';

interface MeasuredExecution {
  /** Adds to the metadata of the event. */
  set(metadata: Record<string, unknown>): void;
}

export interface Measuring {
  express(): RequestHandler;
  measure<T>(
    options: { type: EventType; name: string; metadata?: Record<string, unknown> },
    work: (execution: MeasuredExecution) => T,
  ): T;
  /** W3C trace context of the running execution, for outgoing requests. */
  traceparent(): string | undefined;
}
