// Annotations: text with `${column}` or `${column|format}`, without logic. Parsed when the rule is loaded, filled in from the row of a series.
import { describeError, KeepwatchError } from '../errors.ts';
import { unknownColumn } from './condition-tree.ts';

/** What a column of a row may hold: label or number. */
export type ColumnValue = string | number | null;

/** A parsed template. */
export interface Annotation {
  readonly text: string;
  /** Every column that it shows, once. */
  readonly columns: readonly string[];
  /** Fills it in. What cannot be shown becomes `<no value>`; `problems` says why, except for a null, which is just that. */
  render(row: ReadonlyMap<string, ColumnValue>): { text: string; problems: string[] };
}

/** Stands where a value is missing. */
export const NO_VALUE = '<no value>';

type Format = (value: number) => string;
type Part = string | { readonly column: string; readonly format: Format; readonly formatName: string | undefined };

const FORMATS: Readonly<Record<string, Format>> = {
  percent: (value) => `${trimmed(value * 100, 2)}%`,
  ms: (value) => `${trimmed(value, Math.abs(value) < 10 ? 2 : 0)} ms`,
  s: (value) => `${trimmed(value, 2)} s`,
};
const ALLOWED_FORMATS = `${Object.keys(FORMATS).join(', ')}, or a digit count from 0 to 9`;
const PLACE = /\$\$\{|\$\{([^}]*)(\})?/g;

/**
 * Parses a template. Formats: `percent` (0.123 is 12.3%), `ms` (a number of milliseconds), `s` (a number of seconds), or how many decimals.
 * `$${` stands for a plain `${`.
 * @throws KeepwatchError ERR_RULES_INVALID with the position (from 1), what was found and what is allowed
 */
export function parseAnnotation(text: string): Annotation {
  const parts: Part[] = [];
  let from = 0;
  for (const match of text.matchAll(PLACE)) {
    parts.push(text.slice(from, match.index));
    parts.push(match[0] === '$${' ? '${' : parsePlace(match[1] ?? '', match[2] !== undefined, match.index + 1));
    from = match.index + match[0].length;
  }
  parts.push(text.slice(from));
  const columns = new Set(parts.flatMap((part) => (typeof part === 'string' ? [] : [part.column])));
  return {
    text,
    columns: [...columns],
    render(row) {
      const problems: string[] = [];
      return { text: parts.map((part) => (typeof part === 'string' ? part : show(part, row, problems))).join(''), problems };
    },
  };
}

function parsePlace(inner: string, isClosed: boolean, at: number): Exclude<Part, string> {
  if (!isClosed)
    throw new KeepwatchError('ERR_RULES_INVALID', `at ${at}: "\${" without "}"; allowed: \${column} or \${column|format}`);
  const match = /^\s*([A-Za-z_][\w]*)\s*(?:\|\s*(\w+)\s*)?$/.exec(inner);
  if (match === null) {
    throw new KeepwatchError('ERR_RULES_INVALID', `at ${at}: found "\${${inner}}"; allowed: \${column} or \${column|format}`);
  }
  const [, column = '', formatName] = match;
  return { column, formatName, format: formatName === undefined ? plain : formatOf(formatName, at) };
}

function formatOf(name: string, at: number): Format {
  if (/^\d$/.test(name)) return (value) => value.toFixed(Number(name));
  const format = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
  if (format === undefined)
    throw new KeepwatchError('ERR_RULES_INVALID', `at ${at}: unknown format "${name}"; allowed: ${ALLOWED_FORMATS}`);
  return format;
}

function show(part: Exclude<Part, string>, row: ReadonlyMap<string, ColumnValue>, problems: string[]): string {
  const value = row.get(part.column);
  if (value === undefined) problems.push(unknownColumn(part.column, [...row.keys()]));
  else if (typeof value === 'string' && part.formatName !== undefined) {
    problems.push(`the column "${part.column}" is text; the format "${part.formatName}" needs a number`);
  } else if (value !== null) {
    return typeof value === 'string' ? value : part.format(value);
  }
  return NO_VALUE;
}

function plain(value: number): string {
  return Number.isInteger(value) || !Number.isFinite(value) ? String(value) : String(Number(value.toPrecision(6)));
}

/** At most `digits` decimals, without zeros at the end. */
function trimmed(value: number, digits: number): string {
  return Number.isFinite(value) ? String(Number(value.toFixed(digits))) : String(value);
}

/** All annotations of a rule, filled in; never throws. */
export function renderAnnotations(
  annotations: Readonly<Record<string, Annotation>>,
  row: ReadonlyMap<string, ColumnValue>,
): { texts: Record<string, string>; problems: string[] } {
  const texts: Record<string, string> = {};
  const problems: string[] = [];
  for (const [name, annotation] of Object.entries(annotations)) {
    try {
      const rendered = annotation.render(row);
      texts[name] = rendered.text;
      problems.push(...rendered.problems.map((problem) => `annotation ${name}: ${problem}`));
    } catch (error) {
      texts[name] = NO_VALUE;
      problems.push(`annotation ${name}: ${describeError(error)}`);
    }
  }
  return { texts, problems };
}
