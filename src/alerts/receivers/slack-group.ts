// Several alerts as one message of Slack: a section each, the worst first, as many as a message may have.
import { type AlertLine, fitLines, type GroupText } from './group-text.ts';
import {
  codeBlock,
  escapeWithin,
  footer,
  header,
  linkSection,
  linkText,
  MAX_TEXT,
  SIGNS,
  type SlackMessage,
  section,
} from './slack-blocks.ts';

/** Beside header, common labels, example rows, links and footer there is room for this many blocks and characters. */
const MAX_LINES = 44;
const MAX_LINES_TEXT = 8000;
const MAX_LINKS_TEXT = 1500;
const MAX_COMMON_TEXT = 700;
const MAX_PART = 500;
/** Lines of the text that stands for the blocks. */
const MAX_TEXT_LINES = 10;

export function slackGroupMessage(group: GroupText): SlackMessage {
  const headline = `${group.isFiring ? SIGNS.FIRING : SIGNS.RESOLVED} ${group.counts} ${group.title}`;
  const { shown, leftOut } = fitLines(group, sectionText, {
    sizeOf: (text) => text.length,
    budget: MAX_LINES_TEXT,
    most: MAX_LINES,
  });
  const notes = [
    group.why,
    ...(leftOut === '' ? [] : [`and ${leftOut}`]),
    ...(group.isRepeat ? ['may have been sent before'] : []),
    'Keepwatch',
  ];
  const blocks = [
    header(headline),
    ...(group.commonText === '' ? [] : [section(escapeWithin(group.commonText, MAX_COMMON_TEXT))]),
    ...shown.map(section),
    ...codeBlock(group.examples),
    ...linkSection(group.links, MAX_LINKS_TEXT),
    footer(notes),
  ];
  return { text: plainText(headline, group), blocks };
}

/** `🔴 *FIRING* {route="/pay"} · 0.5 · Why`, and below it the summary. */
function sectionText({ state, name, value, summary, why }: AlertLine): string {
  const link = why === undefined ? '' : linkText({ text: 'Why', href: why });
  const parts = [
    `${SIGNS[state]} *${state}* ${escapeWithin(name, MAX_PART)}`,
    ...(value === '' ? [] : [escapeWithin(value, MAX_PART)]),
    ...(link === '' || link.length > MAX_PART ? [] : [link]),
  ];
  return [parts.join(' · '), ...(summary === '' ? [] : [escapeWithin(summary, MAX_PART)])].join('\n');
}

/** For notifications, threads, and where the blocks are refused. */
function plainText(headline: string, group: GroupText): string {
  const first = [headline, ...(group.commonText === '' ? [] : [group.commonText])].join(' ');
  const render = ({ state, name, summary }: AlertLine) => `• ${state} ${name}: ${summary}`;
  const { shown, leftOut } = fitLines(group, render, {
    sizeOf: (line) => escapeWithin(line, Number.POSITIVE_INFINITY).length + 1,
    budget: MAX_TEXT / 2,
    most: MAX_TEXT_LINES,
  });
  const lines = [`${first}: ${group.why}`, ...shown, ...(leftOut === '' ? [] : [`and ${leftOut}`])];
  return escapeWithin(lines.join('\n'), MAX_TEXT);
}
