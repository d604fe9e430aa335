// Text from outside made safe to store and to show: bounded, without NUL and without half surrogate pairs.
import { cutAtBlank, redactUrls } from '../errors.ts';

/** Longest name of an execution, in UTF-16 units. */
export const MAX_NAME_LENGTH = 200;
/** Longest label value, in UTF-16 units. */
export const MAX_LABEL_LENGTH = 128;
/** Longest error text, in UTF-16 units. */
export const MAX_ERROR_LENGTH = 1000;

const LARGEST_BIGINT = 2n ** 256n;
const LONE_SURROGATE = /\p{Surrogate}/u;
const LONE_SURROGATES = /\p{Surrogate}/gu;

/** At most `maxLength` UTF-16 units of `text`; NUL and lone surrogates become U+FFFD. */
export function boundText(text: string, maxLength: number): string {
  const cut = text.length > maxLength ? copyStart(text, maxLength) : text;
  const withoutNul = cut.includes('\u0000') ? cut.replaceAll('\u0000', '\uFFFD') : cut;
  return LONE_SURROGATE.test(withoutNul) ? withoutNul.replace(LONE_SURROGATES, '\uFFFD') : withoutNul;
}

/** A flat copy, for what is kept for long: V8 keeps the whole text (a request, say) behind a piece of it, and the parts of joined text. */
export function ownText(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string;
}

/** V8's `slice` keeps the whole text alive behind the piece; a piece of a new, short text does not. */
function copyStart(text: string, length: number): string {
  return ` ${text.slice(0, length)}`.slice(1);
}

/** A name of an execution: bounded, NUL removed; `unnamed` when nothing is left of it or it is no string. */
export function boundName(name: unknown): string {
  if (typeof name !== 'string') return 'unnamed';
  const text = name.slice(0, MAX_NAME_LENGTH + 1).replaceAll('\u0000', '');
  return text.trim() === '' ? 'unnamed' : boundText(text, MAX_NAME_LENGTH);
}

/** The label value of what cannot be one. */
export const INVALID_LABEL = '__invalid__';

/** A label value: bounded text. Finite numbers, booleans and bigints as text, nothing as the empty string, all else as `__invalid__`. */
export function boundLabel(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return boundText(value, MAX_LABEL_LENGTH);
    case 'number':
      return Number.isFinite(value) ? String(value) : INVALID_LABEL;
    case 'boolean':
      return String(value);
    case 'bigint':
      return isShort(value) ? String(value) : INVALID_LABEL;
    case 'undefined':
      return '';
    default:
      return value === null ? '' : INVALID_LABEL;
  }
}

/** Whether a bigint may be written out: the digits of a larger one would take time and memory by its size. */
export function isShort(value: bigint): boolean {
  return value > -LARGEST_BIGINT && value < LARGEST_BIGINT;
}

/**
 * `Name: message` of anything thrown, bounded. Never throws, whatever the error's getters do.
 * @param redact takes out of the text what must not be kept; default: credentials in URLs alone
 */
export function errorText(error: unknown, redact: (text: string) => string = redactUrls): string {
  try {
    return boundText(
      redact(copyStart(cutAtBlank(describe(error), 2 * MAX_ERROR_LENGTH), 2 * MAX_ERROR_LENGTH)),
      MAX_ERROR_LENGTH,
    );
  } catch {
    return 'an error that cannot be described';
  }
}

function describe(error: unknown): string {
  if (typeof error === 'string') return error;
  if (typeof error !== 'object' || error === null) return String(error);
  const { name, message } = error as { name?: unknown; message?: unknown };
  const title = typeof name === 'string' && name !== '' ? name : 'Error';
  return typeof message === 'string' && message !== '' ? `${title}: ${message}` : title;
}
