// Watches Express route requests: `params` and `route` become accessors on the prototype that all requests of an app share
// (`app.request`). What is assigned is kept in the request's `RouteTrail`, one property where Express makes two.
import { canLastAnswer, hookLayers, type Stacked, takePattern } from './layer-hooks.ts';
import { RouteTrail } from './route-trail.ts';

/** Shared by all copies of this package, so that a request is counted once. */
const TRAIL = Symbol.for('keepwatch.trail');
/** Router 2.3 (Express 5.3) keeps the pattern of the layer that matched under a symbol of this name. */
const MATCHED_PATTERN = 'router.tracing.matchedRoute';
/** And here the errors that were passed to `next`. */
const SEEN_ERRORS = Symbol.for('router.tracing.publishedErrors');

interface App {
  readonly request?: object;
  readonly parent?: App;
  readonly mountpath?: unknown;
  readonly router?: Stacked;
  /** Of Express 4, where `router` throws. */
  readonly _router?: Stacked;
}

interface ProbedRequest {
  baseUrl?: string;
  params?: unknown;
  route?: unknown;
  readonly app?: App;
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

/** The last error that was passed to `next` on the way of the request; undefined where the router does not tell. */
export function lastRoutingError(request: object): unknown {
  const errors = (request as ProbedRequest)[SEEN_ERRORS];
  return errors === undefined ? knownTrail(request)?.error : [...errors].at(-1);
}

/** Whether the router keeps the errors that pass it, so that their absence tells something. */
export function tellsErrors(request: object): boolean {
  return knownSymbols.some((symbol) => symbol in request);
}

/** The symbols of the copies of router 2.3 that were met: one, as a rule. */
const knownSymbols: symbol[] = [];
const watched = new WeakSet<App>();

/** The first request of an app, or one that came through routers of another app. */
function beginTrail(request: ProbedRequest): RouteTrail {
  const { app, params, route, baseUrl } = request;
  const trail = new RouteTrail(request, baseUrl, mountPaths(app));
  if (app !== undefined && watch(app, request)) {
    // Own properties hide the accessors.
    const symbol = patternSymbol(request);
    const pattern = symbol && (request as Record<symbol, unknown>)[symbol];
    delete request.params;
    delete request.route;
    if (symbol !== undefined) delete (request as Record<symbol, unknown>)[symbol];
    trail.params = params;
    trail.route = route;
    trail.matchedPattern = pattern;
  }
  request[TRAIL] = trail;
  return trail;
}

/** The paths at which an app is mounted, outermost first; empty where they are not plain text. */
function mountPaths(app: App | undefined): string[] {
  const paths: string[] = [];
  for (let current = app; current?.parent !== undefined; current = current.parent) {
    if (typeof current.mountpath !== 'string') return [];
    paths.unshift(current.mountpath);
  }
  return paths;
}

/** Makes the accessors where there are none. False where it cannot be done: then the app runs as before. */
function watch(app: App, request: object): boolean {
  watched.add(app);
  let top = app;
  while (top.parent !== undefined) top = top.parent;
  const prototype = [top.request, app.request].find(
    (candidate) => candidate !== undefined && Object.prototype.isPrototypeOf.call(candidate, request),
  );
  if (prototype === undefined) return false;
  if (!('params' in prototype || 'route' in prototype)) {
    if (!Object.isExtensible(prototype)) return false;
    defineAccessors(prototype);
  }
  const symbol = patternSymbol(request);
  if (symbol !== undefined && !(symbol in prototype)) definePatternAccessor(prototype, symbol);
  for (const each of [top, app]) hookLayers(routerOf(each), symbol !== undefined, noteError);
  return true;
}

function routerOf(app: App): Stacked {
  try {
    return app._router ?? app.router ?? {};
  } catch {
    return {};
  }
}

function noteError(request: object, error: unknown, isInRoute: boolean): void {
  (request as ProbedRequest)[TRAIL]?.noteError(error, isInRoute);
}

function patternSymbol(request: object): symbol | undefined {
  const known = knownSymbols.find((symbol) => symbol in request);
  if (known !== undefined) return known;
  const found = Object.getOwnPropertySymbols(request).find((symbol) => symbol.description === MATCHED_PATTERN);
  if (found !== undefined) knownSymbols.push(found);
  return found;
}

function defineAccessors(prototype: object): void {
  Object.defineProperties(prototype, {
    params: {
      configurable: true,
      enumerable: true,
      get(this: ProbedRequest) {
        return this[TRAIL]?.params;
      },
      set(this: ProbedRequest, params: unknown) {
        const trail = ownTrail(this);
        if (trail === undefined) {
          ownProperty(this, 'params', params);
          return;
        }
        const announced = takePattern(trail.route);
        const pattern = trail.takePattern() ?? announced;
        // What runs after the answer did not answer.
        if (trail.mayHaveAnswered && this.res?.headersSent === true) {
          trail.params = params;
        } else if (pattern === undefined || params === undefined) {
          trail.assignParams(params);
        } else {
          trail.params = params;
          trail.enterLayer(this.baseUrl ?? '', pattern, canLastAnswer());
        }
      },
    },
    route: {
      configurable: true,
      enumerable: true,
      get(this: ProbedRequest) {
        return this[TRAIL]?.route;
      },
      set(this: ProbedRequest, route: unknown) {
        const trail = ownTrail(this);
        if (trail === undefined) ownProperty(this, 'route', route);
        else if (trail.mayHaveAnswered && this.res?.headersSent === true) trail.route = route;
        else {
          const isKnown = trail.enterRoute(this.baseUrl ?? '', route);
          if (!isKnown && this.app !== undefined && !watched.has(this.app)) watch(this.app, this);
        }
      },
    },
  });
}

/** Router 2.3 assigns the pattern before the `params` of a layer, and after them when a router is left. */
function definePatternAccessor(prototype: object, symbol: symbol): void {
  Object.defineProperty(prototype, symbol, {
    configurable: true,
    enumerable: false,
    get(this: ProbedRequest) {
      return this[TRAIL]?.matchedPattern;
    },
    set(this: ProbedRequest, pattern: unknown) {
      const trail = ownTrail(this);
      if (trail === undefined) {
        ownProperty(this, symbol, pattern);
        return;
      }
      if (trail.mayHaveAnswered && this.res?.headersSent === true) trail.matchedPattern = pattern;
      else trail.notePattern(this.baseUrl ?? '', pattern, this[SEEN_ERRORS]);
    },
  });
}

/** The trail of a request, which begins here for those that come first to an app; none for what only inherits from a request. */
function ownTrail(request: ProbedRequest): RouteTrail | undefined {
  const trail = request[TRAIL];
  if (trail !== undefined) return trail.request === request ? trail : undefined;
  if (request.socket === undefined) return undefined;
  const begun = new RouteTrail(request);
  request[TRAIL] = begun;
  return begun;
}

/** Assigned to what is no request (a prototype): as if there were no accessor. */
function ownProperty(target: object, name: string | symbol, value: unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, enumerable: true, writable: true });
}
