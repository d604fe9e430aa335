// Runs the app's code as measured executions. Our code before and after it is guarded; the app's code is called once, outside the guards.

import { EVENT_TYPES, type EventType } from '../event.ts';
import { type BoundedMembers, boundedMembers, joinMembers, type MembersOptions, mergeMembers } from './bounded-json.ts';
import { boundLabel, boundName } from './bounded-text.ts';
import type { Clock } from './clock.ts';
import type { Redact } from './error-redaction.ts';
import { Execution, type ExecutionCore, type TokenUsage } from './execution.ts';
import type { ExecutionEnd, ExecutionOptions, TimedExecution } from './execution-options.ts';
import { followPromise, isPlainPromise } from './follow/follow.ts';
import type { Ending } from './follow/following.ts';
import { ResultFollower } from './follow/result-follower.ts';
import type { InternalErrors } from './internal-errors.ts';
import type { MetadataKeys } from './metadata-keys.ts';
import { labelsOf } from './metrics/catalogue.ts';
import type { Counter } from './metrics/counter.ts';
import type { Metrics } from './metrics/registry.ts';
import type { Binding } from './recording/bindings.ts';
import type { Recorder } from './recording/recorder.ts';
import { STATUS_CODES } from './recording/ring.ts';
import type { Span } from './tracing/trace-context.ts';
import type { Tracer } from './tracing/tracer.ts';

export interface ExecutionRunnerOptions {
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly errors: InternalErrors;
  readonly metrics: Metrics;
  /** Undefined: tracing is off. */
  readonly tracer: Tracer | undefined;
  /** Which keys of metadata, and which labels, are kept; undefined: all. */
  readonly metadataKeys?: MetadataKeys | undefined;
  /** Of errors in metadata. */
  readonly redact?: Redact | undefined;
}

/** Options of an execution, resolved. */
export interface Subject {
  readonly binding: Binding;
  readonly metadata: BoundedMembers | undefined;
}

type AnyFunction = (...args: never[]) => unknown;

const STATUS_NAMES = Object.keys(STATUS_CODES);

/** Marks an execution whose options could not be read. */
const UNREADABLE: BoundedMembers = { members: '"keepwatch.invalid_options":true', isTruncated: false };

export class ExecutionRunner implements ExecutionCore {
  /** The kill switch: while false, code runs unmeasured. */
  isEnabled = true;
  readonly kept: MembersOptions;
  readonly #recorder: Recorder;
  readonly #clock: Clock;
  readonly #errors: InternalErrors;
  readonly #metrics: Metrics;
  readonly #tracer: Tracer | undefined;
  readonly #follower: ResultFollower;
  readonly #admittedLabels: ReadonlyMap<EventType, readonly string[]> | undefined;
  #tokens: Counter | undefined;

  constructor({ recorder, clock, errors, metrics, tracer, metadataKeys, redact }: ExecutionRunnerOptions) {
    this.kept = { keys: metadataKeys, redact };
    this.#admittedLabels = metadataKeys && findAdmittedLabels(metadataKeys);
    this.#recorder = recorder;
    this.#clock = clock;
    this.#errors = errors;
    this.#metrics = metrics;
    this.#tracer = tracer;
    this.#follower = new ResultFollower({ monotonicMs: () => clock.monotonicMs(), errors, tracer });
  }

  /** Resolves options; for `track` once, else per execution. What cannot be read is left out, and marked. */
  prepare(options: ExecutionOptions): Subject {
    try {
      return this.#resolve(options);
    } catch (error) {
      this.#errors.note('options', error);
      const type = attempt(() => options.type) ?? 'custom';
      const name = attempt(() => options.name) ?? '';
      return { binding: this.#recorder.bind(type, name, undefined), metadata: UNREADABLE };
    }
  }

  #resolve({ type, name, labels: given, metadata }: ExecutionOptions): Subject {
    const admitted = given === undefined ? undefined : this.#admittedLabels?.get(type);
    const labels = given === undefined || admitted === undefined ? given : pick(given, admitted);
    const binding = this.#recorder.bind(type, name, labels);
    const own = metadata === undefined ? undefined : boundedMembers(metadata, this.kept);
    const others = given === undefined ? '' : this.#otherLabels(binding, labels, given);
    const marks = binding.isOverflow || binding.type !== type ? markReal(binding, type, name) : '';
    if (own === undefined && others === '' && marks === '') return { binding, metadata: undefined };
    const members = joinMembers(joinMembers(marks, others), own?.members ?? '');
    return { binding, metadata: { members, isTruncated: own?.isTruncated === true } };
  }

  /** What the binding does not tell of the labels. */
  #otherLabels({ isOverflow, type }: Binding, labels: ExecutionOptions['labels'], given: unknown): string {
    const names = labelsOf(type);
    const others = boundedMembers(given, { ...this.kept, omitted: names }).members;
    return isOverflow && labels !== undefined ? joinMembers(boundedMembers(pick(labels, names)).members, others) : others;
  }

  /** An execution in the caller's hands. It never becomes the ambient parent. */
  start(options: ExecutionOptions): Execution {
    if (!this.isEnabled) return new Execution(undefined);
    try {
      const { binding, metadata } = this.prepare(options);
      return this.#begin(binding, metadata);
    } catch (error) {
      this.#errors.note('start', error);
      return new Execution(undefined);
    }
  }

  #begin(binding: Binding, metadata: BoundedMembers | undefined): Execution {
    const span = this.#tracer?.startSpan();
    return new Execution({ core: this, binding, startMs: this.#clock.monotonicMs() }, span, metadata);
  }

  /** Calls `fn` with an execution that ends as its result does. */
  measure<T>(options: ExecutionOptions, fn: (execution: Execution) => T): T {
    if (!this.isEnabled) return fn(new Execution(undefined));
    const execution = this.start(options);
    const span = execution.span;
    let result: T;
    try {
      result = span === undefined || this.#tracer === undefined ? fn(execution) : this.#tracer.run(span, fn, execution);
    } catch (error) {
      execution.fail(error);
      throw error;
    }
    if (isPlainPromise(result)) {
      const followed = followPromise(
        result,
        (value) => {
          const kind = typeof value === 'object' && value !== null ? this.#follower.kindOfStream(value) : undefined;
          if (kind === undefined) execution.end();
          else this.#follower.follow(value as object, kind, span, endingOf(execution));
          return value;
        },
        (error) => {
          execution.fail(error);
          throw error;
        },
      );
      if (followed === undefined) execution.end();
      return followed ?? result;
    }
    const kind = this.#follower.kindOf(result);
    if (kind === undefined) execution.end();
    else this.#follower.follow(result as object, kind, span, endingOf(execution));
    return result;
  }

  /** One call of a tracked function. */
  call(subject: Subject, fn: AnyFunction, self: unknown, args: unknown[]): unknown {
    if (!this.isEnabled) return Reflect.apply(fn, self, args);
    let startMs: number;
    let span: Span | undefined;
    try {
      startMs = this.#clock.monotonicMs();
      span = this.#tracer?.startSpan();
    } catch (error) {
      this.#errors.note('start', error);
      return Reflect.apply(fn, self, args);
    }
    let result: unknown;
    try {
      result =
        span === undefined || this.#tracer === undefined
          ? Reflect.apply(fn, self, args)
          : this.#tracer.apply(span, fn, self, args);
    } catch (error) {
      this.#recorder.end(subject.binding, STATUS_CODES.failure, startMs, span, subject.metadata, error);
      throw error;
    }
    if (typeof result !== 'object' && typeof result !== 'function') {
      this.#recorder.end(subject.binding, STATUS_CODES.success, startMs, span, subject.metadata);
      return result;
    }
    return this.#finishCall(subject, result, startMs, span);
  }

  #finishCall(subject: Subject, result: unknown, startMs: number, span: Span | undefined): unknown {
    const { binding, metadata } = subject;
    const recorder = this.#recorder;
    if (isPlainPromise(result)) {
      const followed = followPromise(
        result,
        (value) => {
          const kind = typeof value === 'object' && value !== null ? this.#follower.kindOfStream(value) : undefined;
          if (kind === undefined) recorder.end(binding, STATUS_CODES.success, startMs, span, metadata);
          else this.#follower.follow(value as object, kind, span, this.#endingOf(subject, startMs, span));
          return value;
        },
        (error) => {
          recorder.end(binding, STATUS_CODES.failure, startMs, span, metadata, error);
          throw error;
        },
      );
      if (followed === undefined) recorder.end(binding, STATUS_CODES.success, startMs, span, metadata);
      return followed ?? result;
    }
    const kind = this.#follower.kindOf(result);
    if (kind === undefined) recorder.end(binding, STATUS_CODES.success, startMs, span, metadata);
    else this.#follower.follow(result as object, kind, span, this.#endingOf(subject, startMs, span));
    return result;
  }

  #endingOf({ binding, metadata }: Subject, startMs: number, span: Span | undefined): Ending {
    return {
      startMs,
      end: (status, error, added) =>
        this.#recorder.end(binding, status, startMs, span, added === undefined ? metadata : withAdded(added, metadata), error),
    };
  }

  /** An execution that was timed elsewhere. */
  record(options: ExecutionOptions, timed: TimedExecution): void {
    if (!this.isEnabled) return;
    try {
      const durationMs = attempt(() => timed.durationMs);
      const isValid = isDuration(durationMs, this.#clock.now());
      const { status, error, metadata } = readEnd(timed);
      const { binding, metadata: own } = this.prepare(options);
      const startMs = this.#clock.monotonicMs() - (isValid ? durationMs : 0);
      const execution = new Execution({ core: this, binding, startMs }, this.#tracer?.startSpan(), own);
      if (metadata !== undefined) execution.set(metadata);
      if (!isValid) execution.set({ 'keepwatch.invalid_duration': true });
      finishExecution(execution, { status, error });
    } catch (failure) {
      this.#errors.note('record', failure);
    }
  }

  end(...args: Parameters<ExecutionCore['end']>): void {
    this.#recorder.end(...args);
  }

  countTokens(binding: Binding, { input, output }: TokenUsage): void {
    if (binding.type !== 'llm') return;
    try {
      this.#tokens ??= this.#metrics.counter('llm_tokens_total');
      const tokens = this.#tokens;
      const slotOf = (direction: string) => tokens.resolveLabels({ ...binding.labels, direction }, binding.undeclared);
      if (input !== undefined) tokens.add(slotOf('input'), input);
      if (output !== undefined) tokens.add(slotOf('output'), output);
    } catch (error) {
      this.#errors.note('tokens', error);
    }
  }

  noteError(place: string, error: unknown): void {
    this.#errors.note(place, error);
  }
}

function endingOf(execution: Execution): Ending {
  return {
    startMs: execution.startMs ?? 0,
    end(status, error, added) {
      if (added !== undefined) execution.set(added);
      finishExecution(execution, { status: STATUS_NAMES[status], error });
    },
  };
}

/** What the app said of the execution holds; ours is added. */
function withAdded(added: Readonly<Record<string, unknown>>, metadata: BoundedMembers | undefined): BoundedMembers {
  const own = boundedMembers(added);
  if (metadata === undefined) return own;
  const merged = mergeMembers(own.members, metadata.members);
  return { members: merged.members, isTruncated: merged.isTruncated || metadata.isTruncated };
}

/** The labels that are kept, of each type of which a deny list names one: a label that it names counts as not given. */
function findAdmittedLabels(keys: MetadataKeys): ReadonlyMap<EventType, readonly string[]> {
  const isDenied = (name: string) => keys.isDenied(name);
  const touched = EVENT_TYPES.filter((type) => labelsOf(type).some(isDenied));
  return new Map(touched.map((type) => [type, labelsOf(type).filter((name) => !isDenied(name))]));
}

function pick(labels: object, names: readonly string[]): ExecutionOptions['labels'] {
  return Object.fromEntries(names.map((name) => [name, (labels as Record<string, string | undefined>)[name]]));
}

/** The parts of an end that can be read. */
export function readEnd(end: ExecutionEnd | undefined) {
  return { status: attempt(() => end?.status), error: attempt(() => end?.error), metadata: attempt(() => end?.metadata) };
}

/** Longer than since the epoch nothing took; a greater number would spoil the sum of its histogram for ever. */
function isDuration(given: unknown, longestMs: number): given is number {
  return typeof given === 'number' && given >= 0 && given <= longestMs;
}

/** What the app's own getter or proxy gives; undefined when it throws. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Ends an execution as it is said; without a status, an error makes it a failure. */
export function finishExecution(execution: Execution, { status, error }: { status?: unknown; error?: unknown }): void {
  if (status === 'aborted') execution.abort();
  else if (status === 'success' || (status !== 'failure' && error === undefined)) execution.end();
  else execution.fail(error);
}

/** What the binding does not say: the name of one of too many, a type that is none. */
function markReal({ name, isOverflow, type }: Binding, givenType: unknown, givenName: unknown): string {
  const realName = boundName(givenName);
  return boundedMembers({
    ...(isOverflow && realName !== name ? { 'keepwatch.name': realName } : {}),
    ...(givenType === type ? {} : { 'keepwatch.type': boundLabel(givenType) }),
  }).members;
}
