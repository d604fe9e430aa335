// One execution in progress, in the caller's hands. It ends once; nothing that it does throws.

import { type BoundedMembers, boundedMembers, type MembersOptions, mergeMembers } from './bounded-json.ts';
import type { Binding } from './recording/bindings.ts';
import { STATUS_CODES, type StatusCode } from './recording/ring.ts';
import { formatTraceIds, type Span, type TraceIds } from './tracing/trace-context.ts';
import { formatTraceparent } from './tracing/trace-headers.ts';

/** Tokens of one call to a language model: the provider's totals. */
export interface TokenUsage {
  readonly input?: number;
  readonly output?: number;
}

/** What an execution needs of its tracker. */
export interface ExecutionCore {
  end(
    binding: Binding,
    status: StatusCode,
    startMs: number,
    span: Span | undefined,
    metadata: BoundedMembers | undefined,
    error?: unknown,
  ): void;
  /** Moves `llm_tokens_total`. Only calls to a model carry tokens; for other types nothing is counted. */
  countTokens(binding: Binding, usage: TokenUsage): void;
  noteError(place: string, error: unknown): void;
  /** What of metadata is kept. */
  readonly kept: MembersOptions;
}

/** An execution that has begun. */
export interface Started {
  readonly core: ExecutionCore;
  readonly binding: Binding;
  /** By the monotonic clock. */
  readonly startMs: number;
}

/** Made by `ObservabilityTracker`; `using` ends it as a success at the end of the block, unless it was failed before. */
export class Execution {
  /** Undefined once it has ended, or when measuring was disabled as it began: then nothing is recorded. */
  #started: Started | undefined;
  readonly #span: Span | undefined;
  #metadata: BoundedMembers | undefined;
  #tokens: TokenUsage | undefined;

  constructor(started: Started | undefined, span?: Span, metadata?: BoundedMembers) {
    this.#started = started;
    this.#span = span;
    this.#metadata = metadata;
  }

  /** Adds metadata to the event, or replaces it key by key. It is read now, and bounded: 4 KiB of JSON for all of it. */
  set(metadata: Readonly<Record<string, unknown>>): this {
    if (this.#started === undefined) return this;
    try {
      const added = boundedMembers(metadata, this.#started.core.kept);
      const merged = mergeMembers(this.#metadata?.members ?? '', added.members);
      const isTruncated = merged.isTruncated || added.isTruncated || this.#metadata?.isTruncated === true;
      this.#metadata = { members: merged.members, isTruncated };
    } catch (error) {
      this.#started.core.noteError('metadata', error);
    }
    return this;
  }

  /** Notes the tokens that a call to a language model used; the last call counts. Numbers that cannot be are left out, and marked. */
  tokens(usage: TokenUsage): this {
    if (this.#started === undefined) return this;
    const given = readUsage(usage);
    const input = cleanCount(given.input);
    const output = cleanCount(given.output);
    this.#tokens = { ...(input === undefined ? {} : { input }), ...(output === undefined ? {} : { output }) };
    const isInvalid = input !== given.input || output !== given.output;
    return this.set({
      input_tokens: input,
      output_tokens: output,
      ...(isInvalid ? { 'keepwatch.invalid_tokens': true } : {}),
    });
  }

  /** Ends it as a success. An execution that has ended stays as it is. */
  end(): void {
    this.#end(STATUS_CODES.success);
  }

  /** Ends it as a failure with what was thrown. */
  fail(error: unknown): void {
    this.#end(STATUS_CODES.failure, error);
  }

  /** Ends it as neither: it was given up by its caller. */
  abort(): void {
    this.#end(STATUS_CODES.aborted);
  }

  #end(status: StatusCode, error?: unknown): void {
    const started = this.#started;
    if (started === undefined) return;
    this.#started = undefined;
    const { core, binding, startMs } = started;
    if (this.#tokens !== undefined) core.countTokens(binding, this.#tokens);
    core.end(binding, status, startMs, this.#span, this.#metadata, error);
  }

  /** When it began, by the monotonic clock; undefined once it has ended. */
  get startMs(): number | undefined {
    return this.#started?.startMs;
  }

  /** Its ids; undefined when tracing is off. */
  get span(): Span | undefined {
    return this.#span;
  }

  /** Its trace and span id in hexadecimal; undefined when tracing is off. */
  get traceIds(): TraceIds | undefined {
    return this.#span === undefined ? undefined : formatTraceIds(this.#span);
  }

  /** The header that makes this execution the parent of an outgoing call; undefined when tracing is off. */
  traceparent(): string | undefined {
    return this.#span === undefined ? undefined : formatTraceparent(this.#span);
  }

  [Symbol.dispose](): void {
    this.end();
  }
}

/** A usage that throws when it is read counts as one of numbers that cannot be. */
function readUsage(usage: TokenUsage | undefined): { readonly input: unknown; readonly output: unknown } {
  try {
    return { input: usage?.input, output: usage?.output };
  } catch {
    return { input: Number.NaN, output: Number.NaN };
  }
}

function cleanCount(count: unknown): number | undefined {
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}
