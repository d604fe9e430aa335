// Which functions are measured already, and as what: a function that is tracked twice (by a decorator and by hand, or by two copies of this
// package in one process) counts once.

import { boundLabel, boundName } from './bounded-text.ts';

/** Where all copies of this package keep it. Not on the functions: a tracked one has the properties that it had before. */
const TRACKED = Symbol.for('keepwatch.tracked/1');

/** Whoever measures a function. */
export interface Owner {
  /** It measures no more; another one may. */
  readonly isStopped: boolean;
}

type Marks = ReadonlyMap<string, Owner>;

function marksByFunction(): WeakMap<object, Marks> {
  const shared = globalThis as { [TRACKED]?: WeakMap<object, Marks> };
  if (shared[TRACKED] === undefined) Object.defineProperty(shared, TRACKED, { value: new WeakMap() });
  return shared[TRACKED] as WeakMap<object, Marks>;
}

/** What a function is counted as. The same function may well be measured for two services, or under two names. */
export function trackedIdentity(service: string, type: unknown, name: unknown): string {
  return JSON.stringify([service, boundLabel(type), boundName(name)]);
}

/** Whether calls of `fn` are counted as this already. */
export function isTracked(fn: object, identity: string): boolean {
  const owner = marksByFunction().get(fn)?.get(identity);
  return owner !== undefined && !owner.isStopped;
}

/** From now on calls of `wrapped`, which calls `fn`, are counted as this, and as all that `fn` is counted as. */
export function markTracked(wrapped: object, fn: object, identity: string, owner: Owner): void {
  const marks = marksByFunction();
  marks.set(wrapped, new Map([...(marks.get(fn) ?? []), [identity, owner]]));
}
