// The tree of routes: which receivers hear of an alert, grouped how, told when. Words and meaning are Alertmanager's, so that what people
// know and have written for it holds. Source: https://prometheus.io/docs/alerting/latest/configuration/#route
import { formatMatchers, type Labels, labelOf, type Matcher, matchesAll } from './matcher.ts';

/** `...`: by all labels, so that every alert is a group of its own. */
export type GroupBy = readonly string[] | 'all';

/** When a group is told. In milliseconds. */
export interface GroupTiming {
  /** From the first alert of a group to its first message; default 30 s. */
  readonly groupWaitMs: number;
  /** Between messages of a group of which something has changed; default 5 min. */
  readonly groupIntervalMs: number;
  /** Until a group is told again of which nothing has changed; default 4 h. */
  readonly repeatIntervalMs: number;
}

/** What is written of a route; what is left out is as in the route above it. */
export interface RouteDefinition extends Partial<GroupTiming> {
  readonly receiver?: string | undefined;
  readonly groupBy?: GroupBy | undefined;
  readonly matchers?: readonly Matcher[];
  /** Routes behind this one are asked too. */
  readonly continue?: boolean;
  /** Names of time intervals: within one of them nobody is told. */
  readonly muteTimeIntervals?: readonly string[];
  /** Names of time intervals: only within one of them somebody is told. */
  readonly activeTimeIntervals?: readonly string[];
  /** Name of an escalation: who hears later of what nobody has acknowledged. */
  readonly escalation?: string | undefined;
  readonly routes?: readonly RouteDefinition[];
}

/** A route with all that it takes over from those above it. */
export interface Route extends GroupTiming {
  /** Unique in the tree, and the same as long as the tree is. */
  readonly id: string;
  /** As Alertmanager writes it in `groupKey`; routes with the same matchers share it. */
  readonly key: string;
  readonly receiver: string;
  readonly groupBy: GroupBy;
  readonly matchers: readonly Matcher[];
  readonly continue: boolean;
  readonly muteTimeIntervals: readonly string[];
  readonly activeTimeIntervals: readonly string[];
  /** Those below it take it over. */
  readonly escalation: string | undefined;
  readonly routes: readonly Route[];
}

export const DEFAULT_TIMING: GroupTiming = { groupWaitMs: 30_000, groupIntervalMs: 300_000, repeatIntervalMs: 14_400_000 };

/** Builds the tree. @param root its receiver is that of all that no other route takes */
export function createRoutes(root: RouteDefinition & { readonly receiver: string }): Route {
  const above = { receiver: root.receiver, groupBy: [], escalation: undefined, ...DEFAULT_TIMING };
  return inherit(root, above, { id: '', key: '' });
}

type Inherited = Pick<Route, 'receiver' | 'groupBy' | 'escalation' | keyof GroupTiming>;

function inherit(given: RouteDefinition, above: Inherited, { id: aboveId, key: aboveKey }: Pick<Route, 'id' | 'key'>): Route {
  const { matchers = [], routes = [] } = given;
  const own = {
    receiver: given.receiver ?? above.receiver,
    groupBy: given.groupBy ?? above.groupBy,
    escalation: given.escalation ?? above.escalation,
    groupWaitMs: given.groupWaitMs ?? above.groupWaitMs,
    groupIntervalMs: given.groupIntervalMs ?? above.groupIntervalMs,
    repeatIntervalMs: given.repeatIntervalMs ?? above.repeatIntervalMs,
  };
  const text = formatMatchers(matchers);
  const id = `${aboveId}${text}`;
  const key = `${aboveKey}${text}`;
  return {
    ...own,
    id,
    key,
    matchers,
    continue: given.continue ?? false,
    muteTimeIntervals: given.muteTimeIntervals ?? [],
    activeTimeIntervals: given.activeTimeIntervals ?? [],
    routes: routes.map((route, index) => inherit(route, own, { id: `${id}/${index}`, key: `${key}/` })),
  };
}

/** The routes that take an alert: the deepest that match, each the first of its siblings unless one before it says `continue`. */
export function routesOf(route: Route, labels: Labels): Route[] {
  if (!matchesAll(route.matchers, labels)) return [];
  const found: Route[] = [];
  for (const child of route.routes) {
    const matching = routesOf(child, labels);
    found.push(...matching);
    if (matching.length > 0 && !child.continue) break;
  }
  return found.length > 0 ? found : [route];
}

/** All routes of a tree, itself first, as they are written. */
export function allRoutes(route: Route): Route[] {
  return [route, ...route.routes.flatMap(allRoutes)];
}

/** The labels that an alert is grouped by on a route; those that it does not have are left out. */
export function groupLabelsOf({ groupBy }: Pick<Route, 'groupBy'>, labels: Labels): Labels {
  const names = groupBy === 'all' ? Object.keys(labels) : groupBy.filter((name) => Object.hasOwn(labels, name));
  return Object.fromEntries([...names].sort().map((name) => [name, labelOf(labels, name)]));
}

/** `{}/{severity="page"}:{alertname="HighErrorRate"}`: what receivers of Alertmanager's messages tell groups apart by. */
export function formatGroupKey({ key }: Pick<Route, 'key'>, groupLabels: Labels): string {
  const labels = Object.entries(groupLabels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `${key}:{${labels.join(', ')}}`;
}
