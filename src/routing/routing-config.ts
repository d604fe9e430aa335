// Puts together what a configuration says of routes, and checks that every name in it is there.
import type { InhibitRule } from './inhibition.ts';
import { createRoutes, type RouteDefinition } from './route.ts';
import type { EscalationLevel, FlapDamping, Routing } from './routing.ts';
import type { TimeInterval } from './time-interval.ts';
import { findUnreachable } from './unreachable.ts';

/** The settings, each checked by itself. */
export interface RoutingSettings {
  readonly receivers: readonly { readonly name: string }[];
  readonly route?: (RouteDefinition & { readonly receiver: string }) | undefined;
  readonly inhibitRules: readonly InhibitRule[];
  readonly timeIntervals: ReadonlyMap<string, readonly TimeInterval[]>;
  readonly escalations: ReadonlyMap<string, readonly EscalationLevel[]>;
  readonly flapDamping: 'off' | FlapDamping;
}

/** What is wrong, and where: the setting, and the path within it. */
export interface RoutingProblem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

export function toRouting(settings: RoutingSettings): Routing {
  const { route, inhibitRules, timeIntervals, escalations, flapDamping } = settings;
  return {
    route: route === undefined ? undefined : createRoutes(route),
    ...{ inhibitRules, timeIntervals, escalations },
    flapDamping: flapDamping === 'off' ? undefined : flapDamping,
  };
}

/** Names that are not there, and routes that no alert can reach. */
export function checkRouting({ receivers, route, timeIntervals, escalations }: RoutingSettings): RoutingProblem[] {
  const names = receivers.map(({ name }) => name);
  const problems: RoutingProblem[] = [];
  const check = (what: string, name: string | undefined, allowed: readonly string[], path: readonly PropertyKey[]) => {
    if (name === undefined || allowed.includes(name)) return;
    const which = allowed.length > 0 ? allowed.join(', ') : `none, as no ${what} is configured`;
    problems.push({ path, message: `there is no ${what} "${name}"; allowed: ${which}` });
  };
  const walk = (given: RouteDefinition, path: readonly PropertyKey[]): void => {
    check('receiver', given.receiver, names, [...path, 'receiver']);
    check('escalation', given.escalation, [...escalations.keys()], [...path, 'escalation']);
    for (const key of ['muteTimeIntervals', 'activeTimeIntervals'] as const)
      for (const [index, name] of (given[key] ?? []).entries())
        check('time interval', name, [...timeIntervals.keys()], [...path, snakeCase(key), index]);
    for (const [index, child] of (given.routes ?? []).entries()) walk(child, [...path, 'routes', index]);
  };
  if (route !== undefined) {
    walk(route, ['route']);
    problems.push(...findUnreachable(route).map(({ path, message }) => ({ path: ['route', ...path], message })));
  }
  for (const [index, levels] of [...escalations.values()].entries())
    for (const [at, { receiver }] of levels.entries())
      check('receiver', receiver, names, ['escalations', index, 'levels', at, 'receiver']);
  return problems;
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
