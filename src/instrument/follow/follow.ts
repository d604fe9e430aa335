// What can be waited for, and the stand-in for a native promise that is followed: to watch it on the side would change what Node reports.

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
