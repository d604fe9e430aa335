// Compares what a measurer exposed with what happened, aspect by aspect, in the measurer's own words. The same for all of them.
import { METHODS } from 'node:http';
import type { HttpRecord } from './http-record.ts';
import type { Measurer, Observation } from './measurer.ts';

/** `streams` is shown on its own and makes no case fail. */
export const ASPECTS = ['once', 'method', 'route', 'status', 'outcome', 'streams'] as const;
export type Aspect = (typeof ASPECTS)[number];

/** True: right. Absent: the case says nothing about it. */
export type Verdict = Readonly<Partial<Record<Aspect, boolean>>>;

export interface JudgeOptions {
  /** The longest time to a first byte that a client saw. */
  readonly headersMs: number;
  /** Routes that are right as well; undefined: none. */
  readonly otherRoutes: readonly (string | undefined)[];
}

export function judge(
  expected: readonly HttpRecord[],
  observations: readonly Observation[],
  measurer: Measurer,
  options: JudgeOptions,
): Verdict {
  const verdict: Partial<Record<Aspect, boolean>> = { once: expected.length === observations.length };
  const left = [...observations];
  for (const record of expected) {
    const best = takeNearest(record, left, measurer, options);
    if (best === undefined) continue;
    for (const [aspect, isRight] of Object.entries(compare(record, best, measurer, options)) as [Aspect, boolean][]) {
      verdict[aspect] = (verdict[aspect] ?? true) && isRight;
    }
  }
  return verdict;
}

export function isPassed(verdict: Verdict): boolean {
  return ASPECTS.every((aspect) => aspect === 'streams' || verdict[aspect] !== false);
}

function takeNearest(
  record: HttpRecord,
  left: Observation[],
  measurer: Measurer,
  options: JudgeOptions,
): Observation | undefined {
  const score = (observation: Observation) =>
    Object.values(compare(record, observation, measurer, options)).filter(Boolean).length;
  const best = left.reduce<Observation | undefined>(
    (found, observation) => (found === undefined || score(observation) > score(found) ? observation : found),
    undefined,
  );
  if (best !== undefined) left.splice(left.indexOf(best), 1);
  return best;
}

function compare(
  record: HttpRecord,
  observation: Observation,
  measurer: Measurer,
  { headersMs, otherRoutes }: JudgeOptions,
): Verdict {
  const routes = [measurer.routeOf(record), ...otherRoutes].map(trimmed);
  return {
    method: isMethod(record, observation),
    route: routes.includes(trimmed(observation.route)),
    status: isStatus(record, observation),
    ...(record.ending === 'complete' ? {} : { outcome: observation.mark !== undefined }),
    ...(record.isStream ? { streams: observation.latencyMs <= headersMs + 1 } : {}),
  };
}

/** Node reads the methods of its list alone, so a label that names one of them is bounded too. */
function isMethod(record: HttpRecord, { method = '' }: Observation): boolean {
  return method === record.method || (record.method === '_OTHER' && METHODS.includes(method));
}

/** Where no status line went out, any status that says so is right: none, 499, 0. */
function isStatus(record: HttpRecord, { status }: Observation): boolean {
  if (record.status !== undefined) return status === String(record.status);
  return status === undefined || status === '499' || status === '0';
}

/** A slash at the end makes no other route. */
function trimmed(route: string | undefined): string | undefined {
  return route !== undefined && route.length > 1 && route.endsWith('/') ? route.slice(0, -1) : route;
}
