// YAML checked by a schema, with the line of every complaint. Used by the configuration and by rule files.
import { LineCounter, parseDocument, stringify } from 'yaml';
import type { z } from 'zod';
import { describeError } from './errors.ts';

/** One thing wrong with a file, its line counted from 1. */
export interface FileProblem {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** A parsed YAML text that still knows where its values stood. */
export interface YamlFile {
  readonly file: string;
  readonly value: unknown;
  readonly problems: readonly FileProblem[];
  /** Line of the value at `path`, or of its nearest ancestor that the file has. */
  lineOf(path: readonly PropertyKey[]): number;
}

/** Parses YAML 1.2; syntax errors, duplicate keys and aliases that multiply without measure come back as `problems`, with `value` undefined. */
export function parseYaml(text: string, file: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const problems = document.errors.map((error) => ({
    file,
    line: lines.linePos(error.pos[0]).line,
    message: `is not YAML: ${error.message.split('\n')[0] ?? error.message}`,
  }));
  let value: unknown;
  try {
    if (problems.length === 0) value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    problems.push({ file, line: 1, message: `is not YAML: ${describeError(error)}` });
  }
  return {
    file,
    problems,
    value,
    lineOf(path) {
      for (let depth = path.length; depth > 0; depth--) {
        const parent = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
        const key = path[depth - 1];
        const items = (parent as { items?: unknown[] } | null | undefined)?.items;
        const item =
          typeof key === 'number' ? items?.[key] : items?.find((pair) => scalar((pair as { key?: unknown }).key) === String(key));
        const range = rangeOf(typeof key === 'number' ? item : (item as { key?: unknown } | undefined)?.key);
        if (range !== undefined) return lines.linePos(range).line;
      }
      return 1;
    },
  };
}

function scalar(node: unknown): string {
  return String((node as { value?: unknown } | null)?.value ?? node);
}

function rangeOf(node: unknown): number | undefined {
  return (node as { range?: [number, number, number] } | null | undefined)?.range?.[0];
}

/**
 * A failed zod check as problems with lines; unknown keys are named one by one, with what is allowed: the message has one line for all of
 * them, or a line each.
 * @param at where in the file the checked value stands; default: it is the whole file
 */
export function problemsOf(
  error: z.ZodError,
  yaml: Pick<YamlFile, 'file' | 'lineOf'>,
  at: readonly PropertyKey[] = [],
): FileProblem[] {
  return error.issues.flatMap((issue) => {
    const keys: readonly (string | undefined)[] = issue.code === 'unrecognized_keys' ? issue.keys : [undefined];
    const whole = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
    return keys.map((key, index) => {
      const message = key === undefined ? whole : (whole.split('\n')[index] ?? whole);
      const path = [...at, ...issue.path, ...(key === undefined ? [] : [key])];
      return { file: yaml.file, line: yaml.lineOf(path), message: path.length > 0 ? `${formatPath(path)}: ${message}` : message };
    });
  });
}

/** `groups[0].rules[1].for` */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

/** `rules/api.yaml:12: groups[0].every: …`, a line each. */
export function formatProblems(problems: readonly FileProblem[]): string {
  return problems.map((problem) => `${problem.file}:${problem.line}: ${problem.message}`).join('\n');
}

/** A value as YAML that gives the same value again; texts of several lines as blocks, none of them folded. */
export function formatYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, blockQuote: 'literal', aliasDuplicateObjects: false });
}
