// Reads rule files: YAML to checked rules. Every problem is reported with file and line; what is good is kept, so that one bad rule (or file)
// never stops the others.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { z } from 'zod';
import { describeError, KeepwatchError } from '../errors.ts';
import { type FileProblem, formatPath, parseYaml, problemsOf, type YamlFile } from '../yaml-file.ts';
import { parseAnnotation } from './annotation.ts';
import { parseCondition } from './condition.ts';
import { compileQuery } from './parameters.ts';
import type { Rule, RuleGroup } from './rule.ts';
import { fileSchema, groupSchema, ruleSchema } from './rule-schema.ts';
import { defaultMaxWaitMs } from './slots.ts';

export interface LoadedRules {
  readonly groups: readonly RuleGroup[];
  readonly problems: readonly FileProblem[];
}

/**
 * Loads all rules.
 * @param patterns files relative to `folder`; `*` in the last part stands for any characters. A pattern may match nothing; a plain name has to exist
 * @param options.receivers names that `notify` may hold; default: not checked
 */
export function loadRules(
  patterns: readonly string[],
  folder: string,
  options: { receivers?: readonly string[] } = {},
): LoadedRules {
  const groups: RuleGroup[] = [];
  const problems: FileProblem[] = [];
  for (const file of new Set(patterns.flatMap((pattern) => expandPattern(pattern, folder)))) {
    let text: string;
    try {
      text = readFileSync(resolve(folder, file), 'utf8');
    } catch (error) {
      problems.push({ file, line: 1, message: `cannot be read: ${describeError(error)}` });
      continue;
    }
    const reader = new RuleFileReader(text, file, options.receivers);
    for (const group of reader.read()) {
      const other = groups.find(({ name }) => name === group.name);
      if (other === undefined) groups.push(group);
      else
        problems.push({
          file,
          line: reader.lineOfGroup(group.name),
          message: `the group "${group.name}" is also in ${other.file}`,
        });
    }
    problems.push(...reader.problems);
  }
  return { groups, problems };
}

function expandPattern(pattern: string, folder: string): string[] {
  const name = basename(pattern);
  if (!name.includes('*')) return [pattern];
  const expression = new RegExp(`^${name.split('*').map(escapeRegExp).join('.*')}$`);
  try {
    const entries = readdirSync(resolve(folder, dirname(pattern)), { withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.') && expression.test(entry.name));
    return files.map((entry) => join(dirname(pattern), entry.name)).sort();
  } catch {
    return [];
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

type Path = readonly PropertyKey[];

class RuleFileReader {
  readonly problems: FileProblem[] = [];
  readonly #yaml: YamlFile;
  readonly #lines: readonly string[];
  readonly #receivers: readonly string[] | undefined;
  readonly #groupLines = new Map<string, number>();

  constructor(text: string, file: string, receivers: readonly string[] | undefined) {
    this.#yaml = parseYaml(text, file);
    this.#lines = text.split('\n');
    this.#receivers = receivers;
    this.problems.push(...this.#yaml.problems);
  }

  lineOfGroup(name: string): number {
    return this.#groupLines.get(name) ?? 1;
  }

  read(): RuleGroup[] {
    if (this.problems.length > 0) return [];
    const file = this.#check(fileSchema, this.#yaml.value, []);
    const groups: RuleGroup[] = [];
    for (const [index, given] of (file?.groups ?? []).entries()) {
      const group = this.#group(given, ['groups', index]);
      if (group === undefined) continue;
      if (groups.some(({ name }) => name === group.name))
        this.#say(['groups', index, 'name'], `the group "${group.name}" is there twice`);
      else groups.push(group);
    }
    return groups;
  }

  #group(given: unknown, path: Path): RuleGroup | undefined {
    const checked = this.#check(groupSchema, given, path);
    if (checked === undefined) return undefined;
    this.#groupLines.set(checked.name, this.#yaml.lineOf([...path, 'name']));
    const rules: Rule[] = [];
    for (const [index, givenRule] of checked.rules.entries()) {
      const rulePath = [...path, 'rules', index];
      const rule = this.#rule(checked.name, givenRule, rulePath);
      if (rule === undefined) continue;
      if (rules.some(({ name }) => name === rule.name))
        this.#say([...rulePath, 'alert'], `the alert "${rule.name}" is there twice in its group`);
      else rules.push(rule);
    }
    return {
      name: checked.name,
      everyMs: checked.every,
      maxWaitMs: defaultMaxWaitMs(checked.every),
      file: this.#yaml.file,
      rules,
    };
  }

  #rule(group: string, given: unknown, path: Path): Rule | undefined {
    const before = this.problems.length;
    const checked = this.#check(ruleSchema, given, path);
    if (checked === undefined) return undefined;
    const queryLine = this.#queryLine(path);
    const compiled = this.#attempt([...path, 'query'], () => compileQuery(checked.query, checked.params), queryLine);
    const fireWhen = this.#attempt([...path, 'fire_when'], () => parseCondition(checked.fire_when));
    const clearText = checked.clear_when;
    const clearWhen =
      clearText === undefined ? undefined : this.#attempt([...path, 'clear_when'], () => parseCondition(clearText));
    const annotations = Object.entries(checked.annotations).flatMap(([name, text]) => {
      const annotation = this.#attempt([...path, 'annotations', name], () => parseAnnotation(text));
      return annotation === undefined ? [] : [[name, annotation] as const];
    });
    this.#checkReceivers(checked.notify ?? [], path);
    if (compiled === undefined || fireWhen === undefined || this.problems.length > before) return undefined;
    return {
      uid: `${group}/${checked.alert}`,
      name: checked.alert,
      file: this.#yaml.file,
      line: this.#yaml.lineOf([...path, 'alert']),
      query: checked.query,
      queryLine,
      params: checked.params,
      compiled,
      fireWhen,
      clearWhen,
      steps: [],
      for: { ms: checked.for },
      keepFiringForMs: 0,
      missing: { policy: 'keep', after: 1 },
      noData: { policy: 'keep', after: 1 },
      onError: { policy: 'keep', afterMs: 300_000 },
      latch: false,
      maxMessages: 500,
      context: undefined,
      expect: [],
      labels: checked.labels,
      annotations: Object.fromEntries(annotations),
      notify: checked.notify,
    };
  }

  #checkReceivers(names: readonly string[], path: Path): void {
    for (const [index, name] of names.entries()) {
      if (this.#receivers?.includes(name) !== false) continue;
      const allowed = this.#receivers.length > 0 ? this.#receivers.join(', ') : 'none, as no receiver is configured';
      this.#say([...path, 'notify', index], `there is no receiver "${name}"; allowed: ${allowed}`);
    }
  }

  #check<Schema extends z.ZodType>(schema: Schema, given: unknown, path: Path): z.output<Schema> | undefined {
    const parsed = schema.safeParse(given);
    if (parsed.success) return parsed.data;
    this.problems.push(...problemsOf(parsed.error, this.#yaml, path));
    return undefined;
  }

  /** Runs a parser; its complaint (`line 3: …` for a query) becomes a problem at the right line. */
  #attempt<T>(path: Path, parse: () => T, firstLine?: number): T | undefined {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof KeepwatchError)) throw error;
      for (const message of error.message.split('\n')) {
        const line = /^line (\d+): /.exec(message);
        if (line === null || firstLine === undefined) this.#say(path, message);
        else this.#sayAt(firstLine + Number(line[1]) - 1, path, message.slice(line[0].length));
      }
      return undefined;
    }
  }

  /** A block scalar (`query: |`) begins below its key; text beside the key is on its line; a folded one has lost its lines. */
  #queryLine(path: Path): number | undefined {
    const line = this.#yaml.lineOf([...path, 'query']);
    const style = /:\s*([|>])?/.exec((this.#lines[line - 1] ?? '').replace(/^[^:]*/, ''))?.[1];
    return style === '|' ? line + 1 : style === '>' ? undefined : line;
  }

  #say(path: Path, message: string): void {
    this.#sayAt(this.#yaml.lineOf(path), path, message);
  }

  #sayAt(line: number, path: Path, message: string): void {
    this.problems.push({ file: this.#yaml.file, line, message: `${formatPath(path)}: ${message}` });
  }
}

/** An alias bomb makes the YAML library throw. */
