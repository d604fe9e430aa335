// Where settings are given, but for code: keepwatch.yaml and the environment. Knows the names of settings, not what they allow.
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { suggestName } from './name-suggestion.ts';
import { parseYaml } from './yaml-file.ts';

export interface SettingNames {
  /** Of all settings, as options spell them. */
  readonly keys: readonly string[];
  /** Those that may stand in a file of their own, named by `..._FILE`. */
  readonly secrets: ReadonlySet<string>;
}

export interface Places {
  readonly env: NodeJS.ProcessEnv;
  /** Where keepwatch.yaml is looked for. */
  readonly folder: string;
}

/** What was given as a setting, unchecked. */
export interface Given {
  readonly value: unknown;
  readonly place: string;
  /** File and line of a part of the value, by its path within; only for what a file gives. */
  readonly lineOf?: (path: readonly PropertyKey[]) => string;
}

export interface GivenSettings {
  /** By name. */
  readonly given: Map<string, Given>;
  /** What no setting could be read from, each naming its place. */
  readonly problems: string[];
}

/** Read from the environment under another name, or not at all. */
const ENV_NAMES: Record<string, string | undefined> = {
  databaseUrl: 'DATABASE_URL',
  ...{ receivers: undefined, route: undefined, inhibitRules: undefined, timeIntervals: undefined, escalations: undefined },
  flapDamping: undefined,
};
/** Variables with our prefix that are no settings of a process: where the file is, and the password that `migrate --roles` gives. */
const OTHER_ENV = new Set(['KEEPWATCH_CONFIG', 'KEEPWATCH_RULES_PASSWORD']);

/** The environment variable of a setting; undefined for those that only files and options can hold. */
export function envName(key: string): string | undefined {
  return key in ENV_NAMES ? ENV_NAMES[key] : `KEEPWATCH_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/**
 * Kubernetes gives every pod of a namespace such variables for each service in it: for one named `keepwatch` they look like settings.
 * https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 */
function isServiceLink(name: string, value: string): boolean {
  if (name === 'KEEPWATCH_PORT') return /^(tcp|udp|sctp):\/\//.test(value);
  return /^KEEPWATCH_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/.test(name);
}

/** The environment goes before the file. */
export function readSources(names: SettingNames, places: Places): GivenSettings {
  const read: GivenSettings = { given: new Map(), problems: [] };
  readFile(places, names, read);
  readEnvironment(places.env, names, read);
  return read;
}

function readEnvironment(env: NodeJS.ProcessEnv, { keys, secrets }: SettingNames, { given, problems }: GivenSettings): void {
  const known = new Map<string, string>();
  for (const key of keys) {
    const name = envName(key);
    if (name !== undefined) known.set(name, key);
  }
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || value === '' || OTHER_ENV.has(name) || isServiceLink(name, value)) continue;
    const key = known.get(name);
    const fileKey = name.endsWith('_FILE') ? known.get(name.slice(0, -'_FILE'.length)) : undefined;
    if (key !== undefined) given.set(key, { value, place: name });
    else if (fileKey !== undefined && secrets.has(fileKey)) readSecret(name, value, fileKey, { given, problems });
    else if (name.startsWith('KEEPWATCH_')) problems.push(`${name}: unknown setting${suggestName(name, [...known.keys()])}`);
  }
}

function readSecret(name: string, path: string, key: string, { given, problems }: GivenSettings): void {
  try {
    given.set(key, { value: readFileSync(path, 'utf8').trim(), place: `${name} (${path})` });
  } catch (cause) {
    problems.push(`${name}: the file "${path}" cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'error'})`);
  }
}

function readFile({ env, folder }: Places, { keys }: SettingNames, { given, problems }: GivenSettings): void {
  const named = env['KEEPWATCH_CONFIG'];
  const path = resolve(folder, named ?? 'keepwatch.yaml');
  if (!existsSync(path)) {
    if (named !== undefined) problems.push(`KEEPWATCH_CONFIG: there is no file "${path}"`);
    return;
  }
  const file = named ?? 'keepwatch.yaml';
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    problems.push(`${file}: the file "${path}" cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'error'})`);
    return;
  }
  const yaml = parseYaml(text, file);
  problems.push(...yaml.problems.map((problem) => `${file}:${problem.line}: ${problem.message}`));
  if (yaml.value === undefined || yaml.value === null) return;
  if (typeof yaml.value !== 'object' || Array.isArray(yaml.value)) {
    problems.push(`${file}:1: has to be a map of settings`);
    return;
  }
  for (const { path, value } of flatten(yaml.value as Record<string, unknown>, keys)) {
    const key = camelCase(path.join('_'));
    const place = `${file}:${yaml.lineOf(path)} ${path.join('.')}`;
    if (!keys.includes(key)) problems.push(`${place}: unknown setting${suggestName(key, keys)}`);
    else given.set(key, { value, place, lineOf: (inner) => `${file}:${yaml.lineOf([...path, ...inner.map(snakeCase)])}` });
  }
}

/** As files spell it. */
function snakeCase(key: PropertyKey): PropertyKey {
  return typeof key === 'string' ? key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : key;
}

/** `{ spool: { dir } }` gives the path spool, dir; what is a setting itself (`route`) stays whole. */
function flatten(
  map: Record<string, unknown>,
  keys: readonly string[],
  prefix: string[] = [],
): { path: string[]; value: unknown }[] {
  return Object.entries(map).flatMap(([name, value]) => {
    const path = [...prefix, name];
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isGroup && !keys.includes(camelCase(path.join('_')))) return flatten(value as Record<string, unknown>, keys, path);
    return [{ path, value }];
  });
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
