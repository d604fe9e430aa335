// Several alerts as the text and the HTML of a mail, which say the same: what they have in common, then a row each, the worst first.
import type { Pair } from './alert-text.ts';
import { type AlertLine, fitLines, type GroupText } from './group-text.ts';
import { escapeHtml, linkHtml } from './html.ts';

/** Of the rows, as HTML, in bytes: readers cut off mails of more than about 100 kB. */
const MAX_ROWS_BYTES = 60_000;
const COLUMNS = ['State', 'Alert', 'Summary', 'Value', 'Since', ''];
const CELL = 'style="padding:0.2em 1em 0.2em 0;vertical-align:top"';

export function groupMail(group: GroupText): { readonly text: string; readonly html: string } {
  const { shown, leftOut } = fitLines(group, rowOf, {
    sizeOf: ({ html }) => Buffer.byteLength(html),
    budget: MAX_ROWS_BYTES,
  });
  const notes = [
    ...(leftOut === '' ? [] : [`Not shown: ${leftOut}.`]),
    ...(group.isRepeat ? ['This mail may have been sent before.'] : []),
    'Sent by Keepwatch.',
  ];
  return { text: textOf(group, shown, notes), html: htmlOf(group, shown, notes) };
}

interface Row {
  readonly text: string;
  readonly html: string;
}

function rowOf({ state, isFiring, name, summary, value, time, why }: AlertLine): Row {
  const facts = [...(value === '' ? [] : [`Value: ${value}`]), `Since: ${time}`, ...(why === undefined ? [] : [`Why: ${why}`])];
  const cells = [
    `<strong style="color:${colorOf(isFiring)}">${state}</strong>`,
    ...[name, summary, value, time].map(escapeHtml),
    why === undefined ? '' : linkHtml({ text: 'Why', href: why }),
  ];
  return {
    text: [`${state} ${name}`, ...[summary, ...facts].map((line) => `  ${line}`)].join('\n'),
    html: `<tr>${cells.map((cell) => `<td ${CELL}>${cell}</td>`).join('')}</tr>`,
  };
}

function textOf(group: GroupText, rows: readonly Row[], notes: readonly string[]): string {
  const { counts, title, summary, examples, links } = group;
  const lines = [
    `${counts} ${title}: ${summary}`,
    '',
    ...sharedOf(group).map(({ name, value }) => `${name}: ${value}`),
    ...rows.flatMap(({ text }) => ['', text]),
    ...(examples.length === 0 ? [] : ['', 'Examples:', ...examples.map((example) => `  ${example}`)]),
    ...(links.length === 0 ? [] : ['', ...links.map((link) => `${link.text}${link.of}: ${link.href}`)]),
    '',
    ...notes,
  ];
  return `${lines.join('\n')}\n`;
}

function htmlOf(group: GroupText, rows: readonly Row[], notes: readonly string[]): string {
  const { counts, title, summary, examples, links, isFiring } = group;
  const shared = sharedOf(group).map(
    ({ name, value }) =>
      `<tr><td style="padding-right:1em;color:#666">${escapeHtml(name)}</td><td>${escapeHtml(value)}</td></tr>`,
  );
  const head = `<tr>${COLUMNS.map((column) => `<td ${CELL}><strong>${column}</strong></td>`).join('')}</tr>`;
  const first = `<strong style="color:${colorOf(isFiring)}">${counts}</strong> ${escapeHtml(title)}: ${escapeHtml(summary)}`;
  return [
    '<!doctype html><html><body style="font-family:sans-serif">',
    `<p style="font-size:1.1em">${first}</p>`,
    `<table>${shared.join('')}</table>`,
    `<table>${[head, ...rows.map(({ html }) => html)].join('\n')}</table>`,
    ...(examples.length === 0 ? [] : [`<pre>${examples.map(escapeHtml).join('\n')}</pre>`]),
    ...(links.length === 0
      ? []
      : [`<p>${links.map((link) => `${linkHtml(link)}${escapeHtml(link.of)}`).join(' &middot; ')}</p>`]),
    `<p style="color:#666">${notes.map(escapeHtml).join('<br>')}</p>`,
    '</body></html>\n',
  ].join('\n');
}

/** What is said once for all of them. */
function sharedOf({ why, common }: GroupText): Pair[] {
  return [{ name: 'Told because of', value: why }, ...common];
}

function colorOf(isFiring: boolean): string {
  return isFiring ? '#b42318' : '#1a7f37';
}
