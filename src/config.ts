// All configuration: options > environment > keepwatch.yaml > defaults, checked together, frozen. The only reader of process.env.
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { KeepwatchError } from './errors.ts';
import { isCronExpression } from './schedule.ts';
import { BYTES_FORM, DURATION_FORM, parseBytes, parseDuration } from './units.ts';
import { formatPath, parseYaml } from './yaml-file.ts';

/** No control characters: Postgres stores no NUL, and names stand in log lines and labels. */
const text = (what: string) =>
  z
    .string({ error: `allowed: ${what}` })
    .trim()
    .min(1, `allowed: ${what}`)
    .regex(/^\P{Cc}*$/u, `allowed: ${what}, without control characters`);

const receiverSchema = z.strictObject({
  name: text('a name'),
  webhook: z.strictObject({ url: z.url({ protocol: /^https?$/ }) }),
});

/** Where notifications go. */
export type Receiver = z.infer<typeof receiverSchema>;

const flag = z.preprocess(
  (given) => (typeof given === 'string' ? (FLAGS[given.toLowerCase()] ?? given) : given),
  z.boolean({ error: 'allowed: true, false, on, off, 1, 0' }),
);
const FLAGS: Record<string, boolean> = {
  true: true,
  on: true,
  '1': true,
  yes: true,
  false: false,
  off: false,
  '0': false,
  no: false,
};

const bytes = z.union([z.number(), z.string()], { error: `allowed: ${BYTES_FORM}` }).transform((given, context) => {
  const size = typeof given === 'number' ? given : parseBytes(given);
  if (size === undefined || !(size >= 1e6)) {
    context.addIssue(`allowed: ${BYTES_FORM}; at least 1MB`);
    return z.NEVER;
  }
  return size;
});

const RETENTION_FORM = `${DURATION_FORM}; at least 1d, or forever`;
const retention = z.string({ error: `allowed: ${RETENTION_FORM}` }).transform((given, context) => {
  const keepMs = given.trim() === 'forever' ? Infinity : parseDuration(given);
  if (keepMs === undefined || keepMs < 86_400_000) {
    context.addIssue(`allowed: ${RETENTION_FORM}`);
    return z.NEVER;
  }
  return keepMs;
});

const postgresUrl = z
  .string()
  .regex(/^postgres(ql)?:\/\//, 'allowed: a URL that begins with postgres:// or postgresql://')
  .refine((url) => URL.canParse(url), 'allowed: a URL such as postgres://user:password@host:5432/database');
const CRON_FORM = 'a cron expression of 5 or 6 fields, for example */2 * * * * *';
const cron = text(CRON_FORM).refine(isCronExpression, `allowed: ${CRON_FORM}`);
const PORT_FORM = 'allowed: a port from 0 to 65535';
const port = z
  .union([z.number(), z.string().trim().regex(/^\d+$/).transform(Number)], { error: PORT_FORM })
  .refine((given) => Number.isInteger(given) && given >= 0 && given <= 65_535, PORT_FORM);
const list = z.preprocess(
  (given) => (typeof given === 'string' ? given.split(',').map((part) => part.trim()) : given),
  z.array(text('a path or glob'), { error: 'allowed: a list of paths or globs' }),
);

const PROPAGATION_FORM = 'allowed: all, none, or a list of hosts such as api.example.com, *.example.com (no port)';
const HOST = /^(\*\.)?([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[?[0-9a-f]*(:[0-9a-f]*){2,}(\.\d+){0,3}\]?)$/i;
const propagation = z.preprocess(
  (given) => {
    if (typeof given !== 'string') return given;
    const parts = given.split(',').map((part) => part.trim());
    return parts.length === 1 && (parts[0] === 'all' || parts[0] === 'none') ? parts[0] : parts;
  },
  z.union([z.literal('all'), z.literal('none'), z.array(z.string().regex(HOST, PROPAGATION_FORM)).min(1)], {
    error: PROPAGATION_FORM,
  }),
);

/** Rule files, when nothing else is said: those of the working folder. */
export const DEFAULT_RULES: readonly string[] = ['rules/*.yaml'];

/**
 * Every setting. A key `spoolDir` is the option `spoolDir`, the variable `KEEPWATCH_SPOOL_DIR`, and in keepwatch.yaml `spool_dir` or
 * `spool: { dir }`.
 */
const configSchema = z.strictObject({
  enabled: flag.default(true),
  service: text('a name').max(100).default('app'),
  instance: text('a name')
    .max(200)
    .default(() => `${hostname()}:${process.pid}`),
  host: text('a host name or address').default('127.0.0.1'),
  port: port.default(3000),
  databaseUrl: postgresUrl.optional(),
  pgDir: text('a folder').default('.keepwatch/pg'),
  spoolDir: text('a folder').default('.keepwatch/spool'),
  spoolMax: bytes.default(1e9),
  retention: retention.prefault('30d'),
  durability: z.enum(['process', 'disk'], { error: 'allowed: process, disk' }).default('process'),
  tracing: flag.default(true),
  propagate: propagation.default('all'),
  archiveCron: cron.default('*/2 * * * * *'),
  alertsCron: cron.default('* * * * * *'),
  alertsRole: z.enum(['rules', 'owner'], { error: 'allowed: rules, owner' }).default('rules'),
  alertsDatabaseUrl: postgresUrl.optional(),
  rules: list.default([...DEFAULT_RULES]),
  authToken: text('a secret of at least 16 characters').min(16, 'allowed: a secret of at least 16 characters').optional(),
  readiness: z.enum(['degraded', 'strict'], { error: 'allowed: degraded, strict' }).default('degraded'),
  logLevel: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'], { error: 'allowed: debug, info, warn, error, silent' })
    .default('info'),
  receivers: z.array(receiverSchema).default([]),
  route: z.strictObject({ receiver: z.string() }).optional(),
});

/** The checked configuration; sizes in bytes, durations in milliseconds. */
export type Config = Readonly<z.output<typeof configSchema>>;
/** What callers may pass; every key optional. */
export type ConfigOptions = z.input<typeof configSchema>;

const SECRETS = new Set<string>(['databaseUrl', 'alertsDatabaseUrl', 'authToken', 'receivers']);
/** The names of all settings, as options spell them. */
export const CONFIG_KEYS: readonly string[] = Object.keys(configSchema.shape);
/** Read from the environment under another name, or not at all. */
const ENV_NAMES: Record<string, string | undefined> = { databaseUrl: 'DATABASE_URL', receivers: undefined, route: undefined };
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

interface Given {
  readonly value: unknown;
  readonly place: string;
}

/**
 * Merges and checks all sources.
 * @param options settings from code or the command line; an undefined value counts as not given
 * @param sources where else to look; defaults: this process's environment, and the working folder
 * @throws KeepwatchError ERR_CONFIG_INVALID naming every problem at once: place, value, what is allowed
 */
export function loadConfig(options: ConfigOptions = {}, sources: { env?: NodeJS.ProcessEnv; folder?: string } = {}): Config {
  const problems: string[] = [];
  const given = new Map<string, Given>();
  readFile(sources.folder ?? process.cwd(), sources.env ?? process.env, given, problems);
  readEnvironment(sources.env ?? process.env, given, problems);
  for (const [key, value] of Object.entries(options)) {
    if (!CONFIG_KEYS.includes(key)) problems.push(`option ${key}: unknown${suggest(key, CONFIG_KEYS)}`);
    else if (value !== undefined) given.set(key, { value, place: `option ${key}` });
  }
  const parsed = configSchema.safeParse(Object.fromEntries([...given].map(([key, { value }]) => [key, value])));
  for (const issue of parsed.error?.issues ?? []) problems.push(describeIssue(issue, given));
  if (parsed.success) problems.push(...crossChecks(parsed.data, given));
  if (problems.length > 0 || !parsed.success) throw new KeepwatchError('ERR_CONFIG_INVALID', problems.join('\n'));
  return Object.freeze(parsed.data);
}

function readEnvironment(env: NodeJS.ProcessEnv, given: Map<string, Given>, problems: string[]): void {
  const known = new Map<string, string>();
  for (const key of CONFIG_KEYS) {
    const name = envName(key);
    if (name !== undefined) known.set(name, key);
  }
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || value === '' || OTHER_ENV.has(name) || isServiceLink(name, value)) continue;
    const key = known.get(name);
    const fileKey = name.endsWith('_FILE') ? known.get(name.slice(0, -'_FILE'.length)) : undefined;
    if (key !== undefined) given.set(key, { value, place: name });
    else if (fileKey !== undefined && SECRETS.has(fileKey)) readSecret(name, value, fileKey, given, problems);
    else if (name.startsWith('KEEPWATCH_')) problems.push(`${name}: unknown setting${suggest(name, [...known.keys()])}`);
  }
}

function readSecret(name: string, path: string, key: string, given: Map<string, Given>, problems: string[]): void {
  try {
    given.set(key, { value: readFileSync(path, 'utf8').trim(), place: `${name} (${path})` });
  } catch (cause) {
    problems.push(`${name}: the file "${path}" cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'error'})`);
  }
}

function readFile(folder: string, env: NodeJS.ProcessEnv, given: Map<string, Given>, problems: string[]): void {
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
  for (const { path: keys, value } of flatten(yaml.value as Record<string, unknown>)) {
    const key = camelCase(keys.join('_'));
    const place = `${file}:${yaml.lineOf(keys)} ${keys.join('.')}`;
    if (!CONFIG_KEYS.includes(key)) problems.push(`${place}: unknown setting${suggest(key, CONFIG_KEYS)}`);
    else given.set(key, { value, place });
  }
}

/** `{ spool: { dir } }` gives the path spool, dir; what is a setting itself (`route`) stays whole. */
function flatten(map: Record<string, unknown>, prefix: string[] = []): { path: string[]; value: unknown }[] {
  return Object.entries(map).flatMap(([name, value]) => {
    const path = [...prefix, name];
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isGroup && !CONFIG_KEYS.includes(camelCase(path.join('_')))) return flatten(value as Record<string, unknown>, path);
    return [{ path, value }];
  });
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function describeIssue(issue: z.core.$ZodIssue, given: ReadonlyMap<string, Given>): string {
  const key = String(issue.path[0] ?? '');
  const place = given.get(key)?.place ?? `option ${key}`;
  const inner = issue.path.length > 1 ? ` ${formatPath(issue.path)}` : '';
  const value = SECRETS.has(key) ? '' : ` got ${show(given.get(key)?.value)};`;
  return `${place}${inner}:${value} ${issue.message}`;
}

/** What was given, in at most 200 characters; options may be anything. */
function show(value: unknown): string {
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 200);
  } catch {
    return typeof value === 'bigint' ? value.toString().slice(0, 200) : 'an object';
  }
}

function crossChecks(config: Config, given: ReadonlyMap<string, Given>): string[] {
  const problems: string[] = [];
  const names = new Set(config.receivers.map((receiver) => receiver.name));
  if (names.size < config.receivers.length)
    problems.push(`${given.get('receivers')?.place}: every receiver needs a name of its own`);
  if (config.route !== undefined && !names.has(config.route.receiver)) {
    const allowed = names.size > 0 ? [...names].join(', ') : 'none, as no receiver is configured';
    problems.push(`${given.get('route')?.place}: there is no receiver "${config.route.receiver}"; allowed: ${allowed}`);
  }
  if (!isLoopback(config.host) && config.authToken === undefined) {
    const place = given.get('host')?.place ?? 'host';
    problems.push(
      `${place}: got "${config.host}"; an address that others can reach needs KEEPWATCH_AUTH_TOKEN; allowed without: 127.0.0.1, ::1, localhost`,
    );
  }
  return problems;
}

/** The password that `migrate --roles` gives to keepwatch_rules; undefined when the environment has none. */
export function loadRulesPassword(env: NodeJS.ProcessEnv = process.env): string | undefined {
  return env['KEEPWATCH_RULES_PASSWORD'] || undefined;
}

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return (
    host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host) || /^::ffff:127\./.test(host)
  );
}

/** `; did you mean x?` for the nearest allowed name, if one is near. */
function suggest(name: string, allowed: readonly string[]): string {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 4)) + 1;
  for (const candidate of allowed) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best === undefined ? `; allowed: ${allowed.join(', ')}` : `; did you mean ${best}?`;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitution));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
