// Trace ids for the app's own log lines, in the fields that OpenTelemetry gives them: `pino({ mixin: tracker.logMixin() })`.
import { formatTraceIds, KNOWN_FLAGS, type RemoteParent } from './trace-context.ts';
import type { Tracer } from './tracer.ts';

/** Empty outside of executions, and when tracing is off. */
export interface LogFields {
  trace_id?: string;
  span_id?: string;
  /** Two hexadecimal digits; `01`: sampled. */
  trace_flags?: string;
}

/** Gives a new object at each call, as pino merges into it. The texts of the last span are kept: lines come in runs. */
export function createLogMixin(tracer: Tracer | undefined): () => LogFields {
  if (tracer === undefined) return () => ({});
  let last: RemoteParent | undefined;
  let trace_id = '';
  let span_id = '';
  let trace_flags = '';
  return () => {
    const span = tracer.innermost();
    if (span === undefined) return {};
    if (span !== last) {
      ({ traceId: trace_id, spanId: span_id } = formatTraceIds(span));
      trace_flags = `0${span.flags & KNOWN_FLAGS}`;
      last = span;
    }
    return { trace_id, span_id, trace_flags };
  };
}
