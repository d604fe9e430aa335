// Which route answered a request, as the template under which it was registered; never a URL. Express publishes only matched text
// (`baseUrl`) and the last route, and takes both away again when an error leaves a router. So the way of a request is noted while it is
// routed, in a few assignments per layer that matches; the template is looked up when the request ends.
import { GuessedPattern, type Pattern } from './route-pattern.ts';
import { createTemplateRoot, type RouteTemplate } from './route-template.ts';

/** The template of a request that no route answered. */
export const UNMATCHED = '__unmatched__';

const ROOT = createTemplateRoot();
const UNKNOWN_MOUNT = new GuessedPattern('/*');

/** A mount that the request is below of. */
class Mount {
  /** Matched text of all mounts above this one. */
  readonly base: string;
  readonly pattern: Pattern;
  readonly parent: Mount | undefined;

  constructor(base: string, pattern: Pattern, parent: Mount | undefined) {
    this.base = base;
    this.pattern = pattern;
    this.parent = parent;
  }
}

/** A layer that matched, and what it may have done. */
interface Position {
  readonly parent: Mount | undefined;
  readonly pattern: Pattern | undefined;
  readonly isRoute: boolean;
  /** A route, or a function mounted by `use`; not a router, which answers by its layers only. */
  readonly canAnswer: boolean;
}

/** The way of one request through the routers, and what they assigned to it last. */
export class RouteTrail {
  /** Whose trail it is: what inherits from a request has none of its own. */
  readonly request: object;
  params: unknown;
  route: unknown;
  /** What router 2.3 keeps on the request: the pattern that matched. */
  matchedPattern: unknown;
  #nextPattern: Pattern | undefined;
  /** The last error that was seen on its way through the layers. */
  error: unknown;
  /** Who measures the request; kept here so that the request carries one property of ours only. */
  measurement: unknown;

  // The layer that matched last.
  #base = '';
  #parent: Mount | undefined;
  #pattern: Pattern | undefined;
  #isRoute = false;
  #canAnswer = false;
  // And the one before it.
  #lastParent: Mount | undefined;
  #lastPattern: Pattern | undefined;
  #lastIsRoute = false;
  #lastCanAnswer = false;

  /** Where the request was when it failed. */
  #failedAt: Position | undefined;
  #errorCount = 0;
  /** `route` was assigned, and its layer comes next. */
  #isRouteNext = false;
  /** The layer of `route` has come, and its dispatch, which assigns `route` again, comes next. */
  #isDispatchNext = false;
  #hasLeft = false;
  #isExact = true;
  #mayHaveLeftRouter = false;

  constructor(request: object) {
    this.request = request;
  }

  /**
   * The trail begins below mounts, or in a route.
   * @param base matched text of the mounts
   * @param mounts their patterns, outermost first; undefined where they are not known
   * @param route the pattern of the route
   */
  beginAt(base: string, mounts: readonly Pattern[] | undefined, route: Pattern | undefined): void {
    this.#base = base;
    if (base !== '') for (const pattern of mounts ?? [UNKNOWN_MOUNT]) this.#parent = new Mount('', pattern, this.#parent);
    this.#pattern = route;
    this.#isRoute = route !== undefined;
    this.#canAnswer = route !== undefined;
  }

  /** All routers were left: nothing of the app answered, or an error reached its end. */
  get hasMovedOn(): boolean {
    return this.#hasLeft;
  }

  /** Something may have answered: should it have, then what runs from now on did not. */
  get mayHaveAnswered(): boolean {
    return this.#canAnswer && (this.#isRoute || this.#pattern !== '/');
  }

  /**
   * `req.route` was assigned: by the router that found the route, and again when it is dispatched.
   * @returns false when its layer did not tell that it matched: it belongs to a router that is not watched
   */
  enterRoute(base: string, route: unknown): boolean {
    const isSame = route === this.route;
    this.route = route;
    if (this.#isDispatchNext && isSame) {
      this.#isDispatchNext = false;
      return true;
    }
    const isAnnounced = !(this.#isRouteNext && isSame);
    this.#isRouteNext = true;
    if (isAnnounced) return true;
    const { path } = route as { readonly path?: unknown };
    this.enterLayer(base, path instanceof RegExp ? path : String(path), true);
    this.#isDispatchNext = false;
    return false;
  }

  /**
   * A layer matched.
   * @param base matched text of the mounts above it
   * @param canAnswer false for a router
   */
  enterLayer(base: string, pattern: Pattern, canAnswer: boolean): void {
    this.#lastParent = this.#parent;
    this.#lastPattern = this.#pattern;
    this.#lastIsRoute = this.#isRoute;
    this.#lastCanAnswer = this.#canAnswer;
    if (base !== this.#base) this.#moveTo(base);
    this.#pattern = pattern;
    this.#isRoute = this.#isRouteNext;
    this.#isDispatchNext = this.#isRouteNext;
    this.#isRouteNext = false;
    this.#canAnswer = canAnswer;
    this.#hasLeft = false;
    this.#mayHaveLeftRouter = false;
    if (this.#isRoute) this.#failedAt = undefined;
  }

  #moveTo(base: string): void {
    if (base.length > this.#base.length) {
      this.#parent = new Mount(this.#base, this.#pattern ?? UNKNOWN_MOUNT, this.#parent);
    } else {
      while (this.#parent !== undefined && this.#parent.base.length >= base.length) this.#parent = this.#parent.parent;
    }
    this.#base = base;
  }

  /** `req.params` was assigned without a layer: by a router that is left, or by the app. */
  assignParams(params: unknown): void {
    this.params = params;
    if (params === undefined) this.#hasLeft = true;
    this.#mayHaveLeftRouter = true;
  }

  /**
   * Router 2.3 noted a pattern on the request: a layer comes next, or a router has been left.
   * @param base matched text of the mounts above either
   */
  notePattern(base: string, pattern: unknown, errors: ReadonlySet<unknown> | undefined): void {
    this.matchedPattern = pattern;
    this.#nextPattern = typeof pattern === 'string' || pattern instanceof RegExp ? pattern : undefined;
    // What matched last was a router, none of whose layers matched.
    if (this.#mayHaveLeftRouter && !this.#isRoute && base.length > this.#base.length) this.#canAnswer = false;
    this.#mayHaveLeftRouter = false;
    if (errors === undefined || errors.size === this.#errorCount) return;
    this.#errorCount = errors.size;
    if (!this.#isRouteNext) this.#failedAt ??= this.#position();
  }

  /** What router 2.3 noted of the layer whose `params` are assigned now, once. */
  takePattern(): Pattern | undefined {
    const pattern = this.#nextPattern;
    this.#nextPattern = undefined;
    return pattern;
  }

  /** An error was seen. @param isAtNext by the layer that matched last: then the one before it has failed */
  noteError(error: unknown, isAtNext: boolean): void {
    this.error = error;
    this.#failedAt ??= !isAtNext
      ? this.#position()
      : {
          parent: this.#lastParent,
          pattern: this.#lastPattern,
          isRoute: this.#lastIsRoute,
          canAnswer: this.#lastCanAnswer,
        };
  }

  #position(): Position {
    return { parent: this.#parent, pattern: this.#pattern, isRoute: this.#isRoute, canAnswer: this.#canAnswer };
  }

  /**
   * The template of what answered: a route, or a function mounted with `use` at a path.
   * @param leftWith how the app was left, in case it was: `error` keeps its template, as the error handler of Express speaks for it
   */
  template(leftWith: 'error' | 'next'): string {
    const found = this.#found(leftWith);
    this.#isExact = found?.isExact ?? true;
    return found?.text ?? UNMATCHED;
  }

  /** False when a pattern of the template that was given last was guessed, as nobody published it. */
  get isExact(): boolean {
    return this.#isExact;
  }

  #found(leftWith: 'error' | 'next'): RouteTemplate | undefined {
    const failedAt = this.#failedAt;
    if (failedAt !== undefined) return lookUp(failedAt.parent, failedAt.pattern, failedAt.isRoute, failedAt.canAnswer);
    if (this.#hasLeft && leftWith === 'next') return undefined;
    return lookUp(this.#parent, this.#pattern, this.#isRoute, this.#canAnswer);
  }
}

function lookUp(
  parent: Mount | undefined,
  pattern: Pattern | undefined,
  isRoute: boolean,
  canAnswer: boolean,
): RouteTemplate | undefined {
  if (pattern === undefined || !canAnswer) return undefined;
  const template = prefixOf(parent).below(pattern);
  return isRoute || !template.isCatchAll ? template : undefined;
}

function prefixOf(mount: Mount | undefined): RouteTemplate {
  return mount === undefined ? ROOT : prefixOf(mount.parent).below(mount.pattern);
}
