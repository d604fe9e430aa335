// Follows a promise of a subclass, or another thenable (of SDKs, query builders, other realms), through whatever waits for it. Lazy work
// runs once, and only when somebody waits; all methods stay. One that nobody waits for is never recorded.
import { types } from 'node:util';
import { followPromise, isPlainPromise, isThenable } from './follow.ts';
import type { FollowContext } from './following.ts';
import { type Method, overrideMethod } from './override-method.ts';

export interface ThenableContext extends FollowContext {
  /** Called at each `then`; gives what runs its handlers: in the context where `then` was called. */
  readonly captureOutside: () => (work: () => unknown) => unknown;
  /** Told what it was fulfilled with: that may have to be followed in turn. Must not throw. */
  readonly onFulfilled: (value: unknown) => void;
  /** Told what it was rejected with. Must not throw. */
  readonly onRejected: (error: unknown) => void;
}

/**
 * Methods other than `then` that make a thenable do its work, or that give another thenable for the same work: of OpenAI's and
 * Anthropic's `APIPromise`, of Prisma's promises in a transaction, of mongoose's queries, of knex' builders.
 */
const READERS = ['asResponse', 'withResponse', '_thenUnwrap', 'requestTransaction', 'exec', 'stream'] as const;

/** @throws TypeError when the thenable is frozen; it is untouched then */
export function followThenable(thenable: PromiseLike<unknown>, context: ThenableContext): void {
  /** Inside of a reader: those that it calls itself are part of it. */
  let depth = 0;
  const run = (original: Method, self: unknown, args: unknown[]): unknown => {
    depth++;
    try {
      return context.inside(() => Reflect.apply(original, self, args));
    } finally {
      depth--;
    }
  };

  overrideMethod(thenable, 'then', (original, self, args) => {
    if (depth > 0) return Reflect.apply(original, self, args);
    const [onFulfilled, onRejected, ...rest] = args;
    const outside = context.captureOutside();
    const fulfilled = (...values: unknown[]): unknown => {
      context.onFulfilled(values[0]);
      return typeof onFulfilled === 'function' ? outside(() => (onFulfilled as Method)(...values)) : values[0];
    };
    return run(original, self, [fulfilled, watchRejection(onRejected, outside, context) ?? rethrow(context), ...rest]);
  });
  // A proxy may have any method one asks for: the question alone could do something.
  if (types.isProxy(thenable)) return;

  const { catch: ownCatch, finally: ownFinally } = thenable as Promise<unknown>;
  if (ownCatch !== Promise.prototype.catch) {
    overrideMethod(thenable, 'catch', (original, self, [onRejected, ...rest]) => {
      const rejected = watchRejection(onRejected, context.captureOutside(), context) ?? onRejected;
      return followOutcome(
        context.inside(() => Reflect.apply(original, self, [rejected, ...rest])),
        context,
      );
    });
  }
  if (ownFinally !== Promise.prototype.finally) {
    overrideMethod(thenable, 'finally', (original, self, args) =>
      followOutcome(
        context.inside(() => Reflect.apply(original, self, args)),
        context,
      ),
    );
  }
  for (const reader of READERS) {
    overrideMethod(thenable, reader, (original, self, args) => {
      if (self !== thenable || depth > 0) return Reflect.apply(original, self, args);
      let result: unknown;
      try {
        result = run(original, self, args);
      } catch (error) {
        context.onRejected(error);
        throw error;
      }
      return result === thenable ? result : followOutcome(result, context, reader === 'withResponse' ? dataOf : itself);
    });
  }
}

/** The app's handler, with ours before it; undefined when it gave none. */
function watchRejection(
  onRejected: unknown,
  outside: (work: () => unknown) => unknown,
  context: ThenableContext,
): Method | undefined {
  if (typeof onRejected !== 'function') return undefined;
  return (...errors) => {
    context.onRejected(errors[0]);
    return outside(() => (onRejected as Method)(...errors));
  };
}

function rethrow(context: ThenableContext): (error: unknown) => never {
  return (error) => {
    context.onRejected(error);
    throw error;
  };
}

/** Follows what a reader gave: a promise, another thenable for the same work, or a stream. */
function followOutcome(result: unknown, context: ThenableContext, dataIn = itself): unknown {
  if (isPlainPromise(result)) {
    const followed = followPromise(
      result,
      (value) => {
        context.guarded(() => context.onFulfilled(dataIn(value)));
        return value;
      },
      rethrow(context),
    );
    return followed ?? result;
  }
  context.guarded(() => {
    if (isThenable(result)) followThenable(result, context);
    else if (typeof result === 'object' && result !== null) context.onFulfilled(result);
  });
  return result;
}

function itself(value: unknown): unknown {
  return value;
}

/** Of `{ data, response, request_id }`. */
function dataOf(answer: unknown): unknown {
  return (answer as { readonly data?: unknown } | undefined)?.data;
}
