// What is kept of a line that is too long to be read: where level, time and name stand, and the message, wherever that begins. A valid line.
import { TRUNCATED_MARK } from '../../storable-text.ts';
import { ownText } from '../bounded-text.ts';

/** Longer lines are shortened as they come, in UTF-16 units. */
export const MAX_LINE_LENGTH = 131_072;
const HEAD_LENGTH = 20_000;
const TAIL_LENGTH = 20_000;
const HEAD_MEMBERS = /"(level|time|name|trace_id|span_id)":("(?:[^"\\]|\\.){0,300}"|\d{1,20})/g;
const WHOLE_MESSAGE = /"msg":("(?:[^"\\]|\\.){0,20000}")\}\s*$/s;
const CUT_MESSAGE = /"msg":"((?:[^"\\]|\\u[\da-f]{4}|\\[^u]){0,20000})/is;

/** @param text longer than `MAX_LINE_LENGTH` */
export function shortenLine(text: string): string {
  const head = ownText(text.slice(0, HEAD_LENGTH));
  if (!head.startsWith('{')) return head;
  const members = new Map<string, string>();
  for (const [, name = '', value = ''] of head.slice(0, 2000).matchAll(HEAD_MEMBERS)) {
    if (!members.has(name)) members.set(name, value);
  }
  const whole = WHOLE_MESSAGE.exec(ownText(text.slice(-TAIL_LENGTH)))?.[1];
  const message = whole ?? `"${CUT_MESSAGE.exec(head)?.[1] ?? ''}"`;
  return `{${[...members].map(([name, value]) => `"${name}":${value},`).join('')}"msg":${message},${TRUNCATED_MARK}}`;
}
