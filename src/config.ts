// All configuration: options > environment > keepwatch.yaml > defaults, checked together, frozen. Which settings there are, and what they
// allow; where they are given is read by config-sources.ts. The only reader of process.env.
import { hostname } from 'node:os';
import { z } from 'zod';

import { type Given, readSources } from './config-sources.ts';

import { EDGE_PATTERN_FORM, isRedactionPattern, parseEdgePattern, REDACTION_PATTERN_FORM } from './edge-pattern.ts';

import { KeepwatchError } from './errors.ts';
import { executionLogRates, executionLogTypes } from './execution-log-settings.ts';
import { suggestName } from './name-suggestion.ts';
import { receiversSchema, resolveReceivers } from './receiver-config.ts';
import { checkRouting } from './routing/routing-config.ts';
import {
  escalationsSchema,
  flapDampingSchema,
  inhibitRulesSchema,
  routeSchema,
  timeIntervalsSchema,
} from './routing/routing-schema.ts';
import { isCronExpression } from './schedule.ts';
import { BYTES_FORM, DURATION_FORM, formatDuration, parseBytes, parseDuration } from './units.ts';
import { formatPath } from './yaml-file.ts';

/** No control characters: Postgres stores no NUL, and names stand in log lines and labels. */
const text = (what: string) =>
  z
    .string({ error: `allowed: ${what}` })
    .trim()
    .min(1, `allowed: ${what}`)
    .regex(/^\P{Cc}*$/u, `allowed: ${what}, without control characters`);

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
const EXTERNAL_FORM = 'allowed: a URL that begins with http:// or https://, without user, password, parameters and fragment';
const externalUrl = z.string({ error: EXTERNAL_FORM }).trim().refine(isExternalUrl, EXTERNAL_FORM);
function isExternalUrl(text: string): boolean {
  if (!/^https?:\/\/[^?#]+$/.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username === '' && password === '';
}
const CRON_FORM = 'a cron expression of 5 or 6 fields, for example */2 * * * * *';
const cron = text(CRON_FORM).refine(isCronExpression, `allowed: ${CRON_FORM}`);
const PORT_FORM = 'allowed: a port from 0 to 65535';
const port = z
  .union([z.number(), z.string().trim().regex(/^\d+$/).transform(Number)], { error: PORT_FORM })
  .refine((given) => Number.isInteger(given) && given >= 0 && given <= 65_535, PORT_FORM);
const splitList = (given: unknown) => (typeof given === 'string' ? given.split(',').map((part) => part.trim()) : given);
const list = z.preprocess(splitList, z.array(text('a path or glob'), { error: 'allowed: a list of paths or globs' }));

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

const KEY_FORM = `allowed: keys, each ${EDGE_PATTERN_FORM}`;
const keyPatterns = z
  .array(
    z.string({ error: KEY_FORM }).refine((given) => parseEdgePattern(given) !== undefined, KEY_FORM),
    { error: KEY_FORM },
  )
  .max(500, 'allowed: at most 500 keys');

const REDACTION_FORM = `allowed: texts, each ${REDACTION_PATTERN_FORM}`;
const redactionPatterns = z
  .array(z.string({ error: REDACTION_FORM }).refine(isRedactionPattern, REDACTION_FORM), { error: REDACTION_FORM })
  .max(100, 'allowed: at most 100 texts');

const DEFAULT_ROLLUP_RETENTION_MS = 400 * 86_400_000;

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
  jsonlDir: text('a folder').optional(),
  retention: retention.prefault('30d'),
  rollupRetention: retention.optional(),
  durability: z.enum(['process', 'disk'], { error: 'allowed: process, disk' }).default('process'),
  tracing: flag.default(true),
  propagate: propagation.default('all'),
  metadataAllow: z.preprocess(splitList, keyPatterns).default([]),
  metadataDeny: z
    .preprocess(
      (given) => (given === 'none' ? given : splitList(given)),
      z.union([z.literal('none'), keyPatterns], { error: `${KEY_FORM}; or none` }),
    )
    .default([]),
  errorRedaction: z.enum(['values', 'none'], { error: 'allowed: values, none' }).default('values'),
  errorRedactionPatterns: z.preprocess(splitList, redactionPatterns).default([]),
  llmPrices: text('a file of prices').optional(),
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
  executionLog: executionLogTypes.prefault('off'),
  executionLogSample: executionLogRates.prefault(1),
  executionLogTo: text('stdout, stderr, or the path of a file').default('stdout'),
  externalUrl: externalUrl.optional(),
  receivers: receiversSchema.default([]),
  route: routeSchema.optional(),
  inhibitRules: inhibitRulesSchema.default([]),
  timeIntervals: timeIntervalsSchema.default(new Map()),
  escalations: escalationsSchema.default(new Map()),
  flapDamping: flapDampingSchema.default({ changes: 4, slots: 20 }),
});

/** The checked configuration; sizes in bytes, durations in milliseconds. */
export type Config = Readonly<z.output<typeof configSchema> & { rollupRetention: number }>;
/** What callers may pass; every key optional. */
export type ConfigOptions = z.input<typeof configSchema>;

const SECRETS = new Set<string>(['databaseUrl', 'alertsDatabaseUrl', 'authToken', 'receivers']);
/** The names of all settings, as options spell them. */
export const CONFIG_KEYS: readonly string[] = Object.keys(configSchema.shape);
/**
 * Merges and checks all sources.
 * @param options settings from code or the command line; an undefined value counts as not given
 * @param sources where else to look; defaults: this process's environment, and the working folder
 * @throws KeepwatchError ERR_CONFIG_INVALID naming every problem at once: place, value, what is allowed
 */
export function loadConfig(options: ConfigOptions = {}, sources: { env?: NodeJS.ProcessEnv; folder?: string } = {}): Config {
  const { env = process.env, folder = process.cwd() } = sources;
  const { given, problems } = readSources({ keys: CONFIG_KEYS, secrets: SECRETS }, { env, folder });
  for (const [key, value] of Object.entries(options)) {
    if (!CONFIG_KEYS.includes(key)) problems.push(`option ${key}: unknown${suggestName(key, CONFIG_KEYS)}`);
    else if (value !== undefined) given.set(key, { value, place: `option ${key}` });
  }
  problems.push(...resolveSecrets(given, { env, folder }));
  const parsed = configSchema.safeParse(Object.fromEntries([...given].map(([key, { value }]) => [key, value])));
  for (const issue of parsed.error?.issues ?? []) problems.push(describeIssue(issue, given));
  const config = parsed.success ? withRollupRetention(parsed.data) : undefined;
  if (config !== undefined) problems.push(...crossChecks(config, given));
  if (problems.length > 0 || config === undefined) throw new KeepwatchError('ERR_CONFIG_INVALID', problems.join('\n'));
  return Object.freeze(config);
}

/** Rollups outlive raw events, whatever is said of these. */
function withRollupRetention(settings: z.output<typeof configSchema>): Config {
  return { ...settings, rollupRetention: settings.rollupRetention ?? Math.max(DEFAULT_ROLLUP_RETENTION_MS, settings.retention) };
}

/** Puts the secrets of receivers in place of what names them. @returns what cannot be read */
function resolveSecrets(given: Map<string, Given>, sources: { env: NodeJS.ProcessEnv; folder: string }): string[] {
  const receivers = given.get('receivers');
  if (receivers === undefined) return [];
  const { value, problems } = resolveReceivers(receivers.value, sources);
  given.set('receivers', { ...receivers, value });
  return problems.map(({ path, message }) => `${placeOf(receivers, ['receivers', ...path])}: ${message}`);
}

/** Of a part of a setting: `keepwatch.yaml:4 receivers[0].webhook.url`. */
function placeOf({ place, lineOf }: Given, path: readonly PropertyKey[]): string {
  if (path.length <= 1) return place;
  if (lineOf === undefined) return `${place} ${formatPath(path)}`;
  const [key = ''] = path;
  // As the file spells it.
  const name = place.split(' ').at(-1) ?? key;
  return `${lineOf(path.slice(1))} ${formatPath([name, ...path.slice(1)])}`;
}

function describeIssue(issue: z.core.$ZodIssue, given: ReadonlyMap<string, Given>): string {
  const key = String(issue.path[0] ?? '');
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const place = placeOf(given.get(key) ?? { value: undefined, place: `option ${key}` }, [...issue.path, ...unknown]);
  const value = SECRETS.has(key) ? '' : ` got ${show(given.get(key)?.value)};`;
  return `${place}:${value} ${issue.message}`;
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
  for (const { path, message } of checkRouting(config)) {
    const [key = ''] = path;
    const from = given.get(String(key)) ?? { value: undefined, place: `option ${String(key)}` };
    problems.push(`${placeOf(from, path)}: ${message}`);
  }
  if (config.rollupRetention < config.retention) {
    const { place, value } = given.get('rollupRetention') ?? { place: 'option rollupRetention', value: config.rollupRetention };
    const raw = config.retention === Infinity ? 'forever' : formatDuration(config.retention);
    problems.push(
      `${place}: got ${show(value)}; allowed: at least what KEEPWATCH_RETENTION is (${raw}), since rollups outlive raw events`,
    );
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
