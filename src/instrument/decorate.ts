// `tracked` as a decorator for methods: of TC39 (TypeScript 5 and Babel by default), and of TypeScript's experimentalDecorators (NestJS).

type AnyFunction = (...args: never[]) => unknown;

/** What a decorator of TC39 is told; more than this it has no need of. */
interface MethodContext {
  readonly kind: 'method';
  readonly name: string | symbol;
}

/** Replaces a method, static or not, private or not, of any kind. @throws TypeError, as the class is defined, on anything but a method */
export interface TrackedDecorator {
  <F extends AnyFunction>(method: F, context: MethodContext): F;
  /** With experimentalDecorators. Metadata of reflect-metadata stays, whichever decorator comes first. */
  <F extends AnyFunction>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<F>,
  ): TypedPropertyDescriptor<F>;
}

/** @param track gives what stands in for a method of this name */
export function createDecorator(track: (method: AnyFunction, name: string) => AnyFunction): TrackedDecorator {
  function decorate(target: unknown, context: unknown, descriptor?: unknown): unknown {
    if (isMethodContext(context) && typeof target === 'function') return track(target as AnyFunction, String(context.name));
    const method = (descriptor as PropertyDescriptor | undefined)?.value as unknown;
    const isKey = typeof context === 'string' || typeof context === 'symbol';
    if (isKey && typeof method === 'function') {
      return { ...(descriptor as PropertyDescriptor), value: track(method as AnyFunction, String(context)) };
    }
    throw new TypeError(`tracked: got ${describe(target, context, descriptor)}; allowed: methods`);
  }
  return decorate as TrackedDecorator;
}

function isMethodContext(context: unknown): context is MethodContext {
  return typeof context === 'object' && context !== null && 'kind' in context && context.kind === 'method';
}

function describe(target: unknown, context: unknown, descriptor: unknown): string {
  if (typeof context === 'object' && context !== null) {
    const { kind, name } = context as { readonly kind?: unknown; readonly name?: unknown };
    return `a ${String(kind)} named ${String(name)}`;
  }
  if (typeof context !== 'string' && typeof context !== 'symbol')
    return typeof target === 'function' ? 'a class' : 'nothing to decorate';
  if (typeof descriptor === 'number') return `a parameter of ${String(context)}`;
  return `${descriptor === undefined ? 'a field' : 'an accessor'} named ${String(context)}`;
}
