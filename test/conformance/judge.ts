// Compares what a measurer exposed with what happened, aspect by aspect, in the measurer's own words. The same for all of them.
import type { HttpRecord } from './http-record.ts';
import type { Measurer, Observation } from './measurer.ts';

/** `streams` is shown on its own and makes no case fail. */
export const ASPECTS = ['once', 'method', 'route', 'status', 'outcome', 'streams'] as const;
export type Aspect = (typeof ASPECTS)[number];

/** True: right. Absent: the case says nothing about it. */
export type Verdict = Readonly<Partial<Record<Aspect, boolean>>>;

const KNOWN_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);

export interface JudgeOptions {
  /** The longest time to a first byte that a client saw. */
  readonly headersMs: number;
  /** Whether no route is right as well. */
  readonly mayBeUnmatched: boolean;
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
  { headersMs, mayBeUnmatched }: JudgeOptions,
): Verdict {
  const routes = [measurer.routeOf(record), ...(mayBeUnmatched ? [undefined] : [])].map(trimmed);
  return {
    method: isMethod(record, observation),
    route: routes.includes(trimmed(observation.route)),
    status: isStatus(record, observation),
    ...(record.ending === 'complete' ? {} : { outcome: observation.mark !== undefined }),
    ...(record.isStream ? { streams: observation.latencyMs <= headersMs + 1 } : {}),
  };
}

/** A method that is not known may be grouped under any one name, but not be told by what the client sent. */
function isMethod(record: HttpRecord, { method }: Observation): boolean {
  if (record.method === '_OTHER') return method !== undefined && /other|unknown/i.test(method);
  return method === record.method && KNOWN_METHODS.has(method);
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
