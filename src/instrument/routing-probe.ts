// Watches Express route requests, without a patch of its code: `params` and `route` become accessors on the prototype that all requests
// of an app share (`app.request`). What is assigned is kept in the request's `RouteTrail`, one property where Express makes two.
import { type RoutedRequest, RouteTrail } from './route-trail.ts';

/** Shared by all copies of this package, so that a request is counted once. */
const TRAIL = Symbol.for('keepwatch.trail');
/** Router 2.3 (Express 5.3) keeps the pattern of the layer that matched under a symbol of this name. */
const MATCHED_PATTERN = 'router.tracing.matchedRoute';
/** And here the errors that were passed to `next`. */
const SEEN_ERRORS = Symbol.for('router.tracing.publishedErrors');

interface ProbedRequest extends RoutedRequest {
  baseUrl?: string;
  params?: unknown;
  route?: unknown;
  readonly app?: { readonly request?: object };
  readonly res?: { readonly headersSent: boolean };
  readonly socket?: unknown;
  [TRAIL]?: RouteTrail;
  [SEEN_ERRORS]?: ReadonlySet<unknown>;
}

/** The trail of a request, if it has one. */
export function knownTrail(request: object): RouteTrail | undefined {
  return (request as ProbedRequest)[TRAIL];
}

/** The trail of a request. Where its way cannot be watched (no Express app), the trail stays empty. */
export function trailOf(request: object): RouteTrail {
  const probed = request as ProbedRequest;
  return probed[TRAIL] ?? beginTrail(probed);
}

/** The first request of an app, or one that came through routers of another app. */
function beginTrail(request: ProbedRequest): RouteTrail {
  const trail = new RouteTrail(request);
  const prototype = request.app?.request;
  if (prototype !== undefined && canWatch(prototype)) {
    const { params, route } = request;
    // Own properties hide the accessors.
    delete request.params;
    delete request.route;
    request[TRAIL] = trail;
    request.params = params;
    if (route !== undefined) request.route = route;
  }
  request[TRAIL] = trail;
  return trail;
}

/** Makes the accessors where there are none. False where it cannot be done: then the app runs as before. */
function canWatch(prototype: object): boolean {
  if ('params' in prototype || 'route' in prototype) return true;
  if (!Object.isExtensible(prototype)) return false;
  defineAccessors(prototype);
  return true;
}

/** The last error that was passed to `next` on the way of the request; undefined where the router does not tell. */
export function lastRoutingError(request: object): unknown {
  const errors = (request as ProbedRequest)[SEEN_ERRORS];
  return errors === undefined ? undefined : [...errors].at(-1);
}

/** Whether the router keeps the errors that pass it, so that their absence tells something. */
export function tellsErrors(request: object): boolean {
  return patternSymbol(request) !== undefined;
}

function patternSymbol(request: object): symbol | undefined {
  return Object.getOwnPropertySymbols(request).find((symbol) => symbol.description === MATCHED_PATTERN);
}

function defineAccessors(prototype: object): void {
  let pattern: { readonly symbol: symbol | undefined } | undefined;
  Object.defineProperties(prototype, {
    params: {
      configurable: true,
      enumerable: true,
      get(this: ProbedRequest) {
        return this[TRAIL]?.params;
      },
      set(this: ProbedRequest, params: unknown) {
        if (this.socket === undefined) {
          ownProperty(this, 'params', params);
          return;
        }
        this[TRAIL] ??= new RouteTrail();
        const trail = this[TRAIL];
        pattern ??= { symbol: patternSymbol(this) };
        // What runs after the answer did not answer.
        if (trail.hasTemplate && this.res?.headersSent === true) trail.params = params;
        else trail.enterLayer(this.baseUrl ?? '', pattern.symbol && (this as Record<symbol, unknown>)[pattern.symbol], params);
      },
    },
    route: {
      configurable: true,
      enumerable: true,
      get(this: ProbedRequest) {
        return this[TRAIL]?.route;
      },
      set(this: ProbedRequest, route: unknown) {
        const trail = this[TRAIL];
        if (trail === undefined) ownProperty(this, 'route', route);
        else trail.enterRoute(route);
      },
    },
  });
}

/** Assigned to what is no request (a prototype): as if there were no accessor. */
function ownProperty(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, enumerable: true, writable: true });
}
