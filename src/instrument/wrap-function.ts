// A function in place of another: same name, length, own properties and prototype; called, constructed and inherited from as before.

/** Called for each call: has to run the wrapped function with this `self` and these arguments, exactly once. */
export type Around = (self: unknown, args: unknown[]) => unknown;
type AnyFunction = (...args: never[]) => unknown;

/**
 * A stand-in for `fn` that runs `around` at each call.
 * `new` constructs what `fn` constructs, unmeasured. Own properties are those that `fn` has now.
 */
export function wrapFunction<F extends AnyFunction>(fn: F, around: Around): F {
  // Methods, arrows and async functions have no `prototype` and cannot be constructed: neither can a method stand-in.
  const isConstructible = Object.hasOwn(fn, 'prototype');
  const wrapped = isConstructible ? constructible(fn, around) : plain(around);
  const prototype: unknown = Object.getPrototypeOf(fn);
  if (prototype !== Function.prototype) Object.setPrototypeOf(wrapped, prototype as object | null);
  for (const key of Reflect.ownKeys(fn)) {
    const descriptor = Object.getOwnPropertyDescriptor(fn, key);
    if (descriptor !== undefined && key !== 'arguments' && key !== 'caller') Object.defineProperty(wrapped, key, descriptor);
  }
  copyReflectMetadata(fn, wrapped);
  return wrapped as unknown as F;
}

/** What the package reflect-metadata adds to `Reflect`; NestJS keeps routes, guards and pipes there, by function. */
interface ReflectMetadata {
  getOwnMetadataKeys?(target: object): unknown[];
  getOwnMetadata?(key: unknown, target: object): unknown;
  defineMetadata?(key: unknown, value: unknown, target: object): void;
}

function copyReflectMetadata(from: object, to: object): void {
  const reflect = Reflect as ReflectMetadata;
  for (const key of reflect.getOwnMetadataKeys?.(from) ?? [])
    reflect.defineMetadata?.(key, reflect.getOwnMetadata?.(key, from), to);
}

function plain(around: Around): AnyFunction {
  return {
    wrapped(this: unknown, ...args: unknown[]): unknown {
      return around(this, args);
    },
  }.wrapped;
}

function constructible(fn: AnyFunction, around: Around): AnyFunction {
  return function wrapped(this: unknown, ...args: unknown[]): unknown {
    if (new.target === undefined) return around(this, args);
    return Reflect.construct(fn, args, new.target === wrapped ? fn : new.target) as unknown;
  };
}
