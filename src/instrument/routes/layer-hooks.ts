// Tells which layer of a router has just matched. Router 2.3 publishes its pattern on the request; of the others the `Layer` of the copy
// in use is reached through the running app, and its `match` notes the layer. Assigning `req.params` comes right after, in the same turn.
import { type Layer, leadsOn, type Pattern, patternOf } from './route-pattern.ts';

/** What is known of an app or a router: a list of layers. */
export interface Stacked {
  readonly stack?: readonly Layer[];
}

type Method = (this: Layer, ...parameters: unknown[]) => unknown;
type LayerPrototype = Record<string, Method | undefined>;
/** Where an error was seen: what failed is what matched last, unless that is the layer that the error has come to. */
export type ErrorPlace = 'in a route' | 'at the next layer' | 'at the end of a router';
type OnError = (request: object, error: unknown, place: ErrorPlace) => void;

/** The layer that matched last, until it is taken. */
const announced: { layer: Layer | undefined; path: string } = { layer: undefined, path: '' };
/** Said of the layer that was taken last; those that nobody takes here may be anything. */
let canTakenAnswer = true;

const hooked = new WeakSet<object>();

/** The pattern of the layer that has just matched, once. @param route the last route of the request: layers of others did not run */
export function takePattern(route: unknown): Pattern | undefined {
  const { layer } = announced;
  announced.layer = undefined;
  canTakenAnswer = true;
  if (layer === undefined) return undefined;
  // The layer of a route whose methods did not fit, or that an error skipped.
  if (layer.route !== undefined && layer.route !== route) return undefined;
  canTakenAnswer = !leadsOn(layer);
  return patternOf(layer, announced.path);
}

/** False when the pattern taken last is that of a router. */
export function canLastAnswer(): boolean {
  return canTakenAnswer;
}

/**
 * Has the layers of a router, and of the routers in it, tell when they match and when an error reaches them, and the routers when they are
 * left with an error. Those that publish their patterns and errors are left as they are.
 */
export function hookRouter(router: Stacked, publishes: boolean, onError: OnError, seen = new Set<unknown>()): void {
  if (!Array.isArray(router.stack) || seen.has(router)) return;
  seen.add(router);
  for (const layer of router.stack as readonly Layer[]) {
    if (layer.handle !== undefined) hookRouter(layer.handle as Stacked, publishes, onError, seen);
    if (publishes && layer.rawPath !== undefined) continue;
    hook(layer, 'match', (methods) => hookLayer(methods, onError));
    hook(router, 'handle', (methods) => hookLeaving(methods, onError));
  }
}

/** Changes the methods that `object` inherits, once. */
function hook(object: object, method: string, change: (methods: LayerPrototype) => void): void {
  let methods = Object.getPrototypeOf(object) as LayerPrototype | null;
  while (methods !== null && !Object.hasOwn(methods, method)) methods = Object.getPrototypeOf(methods) as LayerPrototype | null;
  if (methods === null || hooked.has(methods) || Object.isFrozen(methods)) return;
  hooked.add(methods);
  change(methods);
}

function hookLayer(prototype: LayerPrototype, onError: OnError): void {
  const match = prototype['match'] as Method;
  prototype['match'] = function noteMatch(this: Layer, path: unknown) {
    const found = match.call(this, path);
    if (found !== false) {
      announced.layer = this;
      announced.path = path as string;
    }
    return found;
  };
  for (const name of ['handle_error', 'handleError']) {
    const handle = prototype[name];
    if (handle === undefined) continue;
    prototype[name] = function noteError(this: Layer, error: unknown, request: unknown, ...others: unknown[]) {
      onError(request as object, error, Object.hasOwn(this, 'method') ? 'in a route' : 'at the next layer');
      return handle.call(this, error, request, ...others);
    };
  }
}

function hookLeaving(prototype: LayerPrototype, onError: OnError): void {
  const handle = prototype['handle'] as Method;
  prototype['handle'] = function noteLeaving(this: Layer, request: unknown, response: unknown, out: unknown) {
    if (typeof out !== 'function') return handle.call(this, request, response, out);
    return handle.call(this, request, response, function leave(this: unknown, error: unknown, ...others: unknown[]) {
      if (error) onError(request as object, error, 'at the end of a router');
      return Reflect.apply(out, this, [error, ...others]) as unknown;
    });
  };
}
