// Notes on each layer of a router the path that was given to `use`. Paths of routes need no note: a `Route` keeps its own.
import { type Layer, REGISTERED } from './route-pattern.ts';

type Use = (this: { readonly stack?: unknown }, ...parameters: unknown[]) => unknown;
interface RouterMethods {
  use: Use;
}

const METHODS = ['use', 'route', 'handle', 'param', 'all', 'get'];

/** Watches the `use` of a module that is a router of Express 4 or router 2.0-2.2; leaves everything else alone. Never throws. */
export function registerRouter(loaded: unknown): void {
  try {
    const methods = methodsOf(loaded);
    if (methods !== undefined) watchUse(methods);
  } catch {
    // A module that looks like a router and is none, or a frozen one: its mounts are found as without registering.
  }
}

/** Express 4 has them on the function that it exports, router 2 on its prototype. Routers that were made inherit them. */
function methodsOf(loaded: unknown): RouterMethods | undefined {
  if (typeof loaded !== 'function') return undefined;
  const owners = [loaded, loaded.prototype] as (object | null | undefined)[];
  const found = owners.find(
    (owner) =>
      owner != null && METHODS.every((name) => typeof Object.getOwnPropertyDescriptor(owner, name)?.value === 'function'),
  );
  // `listRoutes` came together with the patterns that router 2.3 keeps.
  return found == null || Object.hasOwn(found, 'listRoutes') ? undefined : (found as RouterMethods);
}

const watched = new WeakSet<object>();

function watchUse(methods: RouterMethods): void {
  if (watched.has(methods)) return;
  watched.add(methods);
  const { use } = methods;
  methods.use = Object.defineProperty(
    function notePath(...parameters) {
      const before = stackOf(this).length;
      const result = Reflect.apply(use, this, parameters);
      const path = pathOf(parameters);
      for (const layer of stackOf(this).slice(before)) layer[REGISTERED] = path;
      return result;
    } satisfies Use,
    'name',
    { value: 'use', configurable: true },
  );
}

function stackOf({ stack }: { readonly stack?: unknown }): readonly Layer[] {
  return Array.isArray(stack) ? stack : [];
}

/** The path is the first argument, unless that is a function or an array that begins with one. A copy: the caller may change his. */
function pathOf([first]: readonly unknown[]): unknown {
  let innermost = first;
  while (Array.isArray(innermost) && innermost.length > 0) innermost = innermost[0];
  if (typeof innermost === 'function') return '/';
  return Array.isArray(first) ? first.flat(Number.POSITIVE_INFINITY) : first;
}
