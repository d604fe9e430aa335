// The wrapping law for what a measured function returns: a value stays a value, a promise is followed without being changed, and what
// only looks like a promise is never subscribed to.

type Settler = (value: unknown) => void;
type Handler = (...values: unknown[]) => unknown;

export interface FollowOptions {
  /** Told once, before the code that waits for the result goes on. Must not throw. */
  readonly onSuccess: () => void;
  /** The same with what it was rejected with. Must not throw. */
  readonly onFailure: Settler;
  /** Runs the work that a lazy thenable does when its `then` is called (in the context of the execution). Default: as it is. */
  readonly runInside?: (work: () => unknown) => unknown;
  /** Makes the handlers of a thenable run where its `then` was called. Called at each `then`; default: as they are. */
  readonly captureOutside?: () => (work: () => unknown) => unknown;
}

// oxlint-disable-next-line typescript/unbound-method -- called with Reflect.apply
const promiseThen = Promise.prototype.then;

/** Whether `follow` has to be used for a result. May throw what a hostile `then` getter throws. */
export function settlesLater(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  if (Object.getPrototypeOf(value) === Promise.prototype) return true;
  return typeof (value as { then?: unknown }).then === 'function';
}

/**
 * Hands back what stands for `result`, and tells how it settles.
 *
 * A plain native promise is answered by `result.then(...)`: the caller gets the same value or the same error object, and a rejection
 * that nobody handles is still reported once. (To watch the promise on the side would hide that report, or make a second one.)
 *
 * Promises of subclasses and other thenables (of SDKs, query builders, other realms) are handed back themselves: their `then` is
 * replaced on the instance, so that lazy work runs once and only when somebody waits for it, and all their methods stay. One that nobody
 * waits for is never recorded.
 *
 * @throws TypeError when the thenable is frozen; it is untouched then
 */
export function follow<T extends PromiseLike<unknown>>(result: T, options: FollowOptions): T {
  return Object.getPrototypeOf(result) === Promise.prototype && !Object.hasOwn(result, 'then')
    ? followNative(result, options)
    : interceptThen(result, options);
}

function followNative<T extends PromiseLike<unknown>>(promise: T, { onSuccess, onFailure }: FollowOptions): T {
  const followed = Reflect.apply(promiseThen, promise, [
    (value: unknown) => {
      onSuccess();
      return value;
    },
    (error: unknown) => {
      onFailure(error);
      throw error;
    },
  ]) as unknown as T;
  // What others hung on the promise (`child` of a promisified exec, `cancel`) goes with it.
  for (const key in promise) {
    if (Object.hasOwn(promise, key)) Object.defineProperty(followed, key, Object.getOwnPropertyDescriptor(promise, key) ?? {});
  }
  return followed;
}

function interceptThen<T extends PromiseLike<unknown>>(thenable: T, options: FollowOptions): T {
  const { onSuccess, onFailure, runInside = runPlainly, captureOutside = () => runPlainly } = options;
  // oxlint-disable-next-line typescript/unbound-method -- called with Reflect.apply
  const original = thenable.then as unknown as Handler;
  let isSettled = false;
  const settle = (tell: () => void): void => {
    if (isSettled) return;
    isSettled = true;
    tell();
  };

  function then(this: unknown, onFulfilled?: unknown, onRejected?: unknown, ...rest: unknown[]): unknown {
    const outside = captureOutside();
    const fulfilled = (...values: unknown[]): unknown => {
      settle(onSuccess);
      return typeof onFulfilled === 'function' ? outside(() => (onFulfilled as Handler)(...values)) : values[0];
    };
    const rejected = (...errors: unknown[]): unknown => {
      settle(() => onFailure(errors[0]));
      if (typeof onRejected === 'function') return outside(() => (onRejected as Handler)(...errors));
      throw errors[0];
    };
    return runInside(() => Reflect.apply(original, this, [fulfilled, rejected, ...rest]));
  }

  // oxlint-disable-next-line unicorn/no-thenable -- it was one before
  Object.defineProperty(thenable, 'then', { value: then, configurable: true, writable: true, enumerable: false });
  return thenable;
}

function runPlainly(work: () => unknown): unknown {
  return work();
}
