// A method of ours in front of an object's own or inherited one, on that object alone: same name and length, and not enumerable unless
// the one before was.

export type Method = (...args: unknown[]) => unknown;

/** Called for each call: has to call `original` with this `self` and these arguments once, outside of anything that may throw. */
type AroundMethod = (original: Method, self: unknown, args: unknown[]) => unknown;

/**
 * @returns false when the object has no such method; it is untouched then
 * @throws TypeError when the object is frozen; it is untouched then
 */
export function overrideMethod(object: object, key: PropertyKey, around: AroundMethod): boolean {
  const original = Reflect.get(object, key) as unknown;
  if (typeof original !== 'function') return false;
  const { method } = {
    method(this: unknown, ...args: unknown[]): unknown {
      return around(original as Method, this, args);
    },
  };
  Object.defineProperties(method, {
    name: { value: original.name, configurable: true },
    length: { value: original.length, configurable: true },
  });
  const enumerable = Object.getOwnPropertyDescriptor(object, key)?.enumerable ?? false;
  Object.defineProperty(object, key, { value: method, configurable: true, writable: true, enumerable });
  return true;
}
