// Finds out what a measured function returned: a value, or something that comes to its end later, which is then followed to that end.
// What is followed stays the same object: hooks are put in front of its own methods, and its consumer is the one who runs it.
import { types } from 'node:util';
import { isThenable } from './follow.ts';
import { followIterator, isIterator } from './follow-iterator.ts';
import { followNodeStream, isNodeStream } from './follow-node-stream.ts';
import { followSdkStream, isSdkStream } from './follow-sdk-stream.ts';
import { followThenable, type ThenableContext } from './follow-thenable.ts';
import { followWebStream, isWebStream } from './follow-web-stream.ts';
import { type Ending, Endings, type EndingsOptions, type FollowContext, Following, type Watcher } from './following.ts';
import { STATUS_CODES } from './ring.ts';
import type { Span } from './trace-context.ts';
import type { Tracer } from './tracer.ts';

/** Puts the hooks of one kind in front of a result. */
type Follow = (watcher: Watcher, context: FollowContext) => void;

export interface ResultFollowerOptions extends EndingsOptions {
  /** Undefined: tracing is off. */
  readonly tracer: Tracer | undefined;
}

export class ResultFollower {
  readonly #options: ResultFollowerOptions;
  /** By what was returned; several executions may have returned the same. */
  readonly #followed = new WeakMap<object, Endings>();
  readonly #abandoned = new FinalizationRegistry<Endings>((endings) =>
    endings.settleItems(STATUS_CODES.aborted, undefined, true),
  );

  constructor(options: ResultFollowerOptions) {
    this.#options = options;
  }

  /**
   * Follows a result of any kind. Never throws.
   * @returns false when it is a value, or cannot be followed: the caller ends the execution now. True: `ending` will be told
   */
  follow(result: unknown, span: Span | undefined, ending: Ending): boolean {
    if (typeof result === 'object' && result !== null && this.followStream(result, span, ending)) return true;
    try {
      if (!isThenable(result)) return false;
    } catch (error) {
      this.#options.errors.note('follow', error);
      return false;
    }
    return this.#followThenable(result, span, ending);
  }

  /** The same, for what cannot be a thenable: the value of a promise. */
  followStream(result: object, span: Span | undefined, ending: Ending): boolean {
    let endings: Endings | undefined;
    try {
      const follow = findStream(result);
      if (follow === undefined) return false;
      const known = this.#followed.get(result);
      if (known !== undefined) {
        // Returned again: all executions that returned it end with it.
        if (known.isOver) return false;
        known.add(ending);
        return true;
      }
      if (!Object.isExtensible(result)) throw new TypeError('a frozen stream cannot be followed');
      endings = new Endings(ending, this.#options);
      const following = new Following(endings);
      this.#followed.set(result, endings);
      this.#abandoned.register(following, endings);
      follow(following, this.#context(span));
      return true;
    } catch (error) {
      this.#options.errors.note('follow', error);
      return endings !== undefined && isTold(endings);
    }
  }

  #followThenable(thenable: PromiseLike<unknown>, span: Span | undefined, ending: Ending): boolean {
    const known = this.#followed.get(thenable);
    if (known !== undefined) {
      known.add(ending);
      return true;
    }
    const endings = new Endings(ending, this.#options);
    try {
      followThenable(thenable, this.#thenableContext(span, endings));
      this.#followed.set(thenable, endings);
      return true;
    } catch (error) {
      this.#options.errors.note('follow', error);
      return isTold(endings);
    }
  }

  #thenableContext(span: Span | undefined, endings: Endings): ThenableContext {
    const tracer = this.#options.tracer;
    const context = this.#context(span);
    return {
      ...context,
      captureOutside: () => {
        if (tracer === undefined || span === undefined) return runPlainly;
        const outside = tracer.current();
        return (work) => tracer.run(outside, work);
      },
      onFulfilled: (value) =>
        context.guarded(() => {
          for (const ending of endings.take()) {
            const isFollowed = typeof value === 'object' && value !== null && this.followStream(value, span, ending);
            if (!isFollowed) ending.end(STATUS_CODES.success);
          }
        }),
      onRejected: (error) => endings.settle(STATUS_CODES.failure, error),
    };
  }

  #context(span: Span | undefined): FollowContext {
    const { tracer, errors } = this.#options;
    return {
      inside: tracer === undefined || span === undefined ? runPlainly : (work) => tracer.run(span, work),
      guarded: (work) => {
        try {
          work();
        } catch (error) {
          errors.note('follow', error);
        }
      },
    };
  }
}

/** How to follow it; undefined for a value. Cheap for plain objects and arrays, and no getter or trap of the app is run. */
function findStream(object: object): Follow | undefined {
  if (Array.isArray(object) || types.isProxy(object)) return undefined;
  if (isIterator(object)) return (watcher, context) => followIterator(object, watcher, context);
  if (Object.getPrototypeOf(object) === Object.prototype) return undefined;
  if (isNodeStream(object)) return (watcher, context) => followNodeStream(object, watcher, context);
  if (isWebStream(object)) return (watcher, context) => followWebStream(object, watcher, context);
  if (isSdkStream(object)) return (watcher, context) => followSdkStream(object, watcher, context);
  return undefined;
}

/** Whether something was told already, before a hook failed to be placed. Those that are in place have nothing to tell from now on. */
function isTold(endings: Endings): boolean {
  try {
    return endings.take().length === 0;
  } catch {
    return false;
  }
}

function runPlainly(work: () => unknown): unknown {
  return work();
}
