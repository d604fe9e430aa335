// What `import … from 'keepwatch'` gives. Importing it does nothing by itself and loads no database driver.
export { createKeepwatch, type Keepwatch, type KeepwatchOptions, type KeepwatchStatus } from './app.ts';
export { type Config, type ConfigOptions, loadConfig, type Receiver } from './config.ts';
export { KeepwatchError, type KeepwatchErrorCode } from './errors.ts';
export type { EventBatch, EventCounts, EventSeries, EventSink, EventStatus, EventType } from './event.ts';
export type { DeclaredNames } from './instrument/declarations.ts';
export type { TrackedDecorator } from './instrument/decorate.ts';
export type { Execution, TokenUsage } from './instrument/execution.ts';
export type { ExecutionEnd, ExecutionOptions, TimedExecution } from './instrument/execution-options.ts';
export type { LogFields } from './instrument/log-mixin.ts';
export type { Propagation } from './instrument/outgoing-calls.ts';
export type { MetricRegistry } from './instrument/registry.ts';
export type { TraceIds } from './instrument/trace-context.ts';
export type { TraceHeaders } from './instrument/trace-headers.ts';
export { ObservabilityTracker, type TrackedOptions, type TrackerOptions } from './instrument/tracker.ts';
export type { Logger } from './logger.ts';
