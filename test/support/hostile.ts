// What an app may hand to a library without meaning harm, and what it may hand with: every value that breaks naive code.

const refuse = (): never => {
  throw new Error('no');
};
const throwingTraps: ProxyHandler<object> = {
  get: refuse,
  has: refuse,
  ownKeys: refuse,
  getPrototypeOf: refuse,
  getOwnPropertyDescriptor: refuse,
};
const revoked = Proxy.revocable({}, {});
revoked.revoke();
const cyclic: Record<string, unknown> = { kept: 1 };
cyclic['self'] = cyclic;
let deep: unknown[] = [];
for (let level = 0; level < 100_000; level++) deep = [deep];

/** 10 MB of text. */
export const HUGE_TEXT = 'x'.repeat(10_000_000);
/** A proxy of which nothing can be read. */
export const UNREADABLE: object = new Proxy({}, throwingTraps);
/** A proxy that has been revoked. */
export const REVOKED: object = revoked.proxy;

/** By what they are; all of them are legal JavaScript. */
export const HOSTILE_VALUES: Readonly<Record<string, unknown>> = {
  null: null,
  'a number': 5,
  NaN: Number.NaN,
  'a bigint': 10n ** 30n,
  'a symbol': Symbol('x'),
  'NUL and half surrogate pairs': 'a\0b\ud800c\udfff',
  '10 MB of text': HUGE_TEXT,
  'an unreadable proxy': UNREADABLE,
  'a revoked proxy': REVOKED,
  'a cycle': cyclic,
  'a nesting of 100,000 levels': deep,
  'a million keys': Object.fromEntries(Array.from({ length: 1_000_000 }, (_, index) => [index, index])),
  '1 MB of values': { rows: Array.from({ length: 10_000 }, () => 'y'.repeat(100)) },
  'a key of 10 MB': { [HUGE_TEXT]: 1 },
  'NUL in a key': { 'a\0b': 'c\0\ud800' },
  'a getter that throws': Object.defineProperty({ kept: 1 }, 'bad', { enumerable: true, get: refuse }),
  'a toJSON that throws': { kept: 1, inner: { toJSON: refuse } },
  'a date that is none': { at: new Date(Number.NaN) },
  'a map, a set, a buffer': { map: new Map([[1, 2]]), set: new Set([1]), bytes: Buffer.alloc(1e6) },
  'values without JSON': { f: refuse, s: Symbol('x'), u: undefined, b: 1n, n: Number.NaN, i: Number.NEGATIVE_INFINITY },
  'an object without prototype': Object.assign(Object.create(null), { kept: 1 }),
  'a key named __proto__': JSON.parse('{"__proto__":{"polluted":true}}'),
};

/** What may be thrown. */
export const HOSTILE_ERRORS: Readonly<Record<string, unknown>> = {
  ...HOSTILE_VALUES,
  undefined,
  'an error with a message getter that throws': Object.defineProperty(new Error('x'), 'message', { get: refuse }),
  'an error with NUL in its message': new Error('a\0b\ud800'),
  'an error of 10 MB that looks like URLs': new Error('a.'.repeat(5_000_000)),
  'an error whose name is no text': Object.assign(new Error('x'), { name: {} }),
};
