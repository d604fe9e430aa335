// Text and JSON as Postgres takes them: no NUL, which neither text nor jsonb can hold, and no half of a surrogate pair. What has to go is
// replaced by U+FFFD, so that it shows, and the event is marked.

/** Added to the metadata of an event of which something did not fit. */
export const TRUNCATED_MARK = '"keepwatch.truncated":true';
/** Added to the metadata of an event of which characters were replaced. */
export const REPLACED_MARK = '"keepwatch.replaced":true';
/** Stands in the metadata of what was erased. */
export const ERASED_KEY = 'keepwatch.erased';

const UNSTORABLE = /[\0\p{Surrogate}]/u;
const ALL_UNSTORABLE = new RegExp(UNSTORABLE, 'gu');
/** A pair of surrogates (12 characters), what cannot be stored (6), any other escape. In this order, since an escape may hide in another. */
const ESCAPES = /\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|\\u(?:0000|[dD][89a-fA-F][\da-fA-F]{2})|\\./gs;
const UNSTORABLE_ESCAPE_LENGTH = 6;

export interface StorableText {
  readonly text: string;
  readonly isCut: boolean;
  readonly isReplaced: boolean;
}

/** Whether Postgres can keep it as it is. */
export function isStorableText(text: string): boolean {
  return !UNSTORABLE.test(text);
}

/** At most `maxLength` UTF-16 units of a text; no pair of surrogates is cut in two. */
export function storableText(text: string, maxLength: number): StorableText {
  const isCut = text.length > maxLength;
  const start = isCut ? text.slice(0, isPair(text, maxLength - 1) ? maxLength - 1 : maxLength) : text;
  if (isStorableText(start)) return { text: start, isCut, isReplaced: false };
  return { text: start.replace(ALL_UNSTORABLE, '\uFFFD'), isCut, isReplaced: true };
}

/**
 * Members of a JSON object, without braces and valid: the escapes replaced that jsonb refuses, of NUL and of half surrogate pairs. Nothing of
 * those that are longer than `maxLength`. Those without any backslash need not be asked about.
 */
export function storableMembers(members: string, maxLength: number): StorableText {
  if (members.length > maxLength) return { text: '', isCut: true, isReplaced: false };
  const text = members.replace(ESCAPES, (found) => (found.length === UNSTORABLE_ESCAPE_LENGTH ? '\\ufffd' : found));
  return { text, isCut: false, isReplaced: text !== members };
}

function isPair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
}
