// Under which pattern a layer of an Express router was registered. Router 2.3 keeps it; Express 4 keeps a regular expression that can be
// read back and proved; router 2.0-2.2 keeps matcher functions only: there `keepwatch/register` notes the pattern, or it is guessed by
// trying the matcher out. What is found is kept on the layer: never more patterns than layers, and no text of a client's choice.

/** Where `keepwatch/register` notes the first argument of `use`; shared by all copies of this package. */
export const REGISTERED = Symbol.for('keepwatch.registered');
const KNOWN = Symbol('keepwatch.known');

/** A pattern that was rebuilt because nobody published it. */
export class GuessedPattern {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** As registered, or guessed. */
export type Pattern = string | RegExp | GuessedPattern;

interface Match {
  readonly path: string;
  readonly params: Readonly<Record<string, string | string[] | undefined>>;
}

type Matcher = (path: string) => Match | false;
type CompiledPath = RegExp & { readonly fast_slash?: boolean; readonly fast_star?: boolean };

/** What is read of a layer of Express 4 (`regexp`, `keys`) or of router 2 (`matchers`, `slash`, from 2.3 `rawPath`). */
export interface Layer {
  readonly handle?: { readonly stack?: unknown; readonly name?: string };
  readonly route?: { readonly path?: unknown } | undefined;
  /** Of Express 4 and router 2.0-2.2: what it matched last. */
  readonly path?: string | undefined;
  match?(path: string): unknown;
  readonly regexp?: CompiledPath;
  readonly keys?: readonly { readonly name: string | number }[];
  readonly matchers?: readonly Matcher[];
  readonly slash?: boolean;
  readonly rawPath?: unknown;
  [REGISTERED]?: unknown;
  [KNOWN]?: Known;
}

/** One pattern, or several and a way to tell which of them matched; those to be guessed are, when they match for the first time. */
type Known = Pattern | { readonly alternatives: (Pattern | undefined)[]; readonly tests: readonly ((path: string) => unknown)[] };

const UNKNOWN = new GuessedPattern('/*');

/** Never throws: it runs while the app routes. @param path the text that the layer has just matched */
export function patternOf(layer: Layer, path: string): Pattern {
  try {
    return findPattern(layer, path);
  } catch {
    return layer.regexp ?? UNKNOWN;
  }
}

function findPattern(layer: Layer, path: string): Pattern {
  layer[KNOWN] ??= describe(layer);
  const known = layer[KNOWN];
  if (typeof known === 'string' || !('alternatives' in known)) return known;
  const { alternatives, tests } = known;
  const index = Math.max(
    tests.findIndex((test) => Boolean(test(path))),
    0,
  );
  alternatives[index] ??= guess(tests[index] as Matcher, path);
  return alternatives[index];
}

/** Whether a layer leads to other layers: then it never answers itself. */
export function leadsOn({ handle }: Layer): boolean {
  return Array.isArray(handle?.stack) || handle?.name === 'mounted_app';
}

function describe(layer: Layer): Known {
  const registered = layer[REGISTERED] ?? layer.route?.path ?? layer.rawPath;
  if (Array.isArray(registered)) return describeArray(layer, registered.flat(Number.POSITIVE_INFINITY));
  if (typeof registered === 'string' || registered instanceof RegExp) return registered;
  if (layer.regexp !== undefined) return readBack(layer, layer.regexp);
  if (layer.slash === true) return '/';
  const tests = layer.matchers ?? [];
  return { alternatives: tests.map(() => undefined), tests };
}

function describeArray(layer: Layer, paths: readonly unknown[]): Known {
  const alternatives = paths.map((path) => (path instanceof RegExp ? path : String(path)));
  if (layer.matchers !== undefined) return { alternatives, tests: layer.matchers };
  const expressions = alternatives.map((path) => compile(layer, path, layer.route !== undefined));
  return { alternatives, tests: expressions.map((expression) => (text: string) => expression?.exec(text)) };
}

/** Has Express 4 compile a path the way it compiled that of `layer`. */
function compile(layer: Layer, path: string | RegExp, end: boolean): RegExp | undefined {
  const LayerOfCopy = layer.constructor as new (path: unknown, options: object, handle: () => void) => Layer;
  return new LayerOfCopy(path, { sensitive: layer.regexp?.ignoreCase === false, end }, () => {}).regexp;
}

/** Express 4: an array of paths becomes one expression, its parts beside each other. */
function readBack(layer: Layer, regexp: CompiledPath): Known {
  if (regexp.fast_slash === true) return '/';
  if (regexp.fast_star === true) return '*';
  const names = (layer.keys ?? []).map(({ name }) => name);
  // path-to-regexp 0.1.7 (Express 4.18) puts a group around an array.
  const source = /^\(\?:(\^.*)\)$/s.exec(regexp.source)?.[1] ?? regexp.source;
  const parts = source.split(/\|(?=\^)/);
  const paths = parts.map((part) => readPath(layer, part, names));
  // What cannot be proved to be compiled from a string was registered as it is.
  if (paths.every((path) => path === undefined)) return regexp;
  if (paths.length === 1) return paths[0] ?? regexp;
  const expressions = parts.map((part) => new RegExp(part, regexp.flags));
  return {
    alternatives: expressions.map((expression, index) => paths[index] ?? expression),
    tests: expressions.map((expression) => (text: string) => expression.exec(text)),
  };
}

/** @returns the path from which Express 4 compiles exactly this expression; undefined when none is found */
function readPath(layer: Layer, source: string, names: (string | number)[]): string | undefined {
  const path = source
    .replace(/^\^/, '')
    .replace(/(?:\\\/\?|\?)?(?:\$|\(\?=\\\/\|\$\))$/, '')
    .replaceAll('\\/', '/')
    .replace(/(\/?)\(\?:(\/?)\((.*?)\)\)(\??)/g, (_all, before: string, within: string, inner: string, optional: string) => {
      const custom = inner === '[^/]+?' || inner === '[^\\/]+?' ? '' : `(${inner})`;
      return `${before}${within}:${names.shift()}${custom}${optional}`;
    })
    .replaceAll('(.*)', () => String(names.shift() === undefined ? '(.*)' : '*'))
    .replaceAll('\\.', '.');
  try {
    const isSame = (candidate: string) => compile(layer, candidate, layer.route !== undefined)?.source === source;
    return [path, `${path}/`].find(isSame);
  } catch {
    return undefined;
  }
}

/** Stands for text that may be of the client's choice. */
const ANYTHING = '*';
const PROBE = 'keepwatch-probe';

/** Router 2.0-2.2: puts another text in the place of each segment, and sees whether it still matches, and as which parameter. */
function guess(matcher: Matcher | undefined, path: string): Pattern {
  const match = matcher?.(path) ?? false;
  if (matcher === undefined || match === false || matcher.name === 'regexpMatcher') return new GuessedPattern(`/${ANYTHING}`);
  const segments = match.path.split('/');
  const names = segments.map((segment, index) =>
    segment === '' ? undefined : parameterAt(matcher, segments.with(index, PROBE).join('/')),
  );
  // Parameters that are a part of a segment.
  const others = Object.keys(match.params).filter((name) => !names.includes(name));
  const values = others.flatMap((name) => match.params[name] ?? []);
  const texts = segments.map((segment, index) => {
    const name = names[index];
    if (name === undefined) return values.some((value) => decoded(segment).includes(value)) ? ANYTHING : segment.toLowerCase();
    return Array.isArray(match.params[name]) ? `*${name}` : `:${name}`;
  });
  // A wildcard holds several segments.
  const text = texts
    .filter((part, index) => !part.startsWith('*') || texts[index - 1] !== part)
    .join('/')
    .replace(/\/$/, '');
  const isPlain = Object.keys(match.params).length === 0;
  return isPlain ? text || '/' : new GuessedPattern(text);
}

/** The parameter that holds `PROBE`. */
function parameterAt(matcher: Matcher, path: string): string | undefined {
  const match = matcher(path);
  if (match === false) return undefined;
  return Object.keys(match.params).find((name) => [match.params[name]].flat().includes(PROBE));
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
