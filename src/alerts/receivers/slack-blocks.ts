// Pieces of a message of Slack: Block Kit within its limits, and mrkdwn in which texts of others are texts.
// https://docs.slack.dev/reference/block-kit/blocks, https://docs.slack.dev/messaging/formatting-message-text
import type { Pair } from './alert-text.ts';
import type { Link } from './links.ts';

export interface SlackMessage {
  /** What notifications show, and who does not know blocks. */
  readonly text: string;
  readonly blocks: readonly object[];
}

/** Of the text of a section, in characters. */
export const MAX_TEXT = 3000;
const MAX_HEADER = 150;
const MAX_EXAMPLES = 2000;
const MAX_NAME = 60;
const MAX_VALUE = 200;
/** Slack shows ten fields a section, and refuses messages that are too long as a whole: about 13,000 characters. */
export const MAX_FIELDS = 10;
/** What stands before a state, for who sees colors sooner than words. */
export const SIGNS = { FIRING: '🔴', RESOLVED: '🟢', 'NO DATA': '⚪', 'RULE ERROR': '🟠' } as const;

export function header(text: string): object {
  return { type: 'header', text: { type: 'plain_text', text: escapeWithin(text, MAX_HEADER), emoji: false } };
}

/** @param text mrkdwn, escaped and not empty: Slack takes no empty one */
export function section(text: string): object {
  return { type: 'section', text: mrkdwn(text) };
}

/** Ten at most; no block without any. */
export function fields(pairs: readonly Pair[]): object[] {
  if (pairs.length === 0) return [];
  const texts = pairs.slice(0, MAX_FIELDS).map(({ name, value }) => {
    const shown = value === '' ? '(empty)' : value;
    return mrkdwn(`*${escapeWithin(name, MAX_NAME)}*\n${escapeWithin(shown, MAX_VALUE)}`);
  });
  return [{ type: 'section', fields: texts }];
}

/** In a block of code, out of which no backtick leads; none without lines. */
export function codeBlock(lines: readonly string[]): object[] {
  if (lines.length === 0) return [];
  const escaped = lines.map((line) => escapeWithin(line.replaceAll('`', "'"), MAX_EXAMPLES / lines.length));
  return [section(`\`\`\`${escaped.join('\n')}\`\`\``)];
}

/** Those that there is room for, in one section, `of` behind each; none without links. */
export function linkSection(links: readonly (Link & { readonly of?: string })[], max = MAX_TEXT): object[] {
  let text = '';
  for (const link of links) {
    const more = `${text === '' ? '' : '  '}${linkText(link)}${escapeWithin(link.of ?? '', MAX_NAME * 2)}`;
    if (text.length + more.length <= max) text += more;
  }
  return text === '' ? [] : [section(text)];
}

/** An address that is cut leads nowhere: it stands in full. @param link its text is ours */
export function linkText({ text, href }: Link): string {
  return `<${escapeWithin(href, Number.POSITIVE_INFINITY)}|${text}>`;
}

/** @param notes mrkdwn, escaped */
export function footer(notes: readonly string[]): object {
  return { type: 'context', elements: [mrkdwn(notes.join(' · '))] };
}

/** `verbatim`: addresses, names of channels and of people stay texts. */
function mrkdwn(text: string): object {
  return { type: 'mrkdwn', text, verbatim: true };
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** With `&`, `<` and `>` as entities, so that nothing mentions anybody or links anywhere, in at most `max` UTF-16 units. */
export function escapeWithin(text: string, max: number): string {
  let escaped = '';
  for (const character of text) {
    const next = ENTITIES[character] ?? character;
    if (escaped.length + next.length > max - 1) return `${escaped}…`;
    escaped += next;
  }
  return escaped;
}
