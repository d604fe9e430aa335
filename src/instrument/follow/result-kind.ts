// What a measured function returned: a value, or something that comes to its end later. Asked at every call that gives an object: cheap
// for plain objects and arrays (50 ns, without an allocation), and no getter or trap of the app is run, but for the `then` that `await` reads too.
import { types } from 'node:util';
import { isThenable } from './follow.ts';
import { isIterator } from './follow-iterator.ts';
import { isNodeStream } from './follow-node-stream.ts';
import { isSdkStream } from './follow-sdk-stream.ts';
import { isWebStream } from './follow-web-stream.ts';

export type StreamKind = 'iterator' | 'node stream' | 'web stream' | 'sdk stream';
export type ResultKind = StreamKind | 'thenable';

/** Undefined: it is a value. @throws what a hostile `then` getter throws */
export function kindOf(result: unknown): ResultKind | undefined {
  if (typeof result === 'object' && result !== null) {
    const kind = kindOfStream(result);
    if (kind !== undefined) return kind;
  }
  return isThenable(result) ? 'thenable' : undefined;
}

/** The same for what cannot be a thenable: the value of a promise. @throws only where a prototype is a proxy that throws */
export function kindOfStream(object: object): StreamKind | undefined {
  if (types.isProxy(object) || Array.isArray(object)) return undefined;
  if (isIterator(object)) return 'iterator';
  if (Object.getPrototypeOf(object) === Object.prototype) return undefined;
  if (isNodeStream(object)) return 'node stream';
  if (isWebStream(object)) return 'web stream';
  return isSdkStream(object) ? 'sdk stream' : undefined;
}
