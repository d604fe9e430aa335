// Routes that no alert can reach: what they ask for contradicts itself, or a route before them takes all that they would.
import { formatMatchers, type Matcher } from './matcher.ts';
import type { RouteDefinition } from './route.ts';

export interface Unreachable {
  /** Of the route, from the root. */
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** What can be told for certain; other routes may be out of reach too. */
export function findUnreachable(root: RouteDefinition): Unreachable[] {
  return findBelow(root, [], []);
}

function findBelow(route: RouteDefinition, above: readonly Matcher[], path: readonly PropertyKey[]): Unreachable[] {
  const found: Unreachable[] = [];
  const takers: { index: number; matchers: readonly Matcher[] }[] = [];
  for (const [index, child] of (route.routes ?? []).entries()) {
    const at = [...path, 'routes', index];
    const all = [...above, ...(child.matchers ?? [])];
    const contradiction = findContradiction(all);
    const taker = takers.find(({ matchers }) => matchers.every((matcher) => all.some((other) => isSame(matcher, other))));
    if (contradiction !== undefined)
      found.push({ path: at, message: `no alert can reach this route: ${contradiction} cannot hold together` });
    else if (taker !== undefined)
      found.push({
        path: at,
        message: `no alert can reach this route: routes[${taker.index}] ${formatMatchers(taker.matchers)} before it takes all of them; give that one continue: true, or put this one before it`,
      });
    else found.push(...findBelow(child, all, at));
    if (child.continue !== true) takers.push({ index, matchers: child.matchers ?? [] });
  }
  return found;
}

/** Two matchers of which one gives the only value that a label may have, and the other does not take it. */
function findContradiction(matchers: readonly Matcher[]): string | undefined {
  for (const given of matchers) {
    if (given.operator !== '=') continue;
    const other = matchers.find((matcher) => matcher.name === given.name && !matcher.matches(given.value));
    if (other !== undefined) return formatMatchers([given, other]);
  }
  return undefined;
}

function isSame(some: Matcher, other: Matcher): boolean {
  return some.name === other.name && some.operator === other.operator && some.value === other.value;
}
