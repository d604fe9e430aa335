// A rule that a client gives: checked as one in a file would be, and more, since it stands among the others at once.
import { KeepwatchError } from '../../errors.ts';
import type { RuleGroup } from '../rule.ts';
import { type ReadRulesOptions, readRules } from '../rule-file.ts';
import { RULE_FORM, type RuleDraft } from './rule-draft-schema.ts';

/** Where problems of rules from the API stand; also the `file` of their groups. */
export const API_FILE = 'api';

/** A group of one rule. */
export interface CompiledDraft extends RuleGroup {
  /** What is allowed, and most likely not meant; each with its place in the rule. */
  readonly warnings: readonly string[];
}

/**
 * The group of the one rule, checked by the functions that check files.
 * @throws KeepwatchError ERR_RULES_INVALID: each problem with its place in the rule
 */
export function compileDraft({ group, every, rule }: RuleDraft, options: ReadRulesOptions = {}): CompiledDraft {
  const text = JSON.stringify({ groups: [{ name: group, every, rules: [rule] }] });
  const { groups, problems, warnings } = readRules(text, API_FILE, options);
  const [compiled] = groups;
  if (problems.length > 0 || compiled?.rules.length !== 1) {
    const messages = problems.map(({ message, line }) => (line > 1 ? `${placed(message)} (line ${line})` : placed(message)));
    throw new KeepwatchError('ERR_RULES_INVALID', messages.join('\n') || RULE_FORM);
  }
  return { ...compiled, warnings: warnings.map(({ message }) => placed(message)) };
}

/** `groups[0].rules[0].for` is `rule.for` to a client, who gave no groups. */
function placed(message: string): string {
  return message
    .replace(/^groups\[0\]\.rules\[0\]/, 'rule')
    .replace(/^groups\[0\]\.(name)?/, (_, name) => (name === undefined ? '' : 'group'));
}
