// What callers say of an execution: what it is, and how it ended.
import type { EventStatus, EventType } from '../event.ts';
import type { TargetLimits } from '../target.ts';

/** What is measured. */
export interface ExecutionOptions {
  readonly type: EventType;
  /** Low-cardinality name: a function, an agent, a tool, a statement; never an id. At most 200 characters. */
  readonly name: string;
  /** Labels of the metrics of this type (agent: workspace; llm: provider, model). Others become metadata. */
  readonly labels?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** What the event carries besides, as JSON: at most 4 KiB. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** How fast these executions have to be: `{ p95: '3s' }`. With an archive it is measured, and becomes an alerting rule. */
  readonly target?: TargetLimits;
}

/** `name` may be left out where a function or method gives its own. */
export type TrackedOptions = Omit<ExecutionOptions, 'name'> & { readonly name?: string };

/** How an execution ended that the caller timed or holds by id. */
export interface ExecutionEnd {
  /** Default: failure when there is an error, else success. */
  readonly status?: EventStatus;
  /** What was thrown, or a text. */
  readonly error?: unknown;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** An execution that was timed elsewhere, and ends now. */
export interface TimedExecution extends ExecutionEnd {
  /** What is negative or no finite number is recorded as 0, and marked `keepwatch.invalid_duration`. */
  readonly durationMs: number;
}

/** Not by spreading: what is given as options may be anything, a text of 10 MB too, which has as many properties. */
export function pickOptions(
  { labels, metadata, target }: { readonly [K in 'labels' | 'metadata' | 'target']?: ExecutionOptions[K] | undefined },
  type: ExecutionOptions['type'],
  name: string,
): ExecutionOptions {
  return {
    type,
    name,
    ...(labels === undefined ? {} : { labels }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(target === undefined ? {} : { target }),
  };
}

/** What the app's own getter or proxy gives; undefined when it throws. */
export function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
