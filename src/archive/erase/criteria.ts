// Whose events are erased: what their metadata has to say. Asked of Postgres as a jsonpath, and of bytes of the spool here, with one meaning.
import { KeepwatchError } from '../../errors.ts';
import { storableText } from '../../storable-text.ts';

/** `key=value`: the value is compared as text, numbers by their value. */
export interface Criterion {
  /** A key at the top, or a path: `user.id`. */
  readonly key: string;
  readonly value: string;
}

/** Texts in metadata are cut there as they are recorded: so far they are compared. */
const MAX_COMPARED = 1000;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$/;

export interface Matcher {
  /** True of the metadata of what is to be erased. Parameters: `vars`. */
  readonly path: string;
  /** JSON. */
  readonly vars: string;
  matches(metadata: unknown): boolean;
  /** Whether bytes that no event can be read from hold all that is asked for, as our encoder writes it. */
  mayHold(bytes: Buffer): boolean;
}

interface Asked {
  readonly paths: readonly (readonly string[])[];
  readonly values: readonly (string | number | boolean)[];
  readonly members: readonly Buffer[];
}

/**
 * Events match that match all criteria. Arrays on the way, and at its end, are looked into.
 * @throws KeepwatchError ERR_USAGE without any criterion, or without a key
 */
export function createMatcher(criteria: readonly Criterion[]): Matcher {
  if (criteria.length === 0 || criteria.some(({ key }) => key === '')) {
    throw new KeepwatchError(
      'ERR_USAGE',
      'erase: nothing says whose events; allowed: --where key=value, for example --where user_id=42',
    );
  }
  const asked = criteria.map(readCriterion);
  const conditions = asked.map(({ paths, values }, index) => {
    const parts = paths.flatMap((path) =>
      values.map((_, at) => `@.${path.map((key) => JSON.stringify(key)).join('.')} == $v${index}_${at}`),
    );
    return `(${parts.join(' || ')})`;
  });
  const vars = asked.flatMap(({ values }, index) => values.map((value, at) => [`v${index}_${at}`, value] as const));
  return {
    path: `$ ? (${conditions.join(' && ')})`,
    vars: JSON.stringify(Object.fromEntries(vars)),
    matches: (metadata) =>
      asked.every(({ paths, values }) =>
        paths.some((path) => valuesAt(metadata, path).some((found) => values.includes(found as string))),
      ),
    mayHold: (bytes) => asked.every(({ members }) => members.some((member) => bytes.includes(member))),
  };
}

function readCriterion({ key: givenKey, value: given }: Criterion): Asked {
  const { text } = storableText(given, MAX_COMPARED);
  const { text: key } = storableText(givenKey, MAX_COMPARED);
  const values: (string | number | boolean)[] = [text];
  if (NUMBER.test(text) && Number.isFinite(Number(text))) values.push(Number(text));
  if (text === 'true' || text === 'false') values.push(text === 'true');
  const path = key.split('.');
  const paths = path.length === 1 || path.includes('') ? [[key]] : [[key], path];
  const lastKeys = [...new Set(paths.map((each) => each.at(-1) ?? ''))];
  const members = lastKeys.flatMap((last) =>
    values.map((each) => Buffer.from(`${JSON.stringify(last)}:${JSON.stringify(each)}`)),
  );
  return { paths, values, members };
}

/** As jsonpath in its lax mode: arrays are unwrapped, once at each step. */
function valuesAt(metadata: unknown, path: readonly string[]): unknown[] {
  let found = [metadata];
  for (const key of path) {
    found = found.flatMap((value): unknown[] =>
      (Array.isArray(value) ? value : [value]).flatMap((each: unknown) =>
        typeof each === 'object' && each !== null && !Array.isArray(each) && Object.hasOwn(each, key)
          ? [(each as Record<string, unknown>)[key]]
          : [],
      ),
    );
  }
  return found.flatMap((value): unknown[] => (Array.isArray(value) ? value : [value]));
}
