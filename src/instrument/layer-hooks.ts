// Tells which layer of a router has just matched. Router 2.3 publishes its pattern on the request; of the others the `Layer` of the copy
// in use is reached through the running app, and its `match` notes the layer. Assigning `req.params` comes right after, in the same turn.
import { type Layer, leadsOn, type Pattern, patternOf } from './route-pattern.ts';

/** What is known of an app or a router: a list of layers. */
export interface Stacked {
  readonly stack?: readonly Layer[];
}

type LayerPrototype = Record<string, ((...args: unknown[]) => unknown) | undefined>;
type OnError = (request: object, error: unknown, isInRoute: boolean) => void;

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

/** Has the layers of a router, and of the routers in it, tell when they match. Layers that publish their pattern are left as they are. */
export function hookLayers({ stack }: Stacked, publishes: boolean, onError: OnError, seen = new Set<unknown>()): void {
  if (!Array.isArray(stack) || seen.has(stack)) return;
  seen.add(stack);
  for (const layer of stack as readonly Layer[]) {
    const prototype = Object.getPrototypeOf(layer) as LayerPrototype | null;
    if (prototype !== null && !hooked.has(prototype) && !(publishes && layer.rawPath !== undefined)) hook(prototype, onError);
    if (layer.handle !== undefined) hookLayers(layer.handle as Stacked, publishes, onError, seen);
  }
}

function hook(prototype: LayerPrototype, onError: OnError): void {
  const { match } = prototype;
  if (typeof match !== 'function' || !Object.isExtensible(prototype)) return;
  hooked.add(prototype);
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
    if (typeof handle !== 'function') continue;
    prototype[name] = function noteError(this: Layer, error: unknown, request: unknown, ...others: unknown[]) {
      onError(request as object, error, Object.hasOwn(this, 'method'));
      return handle.call(this, error, request, ...others);
    };
  }
}
