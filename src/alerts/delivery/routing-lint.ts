// What routes and inhibition ask of labels that no alert has: allowed, since rules come and go, and most likely not meant.

import { allRoutes } from '../../routing/route.ts';
import type { Routing } from '../../routing/routing.ts';

/** @param labels all that alerts of the rules may have @returns warnings, each with its place in the configuration */
export function lintRouting({ route, inhibitRules }: Routing, labels: ReadonlySet<string>): string[] {
  const warnings = inhibitRules.flatMap(({ equal, sourceMatchers, targetMatchers }, index) => [
    ...equal
      .filter((name) => !labels.has(name))
      .map((name) => `inhibit_rules[${index}].equal: no rule has the label "${name}", so that it is equal in all alerts`),
    ...[...sourceMatchers, ...targetMatchers]
      .filter(({ name }) => !labels.has(name))
      .map(({ name }) => `inhibit_rules[${index}]: no rule has the label "${name}", which a matcher asks for`),
  ]);
  for (const { matchers, groupBy, key } of route === undefined ? [] : allRoutes(route)) {
    const asked = [...matchers.map(({ name }) => name), ...(groupBy === 'all' ? [] : groupBy)];
    for (const name of asked.filter((one) => !labels.has(one))) warnings.push(`route ${key}: no rule has the label "${name}"`);
  }
  return [...new Set(warnings)];
}
