// Which route answered a request, as the template under which it was registered; never a URL. Express publishes only matched text
// (`baseUrl`) and the last route, and takes both away again when an error leaves a router. So the way of a request is noted while it is
// routed: Express assigns `req.params` for every layer that matches, and `req.route` before that where the layer is a route.

/** The template of a request that no route answered. */
export const UNMATCHED = '__unmatched__';

/** What is read of a request: Express sets these while it routes. */
export interface RoutedRequest {
  readonly baseUrl?: string;
  readonly route?: unknown;
  readonly params?: unknown;
}

/** A layer that matched; those of mounts lead to the next level. */
interface Level {
  /** Matched text of all mounts above. */
  base: string;
  /** The pattern as registered, where the router publishes it (router 2.3, Express 5.3). */
  pattern: unknown;
  params: unknown;
}

/** The way of one request through the routers, and what they assigned to it last. */
export class RouteTrail {
  params: unknown;
  route: unknown;
  /** Who measures the request; kept here so that the request carries one property of ours only. */
  measurement: unknown;
  readonly #startBase: string;
  /** Template of `#startBase`. */
  readonly #startPrefix: string;
  readonly #levels: Level[] = [];
  #depth = 0;
  /** `route` was assigned, and the `params` of its layer come next. */
  #isAtRoute = false;
  #template: string | undefined;
  #isExact = false;
  #hasMovedOn = false;

  /** @param request where the trail begins, when that is below a mount; default: at the top */
  constructor(request?: RoutedRequest) {
    this.#startBase = request?.baseUrl ?? '';
    this.#startPrefix = this.#startBase === '' ? '' : guessTemplate(this.#startBase, request?.params);
  }

  /** A route was entered. */
  get hasTemplate(): boolean {
    return this.#template !== undefined;
  }

  /** After the route other layers ran, or a router was left. */
  get hasMovedOn(): boolean {
    return this.#hasMovedOn;
  }

  /** `req.route` was assigned: by the router that found the route, and again when the route begins. */
  enterRoute(route: unknown): void {
    this.#isAtRoute = route !== this.route;
    this.route = route;
    this.#hasMovedOn = false;
  }

  /** `req.params` was assigned: a layer matched, or a router was left. */
  enterLayer(base: string, pattern: unknown, params: unknown): void {
    this.params = params;
    let depth = this.#depth;
    while (depth > 0 && (this.#levels[depth - 1] as Level).base.length >= base.length) depth--;
    const level = this.#levels[depth];
    if (level === undefined) {
      this.#levels.push({ base, pattern, params });
    } else {
      level.base = base;
      level.pattern = pattern;
      level.params = params;
    }
    this.#depth = depth + 1;
    if (this.#isAtRoute) this.#template = this.#join(depth);
    else this.#hasMovedOn = true;
    this.#isAtRoute = false;
  }

  /**
   * The template of the route that answered.
   * @param leftWith how the last route was left, in case it was: `error` keeps its template, as an error handler speaks for it; `next`
   *   means that it did not answer
   */
  template(leftWith: 'error' | 'next'): string {
    if (this.#template === undefined || (this.#hasMovedOn && leftWith === 'next')) return UNMATCHED;
    return this.#template;
  }

  /** The template is made of patterns as they were registered; false where matched text had to stand in. Unmatched is exact. */
  get isExact(): boolean {
    return this.#template === undefined || this.#isExact;
  }

  #join(last: number): string {
    this.#isExact = true;
    const own = patternText((this.route as { path?: unknown } | undefined)?.path, this.#levels[last]?.pattern);
    const outermost = this.#levels[0] as Level;
    if (last === 0 && outermost.base === '') return own;
    if (outermost.base !== '') this.#isExact = false;
    let prefix = outermost.base === this.#startBase ? this.#startPrefix : guessTemplate(outermost.base, {});
    for (let index = 0; index < last; index++) {
      const { base, pattern, params } = this.#levels[index] as Level;
      const matched = (this.#levels[index + 1] as Level).base.slice(base.length);
      if (pattern === undefined) this.#isExact = false;
      prefix += pattern === undefined ? guessTemplate(matched, params) : withoutTrailingSlash(patternText(pattern, undefined));
    }
    return own === '/' && prefix !== '' ? prefix : prefix + own;
  }
}

/** A string is taken from the route; of an array of paths the one that matched, where the router says which. */
function patternText(path: unknown, matched: unknown): string {
  if (typeof path === 'string') return path === '' ? '/' : path;
  const text = Array.isArray(path) && matched !== undefined ? matched : path;
  return Array.isArray(text) ? text.map(String).join(',') : String(text);
}

function withoutTrailingSlash(pattern: string): string {
  return pattern.endsWith('/') ? pattern.slice(0, -1) : pattern;
}

/** Where nobody publishes the pattern of a mount: its matched text, with the values of its parameters replaced by their names. */
function guessTemplate(matched: string, params: unknown): string {
  const names = new Map<string, string>();
  if (typeof params === 'object' && params !== null) {
    for (const [name, value] of Object.entries(params)) if (typeof value === 'string') names.set(value, `:${name}`);
  }
  if (names.size === 0) return withoutTrailingSlash(matched);
  return withoutTrailingSlash(
    matched
      .split('/')
      .map((segment) => names.get(decoded(segment)) ?? segment)
      .join('/'),
  );
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
