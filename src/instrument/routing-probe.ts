// Watches Express route requests, without a patch of its code: `params` and `route` become accessors on the prototype that all requests
// of an app share (`app.request`), and what is assigned is passed on to the request's `RouteTrail`. Nothing is read, matched or copied.
import type { RoutedRequest, RouteTrail } from './route-trail.ts';

const PARAMS = Symbol('keepwatch.params');
const ROUTE = Symbol('keepwatch.route');
const TRAIL = Symbol('keepwatch.trail');
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
  [PARAMS]?: unknown;
  [ROUTE]?: unknown;
  [TRAIL]?: RouteTrail;
  [SEEN_ERRORS]?: ReadonlySet<unknown>;
}

/** Puts `trail` on the way of `request`. Where it cannot be done (no Express app), the trail stays empty. */
export function followRoutes(request: RoutedRequest, trail: RouteTrail): void {
  const probed = request as ProbedRequest;
  const prototype = probed.app?.request;
  if (prototype === undefined) return;
  if (!('params' in prototype) && !('route' in prototype)) defineAccessors(prototype);
  // What was assigned before the accessors were there hides them.
  if (Object.hasOwn(probed, 'params')) {
    const { params, route } = probed;
    delete probed.params;
    delete probed.route;
    probed.params = params;
    probed.route = route;
  }
  probed[TRAIL] = trail;
}

/** The last error that was passed to `next` on the way of the request; undefined where the router does not tell. */
export function lastRoutingError(request: RoutedRequest): unknown {
  const errors = (request as ProbedRequest)[SEEN_ERRORS];
  return errors === undefined ? undefined : [...errors].at(-1);
}

/** Whether the router keeps the errors that pass it, so that their absence tells something. */
export function tellsErrors(request: RoutedRequest): boolean {
  return patternSymbol(request) !== undefined;
}

function patternSymbol(request: object): symbol | undefined {
  return Object.getOwnPropertySymbols(request).find((symbol) => symbol.description === MATCHED_PATTERN);
}

function defineAccessors(prototype: object): void {
  let matchedPattern: symbol | undefined;
  Object.defineProperties(prototype, {
    params: {
      configurable: true,
      enumerable: true,
      get(this: ProbedRequest) {
        return this[PARAMS];
      },
      set(this: ProbedRequest, params: unknown) {
        this[PARAMS] = params;
        const trail = this[TRAIL];
        // What runs after the answer did not answer.
        if (trail === undefined || this.res?.headersSent === true) return;
        matchedPattern ??= patternSymbol(this);
        const pattern = matchedPattern === undefined ? undefined : (this as Record<symbol, unknown>)[matchedPattern];
        trail.enterLayer(this.baseUrl ?? '', pattern, params);
      },
    },
    route: {
      configurable: true,
      enumerable: true,
      get(this: ProbedRequest) {
        return this[ROUTE];
      },
      set(this: ProbedRequest, route: unknown) {
        this[ROUTE] = route;
        this[TRAIL]?.enterRoute(route);
      },
    },
  });
}
