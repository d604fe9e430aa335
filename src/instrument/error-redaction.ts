// What is taken out of the texts of errors before anybody stores or logs them. Every search here is linear, or bounded, in the text.
import { isRedactionPattern, parseEdgePattern, REDACTION_PATTERN_FORM } from '../edge-pattern.ts';
import { KeepwatchError, redactUrls } from '../errors.ts';

/** Gives a text without what must not be kept. */
export type Redact = (text: string) => string;

export interface ErrorRedactionOptions {
  /** `values` (default): e-mail addresses, tokens, secrets, query strings, keys of rows, long numbers. `none`: credentials in URLs alone. */
  readonly errorRedaction?: 'none' | 'values' | undefined;
  /** Texts that are taken out besides, with whatever stands at their open end up to the next blank: `acct_*`. */
  readonly errorRedactionPatterns?: readonly string[] | undefined;
}

/** @throws KeepwatchError ERR_CONFIG_INVALID on what is no pattern */
export function createRedact({ errorRedaction = 'values', errorRedactionPatterns = [] }: ErrorRedactionOptions = {}): Redact {
  const own = errorRedactionPatterns.map(compile);
  const isOn = errorRedaction === 'values';
  if (own.length === 0) return isOn ? (text) => redactValues(redactUrls(text)) : redactUrls;
  return (text) => {
    let left = redactUrls(text);
    for (const redact of own) left = redact(left);
    return isOn ? redactValues(left) : left;
  };
}

/** In order: what is found first is not looked at again. */
const VALUES: readonly (readonly [RegExp, string])[] = [
  // Postgres: Key (email)=(a@b.example) already exists.
  [/(\bKey \([^)]{1,300}\)=)\(.{0,1000}\)/gs, '$1([value])'],
  [/\b(bearer|basic)\s{1,3}[\w.~+/=-]{6,}/gi, '$1 [token]'],
  [/\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?/g, '[token]'],
  [/\b(?:[spr]k[-_][\w-]{12,}|gh[oprsu]_\w{20,}|xox[a-z]-[\w-]{8,}|AKIA[0-9A-Z]{12,})/g, '[token]'],
  [
    /\b([\w-]{0,40}(?:password|passwd|passphrase|pwd|secret|[_-]token|api[_-]?key|authorization)["']?\s{0,3}[=:]\s{0,3})(?:"[^"]{0,1000}"|'[^']{0,1000}'|[^\s,;&"')}\]]{1,1000})/gi,
    '$1[secret]',
  ],
  [/\?[^\s"'<>)?]*=[^\s"'<>)]*/g, '?[query]'],
  // A version (`pkg@1.2.3`) is no domain, and `***@host` is what is left of a URL.
  [/[^\s@*<>()[\]{}"'`,;:=&?/\\|]{1,256}@(?=[\d.-]{0,64}\p{L})[^\s@*<>()[\]{}"'`,;:=&?/\\|]{1,255}/gu, '[email]'],
  [/\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b/g, '[number]'],
  // Cards, phones, accounts: nine digits or more, blanks and hyphens between them; but no date before a time.
  [/(?<!\d)(?!\d{4}-\d\d-\d\d[ T]\d\d:)\d(?:[ -]?\d){8,}/g, '[number]'],
];

function redactValues(text: string): string {
  let left = text;
  for (const [pattern, replacement] of VALUES) left = left.replace(pattern, replacement);
  return left;
}

function compile(given: string): Redact {
  const pattern = parseEdgePattern(given);
  if (pattern === undefined || !isRedactionPattern(given)) {
    const message = `error redaction patterns: got ${JSON.stringify(given)}; allowed: ${REDACTION_PATTERN_FORM}`;
    throw new KeepwatchError('ERR_CONFIG_INVALID', message);
  }
  const literal = new RegExp(pattern.text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`), 'gi');
  return (text) => {
    let result = '';
    let done = 0;
    for (const match of text.matchAll(literal)) {
      let start = match.index;
      let end = start + match[0].length;
      if (start < done) continue;
      if (pattern.isOpenStart) while (start > done && !isBlank(text, start - 1)) start--;
      if (pattern.isOpenEnd) while (end < text.length && !isBlank(text, end)) end++;
      result += `${text.slice(done, start)}[redacted]`;
      done = end;
    }
    return done === 0 ? text : result + text.slice(done);
  };
}

function isBlank(text: string, index: number): boolean {
  return text[index]?.trim() === '';
}
