// The errors that callers may branch on: by class or `code`, never by message text.

/** Stable codes of errors that Keepwatch raises. A code is never reused for another meaning. */
export type KeepwatchErrorCode =
  | 'ERR_CONFIG_INVALID'
  | 'ERR_DATABASE_UNAVAILABLE'
  | 'ERR_DATABASE_SCHEMA'
  | 'ERR_EMBEDDED_POSTGRES'
  | 'ERR_PORT_IN_USE'
  | 'ERR_QUERY_TIMEOUT'
  | 'ERR_RULES_INVALID'
  | 'ERR_RULES_ROLE'
  | 'ERR_SEGMENT_INVALID'
  | 'ERR_SQL_FILE'
  | 'ERR_USAGE';

/** An error of Keepwatch. The message says where, what was given and what is allowed; `cause` is the error beneath, if any. */
export class KeepwatchError extends Error {
  override readonly name = 'KeepwatchError';
  readonly code: KeepwatchErrorCode;

  constructor(code: KeepwatchErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/**
 * One line that describes any thrown value; it never throws itself, and never shows credentials of a URL.
 * @param redact takes out of the text what must not be shown; default: `redactUrls`
 */
export function describeError(error: unknown, redact: (text: string) => string = redactUrls): string {
  try {
    const { code } = Object(error) as { code?: unknown };
    const said = error instanceof Error ? error.message || error.name : error;
    // Cut first: on megabytes of text that an app has thrown, the search for URLs would not end.
    const text = cutAtBlank(String(said), 2000);
    const withCode = typeof code === 'string' && !text.includes(code) ? `${text} (${code.slice(0, 100)})` : text;
    return redact(withCode).replace(/\s+/g, ' ').slice(0, 1000);
  } catch {
    return 'an error that cannot be described';
  }
}

/** At most `length` units of `text`. Where it is cut, no piece of a word is left, which would not be known for the address that it was. */
export function cutAtBlank(text: string, length: number): string {
  if (text.length <= length) return text;
  const cut = text.slice(0, length);
  const end = cut.search(/\s\S{0,400}$/);
  return end > 0 ? cut.slice(0, end) : cut.slice(0, Math.max(0, length - 400));
}

/** Replaces user and password in every URL of `text` by `***`, also a password that stands among its parameters. */
export function redactUrls(text: string): string {
  return text
    .replace(/\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#]+@/gi, '$1***@')
    .replace(/([?&](?:ssl)?password=)[^&#\s]+/gi, '$1***');
}
