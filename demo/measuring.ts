// What the chat API uses of the tracker.
import type { RequestHandler } from 'express';
import type { EventType } from '../src/event.ts';

interface MeasuredExecution {
  /** Adds to the metadata of the event. */
  set(metadata: Readonly<Record<string, unknown>>): unknown;
  /** Of a call to a language model. */
  tokens(usage: { readonly input?: number; readonly output?: number }): unknown;
}

export interface Measuring {
  express(): RequestHandler;
  measure<T>(
    options: {
      type: EventType;
      name: string;
      labels?: Readonly<Record<string, string>>;
      metadata?: Readonly<Record<string, unknown>>;
    },
    work: (execution: MeasuredExecution) => T,
  ): T;
  /** W3C trace context of the running execution, for outgoing requests. */
  traceparent(): string | undefined;
}
