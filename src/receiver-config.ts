// What a receiver may be: the grammar of `receivers:`. Secrets are texts, or say where the text stands, and are never shown again.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { isPublicAddress, literalAddress } from './public-address.ts';
import { Secret } from './secret.ts';

/** A secret as it is given: the text, or the environment variable or file that holds it. */
export type SecretInput = string | Secret | { readonly env: string } | { readonly file: string };

const SECRET_FORM = 'a text, { env: NAME } or { file: path }';
/** Standard Webhooks: `whsec_` and 24 to 64 bytes in base64. */
const SIGNING_SECRET = /^whsec_([A-Za-z0-9+/]{32,86}={0,2})$/;
const MAX_RECEIVERS = 100;

const flag = z.boolean({ error: 'allowed: true, false' }).default(false);
const line = (what: string, max = 500) =>
  z
    .string({ error: `allowed: ${what}` })
    .trim()
    .min(1, `allowed: ${what}`)
    .max(max, `allowed: ${what}, at most ${max} characters`)
    .regex(/^\P{Cc}*$/u, `allowed: ${what}, without control characters`);

/** @param isAllowed of the text, which no message repeats */
const secret = (what: string, isAllowed: (text: string) => boolean = () => true) =>
  z
    .custom<SecretInput>((given) => typeof given === 'string' || given instanceof Secret, `allowed: ${what}: ${SECRET_FORM}`)
    .transform((given, context) => {
      const text = (given instanceof Secret ? given.reveal() : (given as string)).trim();
      if (text !== '' && /^\P{Cc}+$/u.test(text) && isAllowed(text)) return new Secret(text);
      context.addIssue(`allowed: ${what}`);
      return z.NEVER;
    });

const hasProtocol = (protocols: readonly string[]) => (text: string) =>
  URL.canParse(text) && protocols.includes(new URL(text).protocol);
const httpUrl = secret('a URL that begins with https:// (or http://, with allow_plaintext)', hasProtocol(['https:', 'http:']));

/** Where a receiver may be. By default in the internet, and encrypted. */
const reach = {
  /** Addresses of one's own networks and of this machine too. */
  allowPrivate: flag,
  /** Without TLS. */
  allowPlaintext: flag,
};

const webhook = z
  .strictObject({
    url: httpUrl,
    /** Of the signature; several while one replaces another. */
    secrets: z
      .array(secret('whsec_ and 24 to 64 bytes in base64', (text) => SIGNING_SECRET.test(text)))
      .min(1)
      .max(5, 'allowed: at most 5 secrets')
      .optional(),
    /** Sent as a bearer token. */
    token: secret('a token').optional(),
    ...reach,
  })
  .superRefine(checkReach('url'));

const slack = z
  .strictObject({
    /** Of an incoming webhook. */
    url: httpUrl.optional(),
    /** Of a bot, with the right chat:write. */
    token: secret('the token of a bot, which begins with xoxb-', (text) => /^xoxb-[\w-]{10,200}$/.test(text)).optional(),
    /** Where the bot writes: the id of a channel that it is a member of. */
    channel: line('the id of a channel, such as C0123456789', 100).optional(),
    apiUrl: httpUrl.prefault('https://slack.com/api'),
    ...reach,
  })
  .superRefine((given, context) => {
    const isBot = given.token !== undefined && given.channel !== undefined && given.url === undefined;
    const isWebhook = given.url !== undefined && given.token === undefined && given.channel === undefined;
    if (!isBot && !isWebhook)
      context.addIssue({ code: 'custom', message: 'allowed: url of an incoming webhook, or token and channel of a bot' });
  })
  .superRefine(checkReach('url'))
  .superRefine(checkReach('apiUrl'));

const ADDRESS = /^[^\s<>()[\]\\,;:"@]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
const MAX_ADDRESSES = 50;
const mailbox = line('a mail address', 320).regex(ADDRESS, 'allowed: a mail address such as alerts@example.org');

const email = z
  .strictObject({
    smtp: secret('a URL such as smtp://user:password@mail.example.org:587, or smtps://', hasProtocol(['smtp:', 'smtps:'])),
    /** An address, or `Name <address>`. */
    from: line('a mail address', 400).refine(isSender, 'allowed: a mail address, or Name <address>'),
    to: z.preprocess((given) => (typeof given === 'string' ? [given] : given), z.array(mailbox).min(1).max(MAX_ADDRESSES)),
    /** Who has signed the certificate of the server, as PEM; default: those that Node.js trusts. */
    ca: z
      .string()
      .regex(/^-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----\s*$/, 'allowed: certificates as PEM')
      .optional(),
    ...reach,
  })
  .superRefine(checkReach('smtp'));

function isSender(text: string): boolean {
  const address = /^[^<>"\\]*<([^<>]+)>$/.exec(text)?.[1] ?? text;
  return ADDRESS.test(address);
}

const pagerduty = z
  .strictObject({
    /** The integration key of the service. */
    routingKey: secret('the integration key of the service, 32 letters and digits', (text) => /^[A-Za-z0-9]{32}$/.test(text)),
    /** https://events.eu.pagerduty.com/v2/enqueue for accounts in the EU. */
    url: httpUrl.prefault('https://events.pagerduty.com/v2/enqueue'),
    ...reach,
  })
  .superRefine(checkReach('url'));

const alertmanager = z
  .strictObject({
    /** Of the server; what its API adds is added. */
    url: httpUrl,
    /** Sent as a bearer token. */
    token: secret('a token').optional(),
    ...reach,
  })
  .superRefine(checkReach('url'));

const KINDS = {
  webhook,
  slack,
  email,
  pagerduty,
  alertmanager,
  console: z.strictObject({}),
} as const;

/** What kinds of receivers there are. */
export type ReceiverKind = keyof typeof KINDS;
/** In the order of the documentation. */
export const RECEIVER_KINDS = Object.keys(KINDS) as readonly ReceiverKind[];

const receiver = z
  .strictObject({
    name: line('a name', 200),
    /** It hears of single alerts that end while others of their group go on, and of the end of all. */
    sendResolved: z.boolean({ error: 'allowed: true, false' }).default(true),
    webhook: KINDS.webhook.optional(),
    slack: KINDS.slack.optional(),
    email: KINDS.email.optional(),
    pagerduty: KINDS.pagerduty.optional(),
    alertmanager: KINDS.alertmanager.optional(),
    console: KINDS.console.optional(),
  })
  .superRefine((given, context) => {
    const count = RECEIVER_KINDS.filter((kind) => given[kind] !== undefined).length;
    if (count !== 1) context.addIssue({ code: 'custom', message: `allowed: a name and one of ${RECEIVER_KINDS.join(', ')}` });
  });

export const receiversSchema = z.array(receiver).max(MAX_RECEIVERS, `allowed: at most ${MAX_RECEIVERS} receivers`);

/** Where notifications go, checked: a name and one kind. */
export type Receiver = z.output<typeof receiver>;
export type ReceiverInput = z.input<typeof receiver>;
/** The settings of a kind. */
export type ReceiverSettings<Kind extends ReceiverKind> = NonNullable<Receiver[Kind]>;

interface Reach {
  readonly allowPrivate: boolean;
  readonly allowPlaintext: boolean;
}

/** Refuses at start what would be refused with every message. What a name resolves to is only known then. */
function checkReach<Key extends string>(key: Key) {
  return (given: Reach & { readonly [key in Key]?: Secret | undefined }, context: z.core.$RefinementCtx): void => {
    const text = given[key]?.reveal();
    if (text === undefined || !URL.canParse(text)) return;
    const { protocol, hostname } = new URL(text);
    const problem = reachProblem(protocol, hostname, given);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem, path: [key] });
  };
}

function reachProblem(protocol: string, hostname: string, { allowPrivate, allowPlaintext }: Reach): string | undefined {
  if (protocol === 'http:' && !allowPlaintext) return 'allowed: https://; http:// only with allow_plaintext: true';
  const address = literalAddress(hostname);
  if (!allowPrivate && (hostname === 'localhost' || (address !== undefined && !isPublicAddress(address))))
    return 'allowed: a host of the internet; one of your own networks, or this machine, only with allow_private: true';
  return undefined;
}

export interface ReceiverProblem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/**
 * What was given as `receivers`, ready for the schema: secrets in place of what names them, keys as options spell them (`allow_private` is
 * allowPrivate).
 */
export function resolveReceivers(
  given: unknown,
  { env, folder }: { readonly env: NodeJS.ProcessEnv; readonly folder: string },
): { value: unknown; problems: ReceiverProblem[] } {
  const problems: ReceiverProblem[] = [];
  const read = (reference: { env?: string; file?: string }, path: readonly PropertyKey[]): unknown => {
    if (reference.env !== undefined) {
      const value = env[reference.env];
      if (value === undefined || value.trim() === '')
        problems.push({ path, message: `the environment variable ${JSON.stringify(reference.env).slice(0, 100)} is not set` });
      return value ?? '';
    }
    try {
      return readFileSync(resolve(folder, reference.file ?? ''), 'utf8').trim();
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? 'error';
      problems.push({ path, message: `the file ${JSON.stringify(reference.file).slice(0, 200)} cannot be read (${code})` });
      return undefined;
    }
  };
  const walk = (value: unknown, path: readonly PropertyKey[]): unknown => {
    if (Array.isArray(value)) return value.map((item, index) => walk(item, [...path, index]));
    if (typeof value !== 'object' || value === null || value instanceof Secret || path.length > MAX_DEPTH) return value;
    if (isReference(value)) return read(value, path);
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [camelCase(key), walk(inner, [...path, key])]));
  };
  return { value: walk(given, []), problems };
}

/** receivers[0].webhook.secrets[0] */
const MAX_DEPTH = 6;

function isReference(value: object): value is { env?: string; file?: string } {
  const entries = Object.entries(value);
  return entries.length === 1 && /^(env|file)$/.test(entries[0]?.[0] ?? '') && typeof entries[0]?.[1] === 'string';
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
