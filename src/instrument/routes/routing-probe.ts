// Watches Express route requests: `params` and `route` become accessors on the prototype that all requests of a copy of Express share
// (`express.request`). What is assigned is kept in the request's `RouteTrail`, one property where Express makes two.
import { IncomingMessage } from 'node:http';
import { canLastAnswer, type ErrorPlace, hookRouter, type Stacked, takePattern } from './layer-hooks.ts';
import { findStart } from './route-start.ts';
import { RouteTrail } from './route-trail.ts';

/** Shared by all copies of this package, so that a request is counted once. */
const TRAIL = Symbol.for('keepwatch.trail');
/** Router 2.3 (Express 5.3) keeps the pattern of the layer that matched under a symbol of this name. */
const MATCHED_PATTERN = 'router.tracing.matchedRoute';
/** And here the errors that were passed to `next`. */
const SEEN_ERRORS = Symbol.for('router.tracing.publishedErrors');

interface App {
  readonly parent?: App;
  readonly mountpath?: unknown;
  readonly router?: Stacked;
  /** Of Express 4, where `router` throws. */
  readonly _router?: Stacked;
}

interface ProbedRequest {
  readonly url?: string;
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
/** The apps that were looked at, and whether their requests can be watched. */
const watched = new WeakMap<App, boolean>();

/** The first request of an app, one of Express 4 (which routes a little before it gives a request its prototype), or one not watched. */
function beginTrail(request: ProbedRequest): RouteTrail {
  const { app, params, route, baseUrl } = request;
  const trail = new RouteTrail(request);
  if (app !== undefined && watch(app, request)) {
    // Own properties hide the accessors.
    for (const symbol of knownSymbols) {
      if (!Object.hasOwn(request, symbol)) continue;
      trail.matchedPattern = (request as Record<symbol, unknown>)[symbol];
      delete (request as Record<symbol, unknown>)[symbol];
    }
    delete request.params;
    delete request.route;
    trail.params = params;
    if (baseUrl || route !== undefined) beginBelow(trail, app, request, route);
  }
  request[TRAIL] = trail;
  return trail;
}

/** The trail of a request that is below mounts or in a route already. */
function beginBelow(trail: RouteTrail, app: App, { baseUrl = '', url = '' }: ProbedRequest, route: unknown): void {
  const isTop = app.parent === undefined;
  const start = findStart(routerOf(app), isTop ? baseUrl : '', url.replace(/\?.*$/s, ''), route);
  trail.route = route;
  trail.beginAt(baseUrl, isTop ? start.mounts : mountPaths(app), start.route);
}

/** The paths at which an app is mounted, outermost first; undefined where they are not plain text. */
function mountPaths(app: App): string[] | undefined {
  const paths: string[] = [];
  for (let current = app; current.parent !== undefined; current = current.parent) {
    if (typeof current.mountpath !== 'string') return undefined;
    paths.unshift(current.mountpath);
  }
  return paths;
}

/** Looks at an app once. False where its requests cannot be watched: then it runs as before. */
function watch(app: App, request: object): boolean {
  const known = watched.get(app) ?? beginWatching(app, request);
  watched.set(app, known);
  return known;
}

/** Makes the accessors where there are none. */
function beginWatching(app: App, request: object): boolean {
  const prototype = requestPrototype(request);
  if (prototype === undefined || !Object.isExtensible(prototype)) return false;
  if (!('params' in prototype || 'route' in prototype)) defineAccessors(prototype);
  const symbol = patternSymbol(request);
  if (symbol !== undefined && !(symbol in prototype)) definePatternAccessor(prototype, symbol);
  for (let each: App | undefined = app; each !== undefined; each = each.parent) {
    hookRouter(routerOf(each), symbol !== undefined, noteError);
  }
  return true;
}

/** What all requests of all apps of a copy of Express share: the last before those of Node. Undefined when an app hides it. */
function requestPrototype(request: object): object | undefined {
  let prototype = Object.getPrototypeOf(request) as object | null;
  while (prototype !== null && prototype !== IncomingMessage.prototype) {
    const next = Object.getPrototypeOf(prototype) as object | null;
    if (next === IncomingMessage.prototype) return prototype;
    if (Object.hasOwn(prototype, 'params') || Object.hasOwn(prototype, 'route')) return undefined;
    prototype = next;
  }
  return undefined;
}

function routerOf(app: App): Stacked {
  try {
    return app._router ?? app.router ?? {};
  } catch {
    return {};
  }
}

function noteError(request: object, error: unknown, place: ErrorPlace): void {
  const trail = knownTrail(request);
  // `next('router')` is no error.
  if (trail === undefined || error === 'router') return;
  trail.noteError(error, place === 'at the next layer' && !hasAnswered(request, trail));
}

/** What runs after the answer did not answer. */
function hasAnswered({ res }: ProbedRequest, trail: RouteTrail): boolean {
  return trail.mayHaveAnswered && res?.headersSent === true;
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
        if (hasAnswered(this, trail)) {
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
        else if (hasAnswered(this, trail)) trail.route = route;
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
      if (hasAnswered(this, trail)) trail.matchedPattern = pattern;
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
