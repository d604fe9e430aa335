// Patterns of one literal text with `*` at either end only, so that whatever is written as one is matched in linear time. Pure.

/** A pattern, taken apart: `*_token` is the text `_token`, open at its start. */
export interface EdgePattern {
  readonly text: string;
  /** Anything may stand before the text. */
  readonly isOpenStart: boolean;
  /** Anything may stand after the text. */
  readonly isOpenEnd: boolean;
}

/** What a pattern may be, for messages. */
export const EDGE_PATTERN_FORM = 'a text of at most 200 characters, with * only as its first or last character';

const FORM = /^\*?[^*]{0,198}\*?$/;

/** Undefined when `given` is no pattern. `*` alone is one, of no text. */
export function parseEdgePattern(given: string): EdgePattern | undefined {
  if (given === '' || !FORM.test(given)) return undefined;
  const isOpenStart = given.startsWith('*');
  const isOpenEnd = given.endsWith('*');
  return { text: given.replaceAll('*', ''), isOpenStart, isOpenEnd };
}

/** What a pattern of text to be taken out may be, for messages. */
export const REDACTION_PATTERN_FORM = `${EDGE_PATTERN_FORM}, and at least 3 others`;

/** Whether a pattern says enough to take out of a text what it matches. */
export function isRedactionPattern(given: string): boolean {
  return (parseEdgePattern(given)?.text.trim().length ?? 0) >= 3;
}
