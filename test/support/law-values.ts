// What generated functions return and throw, and how they are written.
import fc from 'fast-check';

export const anyValue = fc.oneof(
  fc.constantFrom(undefined, null, 0, Number.NaN, '', 'text', 10n, Symbol('s'), true),
  fc.object({ maxDepth: 1, maxKeys: 2 }),
  fc.constantFrom<unknown>([1], new Map([[1, 2]]), () => 1, new Date(0), Buffer.from('b')),
  fc.constant(new TypeError('bad')),
  fc.object({ maxKeys: 1 }).map((object) => Object.freeze(object)),
);

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** A function that does `body`, written in this way. */
export const FORMS: Readonly<Record<string, (body: AnyFunction) => AnyFunction>> = {
  function: (body) =>
    function subject(this: unknown, ...args: unknown[]) {
      return Reflect.apply(body, this, args);
    },
  arrow:
    (body) =>
    (...args) =>
      Reflect.apply(body, undefined, args),
  method: (body) =>
    ({
      subject(this: unknown, _first: unknown, ...args: unknown[]) {
        return Reflect.apply(body, this, [_first, ...args]);
      },
    }).subject,
  async: (body) =>
    async function subject(this: unknown, ...args: unknown[]) {
      return Reflect.apply(body, this, args);
    },
  bound: (body) => body.bind({ bound: true }),
  'with properties': (body) =>
    Object.assign((...args: unknown[]) => Reflect.apply(body, undefined, args), { extra: 1, [Symbol.for('x')]: 2 }),
  getter: (body) =>
    Object.defineProperty((...args: unknown[]) => Reflect.apply(body, undefined, args), 'extra', {
      get: () => 1,
      enumerable: true,
    }),
};

export const anyForm = fc.constantFrom(...Object.keys(FORMS));
export const anyArgs = fc.array(anyValue, { maxLength: 3 });
export const anySelf = fc.oneof(fc.constant(undefined), fc.object({ maxKeys: 1 }));
