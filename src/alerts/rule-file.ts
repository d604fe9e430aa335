// Reads rule files: YAML to checked rules. Every problem is reported with file and line; what is good is kept, so that one bad rule (or file)
// never stops the others.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { describeError } from '../errors.ts';
import { type FileProblem, parseYaml, type YamlFile } from '../yaml-file.ts';
import type { Rule, RuleGroup } from './rule.ts';
import { checkRule } from './rule-check.ts';
import { type Path, RuleProblems } from './rule-problems.ts';
import { fileSchema, groupSchema } from './rule-schema.ts';
import { defaultMaxWaitMs } from './slots.ts';
import { understandKeys } from './understood-keys.ts';

export interface LoadedRules {
  readonly groups: readonly RuleGroup[];
  /** What is wrong; a rule with problems is left out, as is a group or file that cannot be read. */
  readonly problems: readonly FileProblem[];
  /** What is most likely not meant, of rules that run. */
  readonly warnings: readonly FileProblem[];
}

/**
 * Loads all rules.
 * @param patterns files relative to `folder`; `*` in the last part stands for any characters. A pattern may match nothing; a plain name has to exist
 * @param options.receivers names that `notify` may hold; default: not checked
 */
export function loadRules(
  patterns: readonly string[],
  folder: string,
  options: Pick<ReadRulesOptions, 'receivers'> = {},
): LoadedRules {
  const groups: RuleGroup[] = [];
  const problems: FileProblem[] = [];
  const warnings: FileProblem[] = [];
  for (const file of new Set(patterns.flatMap((pattern) => expandPattern(pattern, folder)))) {
    let text: string;
    try {
      text = readFileSync(resolve(folder, file), 'utf8');
    } catch (error) {
      problems.push({ file, line: 1, message: `cannot be read: ${describeError(error)}` });
      continue;
    }
    const reader = new RuleFileReader(text, file, options);
    for (const group of reader.read()) {
      const other = groups.find(({ name }) => name === group.name);
      if (other === undefined) groups.push({ ...group, rules: group.rules.filter((rule) => reader.isNew(rule, groups)) });
      else reader.sayOfGroup(group.name, `the group "${group.name}" is also in ${other.file}`);
    }
    problems.push(...reader.told.problems);
    warnings.push(...reader.told.warnings);
  }
  return { groups, problems, warnings };
}

export interface ReadRulesOptions {
  /** Names that `notify` may hold; default: not checked. */
  readonly receivers?: readonly string[];
  /** False: nobody reads warnings, which are not looked for. Default true. */
  readonly hasWarnings?: boolean;
}

/** The rules of one text, under the same checks; `file` names it in problems. A text of JSON is one of YAML. */
export function readRules(text: string, file: string, options: ReadRulesOptions = {}): LoadedRules {
  const reader = new RuleFileReader(text, file, options);
  return { groups: reader.read(), problems: reader.told.problems, warnings: reader.told.warnings };
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

class RuleFileReader {
  readonly told: RuleProblems;
  readonly #yaml: YamlFile;
  readonly #lines: readonly string[];
  readonly #options: ReadRulesOptions;
  readonly #groupLines = new Map<string, number>();

  constructor(text: string, file: string, options: ReadRulesOptions) {
    this.#yaml = parseYaml(text, file);
    this.#lines = text.split('\n');
    this.#options = options;
    this.told = new RuleProblems(this.#yaml);
    this.told.problems.push(...this.#yaml.problems);
  }

  sayOfGroup(name: string, message: string): void {
    this.told.problems.push({ file: this.#yaml.file, line: this.#groupLines.get(name) ?? 1, message });
  }

  /** Whether no other rule of `groups` has its uid; said if one has. */
  isNew(rule: Rule, groups: readonly RuleGroup[]): boolean {
    const other = groups.flatMap(({ rules }) => rules).find(({ uid }) => uid === rule.uid);
    if (other === undefined) return true;
    this.told.problems.push({ file: rule.file, line: rule.line, message: sameUid(rule, other) });
    return false;
  }

  read(): RuleGroup[] {
    if (this.told.problems.length > 0) return [];
    const { value, nameOf } = understandKeys(fileSchema, this.#yaml.value, { told: this.told, path: [] });
    const file = this.told.check(fileSchema, value, []);
    const groups: RuleGroup[] = [];
    for (const [index, given] of (file?.groups ?? []).entries()) {
      const path = [nameOf('groups'), index];
      const group = this.#group(given, path, groups);
      if (group === undefined) continue;
      if (groups.some(({ name }) => name === group.name))
        this.told.say([...path, 'name'], `the group "${group.name}" is there twice`);
      else groups.push(group);
    }
    return groups;
  }

  #group(given: unknown, path: Path, before: readonly RuleGroup[]): RuleGroup | undefined {
    const { value, nameOf } = understandKeys(groupSchema, given, { told: this.told, path });
    const checked = this.told.check(groupSchema, value, path);
    if (checked === undefined) return undefined;
    const { name, every: everyMs, max_wait } = checked;
    this.#groupLines.set(name, this.#yaml.lineOf([...path, nameOf('name')]));
    const rules: Rule[] = [];
    for (const [index, givenRule] of checked.rules.entries()) {
      const rulePath = [...path, nameOf('rules'), index];
      const { rule, problems, warnings } = checkRule(givenRule, {
        group: name,
        everyMs,
        source: this.#yaml,
        path: rulePath,
        queryLineOf: (at) => this.#queryLineOf(at),
        ...this.#options,
      });
      this.told.problems.push(...problems);
      if (rule === undefined) continue;
      const other = [...before.flatMap((group) => group.rules), ...rules].find(({ uid }) => uid === rule.uid);
      if (rules.some((one) => one.name === rule.name))
        this.told.say([...rulePath, 'alert'], `the alert "${rule.name}" is there twice in its group`);
      else if (other !== undefined) this.told.say([...rulePath, 'uid'], sameUid(rule, other));
      else {
        rules.push(rule);
        this.told.warnings.push(...warnings);
      }
    }
    return { name, everyMs, maxWaitMs: max_wait ?? defaultMaxWaitMs(everyMs), file: this.#yaml.file, rules };
  }

  /** A block scalar (`query: |`) begins below its key; text beside the key is on its line; a folded one has lost its lines. */
  #queryLineOf(path: Path): number | undefined {
    const line = this.#yaml.lineOf(path);
    const style = /:\s*([|>])?/.exec((this.#lines[line - 1] ?? '').replace(/^[^:]*/, ''))?.[1];
    return style === '|' ? line + 1 : style === '>' ? undefined : line;
  }
}

function sameUid(rule: Rule, other: Rule): string {
  return `${rule.name}: the uid "${rule.uid}" is also that of ${other.name} (${other.file}:${other.line}); give it another one`;
}
