// Which span is the ambient one: the only AsyncLocalStorage of the kit. Exists only while tracing is on.
import { AsyncLocalStorage } from 'node:async_hooks';
import { type RemoteParent, type Span, SpanSource } from './trace-context.ts';

export class Tracer {
  readonly #storage = new AsyncLocalStorage<Span | undefined>();
  readonly #source = new SpanSource();

  /** The span of the execution that the caller runs in. */
  current(): Span | undefined {
    return this.#storage.getStore();
  }

  /** A new span below the ambient one, else at the root of a new trace. It is not made the ambient one. */
  startSpan(): Span {
    return this.#source.create(this.#storage.getStore());
  }

  /** A new span for what came from outside: below the caller's, else at the root of a new trace, whatever the server was started in. */
  startServerSpan(caller: RemoteParent | undefined): Span {
    return this.#source.create(caller);
  }

  /** Runs `work` with `span` as the ambient one, in all that it starts; undefined: with none. */
  run<Args extends unknown[], R>(span: Span | undefined, work: (...args: Args) => R, ...args: Args): R {
    return this.#storage.run(span, work, ...args);
  }
}
