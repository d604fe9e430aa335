// The wrapping law for what a measured function returns: a value stays a value, a promise is followed without being changed, and what
// only looks like a promise is never subscribed to.

/** The end of an execution whose result settles later. */
export interface Ending {
  /** Told once, before the code that waits for the result goes on. Must not throw. */
  readonly onSuccess: () => void;
  /** The same with what it was rejected with. Must not throw. */
  readonly onFailure: (error: unknown) => void;
}

/** In which contexts the parts of a lazy thenable run; default: as they are called. */
export interface ThenableContexts {
  /** Runs the work that the thenable does when its `then` is called: in the context of the execution. */
  readonly runInside?: (work: () => unknown) => unknown;
  /** Called at each `then`; gives what runs its handlers: in the context where `then` was called. */
  readonly captureOutside?: () => (work: () => unknown) => unknown;
}

/** Executions that end with one thenable; more than these were forgotten by those who returned it. */
const MAX_ENDINGS = 1000;
/** Where a `then` of ours keeps the executions that end with it; shared by all copies of this package. */
const ENDINGS = Symbol.for('keepwatch.endings');

type Handler = ((...values: unknown[]) => unknown) & { [ENDINGS]?: Ending[] };

/** A native promise of this realm, of no subclass, with the `then` that all have. False for what cannot even be asked. */
export function isPlainPromise(value: unknown): value is Promise<unknown> {
  try {
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Promise.prototype) return false;
    return (value as Promise<unknown>).then === Promise.prototype.then;
  } catch {
    return false;
  }
}

/** What else can be waited for. May throw what a hostile `then` getter throws. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}

/**
 * A promise in place of `promise`: the same value or the same error object, and a rejection that nobody handles is still reported once.
 * (To watch `promise` on the side would hide that report, or make a second one.)
 * @param onFulfilled has to return the value that it gets
 * @param onRejected has to throw the error that it gets
 * @returns undefined when it only looks like a promise (a proxy of one, an object with its prototype) and cannot be waited for
 */
export function followPromise<T extends Promise<unknown>>(
  promise: T,
  onFulfilled: (value: unknown) => unknown,
  onRejected: (error: unknown) => never,
): T | undefined {
  let followed: T;
  try {
    followed = promise.then(onFulfilled, onRejected) as T;
  } catch {
    return undefined;
  }
  // What others hung on the promise (`child` of a promisified exec, `cancel`) goes with it.
  for (const key in promise) {
    if (Object.hasOwn(promise, key)) Reflect.defineProperty(followed, key, Object.getOwnPropertyDescriptor(promise, key) ?? {});
  }
  return followed;
}

/**
 * Follows a promise of a subclass, or another thenable (of SDKs, query builders, other realms): its `then` is replaced on the instance,
 * so that lazy work runs once and only when somebody waits for it, and all its methods stay. One that nobody waits for is never recorded.
 * One that is returned again and again (a memoised promise) is replaced once; all executions that returned it end together.
 * @throws TypeError when the thenable is frozen; it is untouched then
 */
export function interceptThen(thenable: PromiseLike<unknown>, ending: Ending, contexts: ThenableContexts): void {
  const { runInside = runPlainly, captureOutside = () => runPlainly } = contexts;
  const original = thenable.then as unknown as Handler;
  const known = original[ENDINGS];
  if (known !== undefined) {
    if (known.push(ending) > MAX_ENDINGS) known.shift()?.onSuccess();
    return;
  }
  const endings = [ending];

  function then(this: unknown, onFulfilled?: unknown, onRejected?: unknown, ...rest: unknown[]): unknown {
    const outside = captureOutside();
    const fulfilled = (...values: unknown[]): unknown => {
      for (const { onSuccess } of endings.splice(0)) onSuccess();
      return typeof onFulfilled === 'function' ? outside(() => (onFulfilled as Handler)(...values)) : values[0];
    };
    const rejected = (...errors: unknown[]): unknown => {
      for (const { onFailure } of endings.splice(0)) onFailure(errors[0]);
      if (typeof onRejected === 'function') return outside(() => (onRejected as Handler)(...errors));
      throw errors[0];
    };
    return runInside(() => Reflect.apply(original, this, [fulfilled, rejected, ...rest]));
  }

  Object.defineProperty(then, ENDINGS, { value: endings });
  // oxlint-disable-next-line unicorn/no-thenable -- it was one before
  Object.defineProperty(thenable, 'then', { value: then, configurable: true, writable: true, enumerable: false });
}

function runPlainly(work: () => unknown): unknown {
  return work();
}
