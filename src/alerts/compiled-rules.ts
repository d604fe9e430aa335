// Rules of the API and of targets, compiled once each: a rule that did not change stays the same object, and so does a group whose rules did not. By
// that evaluators tell what goes on as before. Compiling takes a millisecond a rule, so that it lets others run between pieces.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { KeepwatchError } from '../errors.ts';
import { formatDuration } from '../units.ts';
import { compileDraft } from './definitions/rule-draft.ts';
import type { StoredRule } from './definitions/stored-rules.ts';
import { createTargetGroup } from './definitions/target-rules.ts';
import type { RuleGroup } from './rule.ts';
import type { LoadedRules, ReadRulesOptions } from './rule-file.ts';

/** A rule as a group of its own, or why it is none. */
export type CompiledRule = { readonly group: RuleGroup } | { readonly error: KeepwatchError };

interface KnownRule {
  /** Changes with the rule. */
  readonly state: string;
  readonly compiled: CompiledRule;
}

interface KnownGroup {
  readonly parts: readonly RuleGroup[];
  readonly group: RuleGroup;
}

/** Rules that are compiled before others get a turn. */
const PIECE_RULES = 20;

/** Remembers what it compiled last. */
export class CompiledRules {
  readonly #files: LoadedRules;
  /** By uid. */
  #rules = new Map<string, KnownRule>();
  /** By name, with what each was put together of. */
  #groups = new Map<string, KnownGroup>();
  #targets: RuleGroup | undefined;

  /** @param files whose groups and uids no other rule may have */
  constructor(files: LoadedRules) {
    this.#files = files;
  }

  /** What each rule is, in order. Others are forgotten. */
  async compile(stored: readonly StoredRule[]): Promise<readonly CompiledRule[]> {
    const rules = new Map<string, KnownRule>();
    let left = PIECE_RULES;
    for (const rule of stored) {
      const state = `${rule.version} ${rule.updated_at}`;
      const known = this.#rules.get(rule.uid);
      if (known?.state === state) {
        rules.set(rule.uid, known);
        continue;
      }
      if (left-- === 0) {
        await nextTurn();
        left = PIECE_RULES - 1;
      }
      rules.set(rule.uid, { state, compiled: compileSafely(rule, this.#files) });
    }
    this.#rules = rules;
    return [...rules.values()].map(({ compiled }) => compiled);
  }

  /** Groups put together of the rules that each has, in order. Others are forgotten. @param parts by name, then by the name of the alert */
  unite(parts: ReadonlyMap<string, ReadonlyMap<string, RuleGroup>>): readonly RuleGroup[] {
    const groups = new Map<string, KnownGroup>();
    for (const [name, alerts] of parts) {
      const own = [...alerts.values()];
      const known = this.#groups.get(name);
      const isSame = known?.parts.length === own.length && own.every((part, index) => part === known.parts[index]);
      const [first] = own;
      if (isSame) groups.set(name, known);
      else if (first !== undefined)
        groups.set(name, { parts: own, group: { ...first, rules: own.flatMap(({ rules }) => rules) } });
    }
    this.#groups = groups;
    return [...groups.values()].map(({ group }) => group);
  }

  /** The group of the rule for targets. */
  targets(): RuleGroup {
    this.#targets ??= createTargetGroup();
    return this.#targets;
  }
}

function compileSafely(rule: StoredRule, files: LoadedRules): CompiledRule {
  try {
    return { group: compileStored(rule, files, { hasWarnings: false }) };
  } catch (error) {
    if (!(error instanceof KeepwatchError)) throw error;
    return { error };
  }
}

/**
 * A rule of the API among those of files.
 * @throws KeepwatchError ERR_RULES_INVALID when it is none, or has what a file has
 */
export function compileStored(
  { uid, group, every_ms, definition }: Pick<StoredRule, 'uid' | 'group' | 'every_ms' | 'definition'>,
  files: LoadedRules,
  options: ReadRulesOptions = {},
): RuleGroup {
  const draft = { group, every: formatDuration(every_ms), rule: definition as Record<string, unknown>, enabled: true };
  const compiled = compileDraft(draft, options);
  const inFile = files.groups.find(({ name }) => name === group);
  if (inFile !== undefined)
    throw new KeepwatchError(
      'ERR_RULES_INVALID',
      `group: got "${group}"; allowed: a group that no rule file has, as ${inFile.file} has it`,
    );
  const own = compiled.rules[0]?.uid;
  if (own !== uid) throw new KeepwatchError('ERR_RULES_INVALID', `rule.uid: got "${own}"; allowed: "${uid}", which a rule keeps`);
  const other = files.groups.flatMap(({ rules }) => rules).find((rule) => rule.uid === uid);
  if (other !== undefined)
    throw new KeepwatchError(
      'ERR_RULES_INVALID',
      `rule.uid: got "${uid}"; allowed: a uid that no rule file has, as ${other.file}:${other.line} has it`,
    );
  return compiled;
}
