// Tables of results, for the terminal and for RESULTS.md.
import type { Estimate } from './statistics.ts';

/** An estimate, a plain number, or words. */
export type Cell = Estimate | number | string;

export interface Column {
  readonly name: string;
  /** Digits after the point. */
  readonly digits: number;
  /** Show `+` before what is above zero. */
  readonly signed?: boolean;
}

/** One comparison: a row per contender. */
export interface Table {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly { readonly contender: string; readonly cells: readonly Cell[] }[];
}

/** What one section of the benchmark found. */
export interface SectionResult {
  readonly name: string;
  /** How it was measured, a sentence each. */
  readonly notes: readonly string[];
  readonly tables: readonly Table[];
  /** Contenders that did not do what they were measured at. Any of these makes the run worthless. */
  readonly problems: readonly string[];
}

/** `1,234.5 [1,200.0 … 1,290.1]` */
function formatCell(cell: Cell, column: Column): string {
  if (typeof cell === 'string') return cell;
  if (typeof cell === 'number') return formatNumber(cell, column);
  return `${formatNumber(cell.median, column)} [${formatNumber(cell.low, column)} … ${formatNumber(cell.high, column)}]`;
}

function formatNumber(value: number, column: Column): string {
  if (!Number.isFinite(value)) return '–';
  const text = value.toLocaleString('en', { minimumFractionDigits: column.digits, maximumFractionDigits: column.digits });
  return column.signed === true && value > 0 ? `+${text}` : text;
}

/** A table in columns, for people at a terminal. */
export function formatText(table: Table): string {
  const lines = linesOf(table);
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const rule = widths.map((width) => '─'.repeat(width));
  const [head = [], ...body] = lines;
  const text = [head, rule, ...body].map((line) =>
    line.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  '),
  );
  return [table.title, ...text.map((line) => `  ${line.trimEnd()}`)].join('\n');
}

/** Breaks a sentence into lines of at most 100 characters, as a paragraph of its own. */
export function formatNote(note: string): string {
  const lines = [''];
  for (const word of note.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line.length + word.length < 100) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(`  ${word}`);
  }
  return ` -${lines.join('\n ')}`;
}

/** A table in Markdown. */
export function formatMarkdown(table: Table): string {
  const [head = [], ...body] = linesOf(table);
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [`### ${table.title}`, '', ...[head, rule, ...body].map((line) => `| ${line.join(' | ')} |`)].join('\n');
}

function linesOf(table: Table): string[][] {
  return [
    ['contender', ...table.columns.map((column) => column.name)],
    ...table.rows.map((row) => [
      row.contender,
      ...table.columns.map((column, index) => formatCell(row.cells[index] ?? '', column)),
    ]),
  ];
}
