// Where a request is that was not watched from its start: the first of an app, when the middleware stands below a mount or in a route.
import { type Layer, type Pattern, patternOf } from './route-pattern.ts';

interface Router {
  readonly stack?: readonly Layer[];
}

/** Patterns of the mounts above, outermost first, and of the route; undefined where they are not found. */
export interface RouteStart {
  readonly mounts: readonly Pattern[] | undefined;
  readonly route: Pattern | undefined;
}

/**
 * Goes again the way that the routers of an app went.
 * @param base matched text of the mounts
 * @param path what follows it
 */
export function findStart(router: Router, base: string, path: string, route: unknown): RouteStart {
  const found = findRouter(router, base, path);
  const layer = found?.router.stack?.find((candidate) => candidate.route !== undefined && candidate.route === route);
  return { mounts: found?.mounts, route: layer && patternOf(layer, path) };
}

/** The router below the mounts that match exactly `base`, and their patterns. */
function findRouter(
  router: Router,
  base: string,
  path: string,
  mounts: readonly Pattern[] = [],
): { router: Router; mounts: readonly Pattern[] } | undefined {
  if (base === '') return { router, mounts };
  for (const layer of router.stack ?? []) {
    const below = layer.handle as Router | undefined;
    if (layer.route !== undefined || !Array.isArray(below?.stack)) continue;
    const matched = matchedText(layer, base + path)?.replace(/\/$/, '');
    if (matched === undefined || !base.startsWith(matched)) continue;
    const found = findRouter(below, base.slice(matched.length), path, [...mounts, patternOf(layer, base + path)]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function matchedText(layer: Layer, path: string): string | undefined {
  try {
    const match = layer.match?.(path);
    if (match === true) return layer.path;
    return typeof match === 'object' && match !== null ? (match as { readonly path?: string }).path : undefined;
  } catch {
    return undefined;
  }
}
