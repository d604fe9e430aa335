// Rules made and changed by the API: checked as those of files are, planned by Postgres, then kept with a record of who changed what.
import type { Database } from '../db/database.ts';
import { KeepwatchError } from '../errors.ts';
import { formatDuration } from '../units.ts';
import { compileStored } from './compiled-rules.ts';
import { checkDraft } from './definitions/check-draft.ts';
import { compileDraft } from './definitions/rule-draft.ts';
import { ruleDraftSchema } from './definitions/rule-draft-schema.ts';
import { createStoredRules, type RuleChange, type RuleContent, type StoredRule } from './definitions/stored-rules.ts';
import type { WriteOutcome } from './definitions/write-outcome.ts';
import { type Preview, previewRule } from './preview.ts';
import type { LoadedRules } from './rule-file.ts';
import { checkQueries, checkRulesRole } from './rules-check.ts';

/** A rule, with what is allowed and most likely not meant: what Postgres says of its columns is told to who changes it. */
export interface StoredRuleEntry extends StoredRule {
  readonly warnings: readonly string[];
}

export interface RuleEditor {
  read(uid: string): Promise<StoredRuleEntry | undefined>;
  /** Newest first; undefined: there never was such a rule. */
  changes(uid: string): Promise<readonly RuleChange[] | undefined>;
  /** @throws KeepwatchError ERR_USAGE or ERR_RULES_INVALID: each problem with its place; as all that follow */
  create(draft: unknown, actor: string): Promise<WriteOutcome<StoredRuleEntry>>;
  replace(uid: string, version: number, draft: unknown, actor: string): Promise<WriteOutcome<StoredRuleEntry>>;
  setEnabled(uid: string, version: number, enabled: boolean, actor: string): Promise<WriteOutcome<StoredRuleEntry>>;
  remove(uid: string, version: number, actor: string): Promise<WriteOutcome<StoredRuleEntry>>;
  preview(given: unknown, nowMs: number): Promise<Preview>;
}

export interface RuleEditorOptions {
  /** The owner of the schema. */
  readonly database: Database;
  /** Connected as keepwatch_rules; not the connections that evaluate rules. */
  readonly rulesDatabase: Database;
  readonly files: LoadedRules;
  /** Names that `notify` may hold. */
  readonly receivers: readonly string[];
  /** `owner`: queries may run as any role. Default `rules`: until the role is one that only reads, none is run. */
  readonly role?: 'rules' | 'owner' | undefined;
}

export function createRuleEditor({ database, rulesDatabase, files, receivers, role = 'rules' }: RuleEditorOptions): RuleEditor {
  const stored = createStoredRules(database);
  let isRoleChecked = role === 'owner';
  const refuseOtherRole = async () => {
    if (!isRoleChecked) await checkRulesRole(rulesDatabase);
    isRoleChecked = true;
  };
  const check = async (
    given: unknown,
    path?: string,
  ): Promise<{ uid: string; content: RuleContent; warnings: readonly string[] }> => {
    const draft = checkDraft(ruleDraftSchema, given);
    const { everyMs, rules, warnings } = compileDraft(draft, { receivers });
    const uid = path ?? rules[0]?.uid ?? '';
    const content = { group: draft.group, every_ms: everyMs, definition: draft.rule, enabled: draft.enabled };
    const group = compileStored({ uid, ...content }, files, { receivers });
    await refuseOtherRole();
    const found = await checkQueries([group], rulesDatabase);
    if (!found.isComplete)
      throw new KeepwatchError('ERR_DATABASE_UNAVAILABLE', 'Postgres does not answer, so that the query cannot be checked');
    const problems = [...found.refused, ...found.flawed];
    if (problems.length > 0) {
      const messages = problems.map(
        ({ rule, key, message, line }) => `rule.${key}: ${rule.name}: ${message}${line > 1 ? ` (line ${line})` : ''}`,
      );
      throw new KeepwatchError('ERR_RULES_INVALID', messages.join('\n'));
    }
    return { uid, content, warnings: [...warnings, ...found.warnings.map(({ key, message }) => `rule.${key}: ${message}`)] };
  };
  return {
    async read(uid) {
      const rule = await stored.read(uid);
      return rule && toEntry(rule);
    },
    async changes(uid) {
      const changes = await stored.changes(uid);
      return changes.length === 0 ? undefined : changes;
    },
    async create(draft, actor) {
      const { uid, content, warnings } = await check(draft);
      return told(await stored.create(uid, content, actor), warnings);
    },
    async replace(uid, version, draft, actor) {
      const { content, warnings } = await check(draft, uid);
      return told(await stored.replace(uid, version, content, actor), warnings);
    },
    async setEnabled(uid, version, enabled, actor) {
      const current = await stored.read(uid);
      if (current?.version === version && current.enabled === enabled) return told({ outcome: 'done', current });
      // What was taken once need not fit any more: files may have its group or its uid by now.
      const checked = enabled && current?.version === version ? await check(draftOf(current), uid) : undefined;
      return told(await stored.setEnabled(uid, version, enabled, actor), checked?.warnings);
    },
    remove: async (...change) => told(await stored.remove(...change)),
    async preview(given, nowMs) {
      await refuseOtherRole();
      return previewRule(rulesDatabase, given, nowMs);
    },
  };
}

/** @param warnings of the rule as it is now; default: what its words say. */
function told(outcome: WriteOutcome<StoredRule>, warnings?: readonly string[]): WriteOutcome<StoredRuleEntry> {
  if (outcome.outcome === 'missing') return outcome;
  const { current } = outcome;
  const isDone = outcome.outcome === 'done';
  return { ...outcome, current: isDone && warnings !== undefined ? { ...current, warnings } : toEntry(current) };
}

/** One that is no rule any more says why. */
function toEntry(stored: StoredRule): StoredRuleEntry {
  try {
    return { ...stored, warnings: compileDraft(draftOf(stored)).warnings };
  } catch (error) {
    if (!(error instanceof KeepwatchError)) throw error;
    return { ...stored, warnings: error.message.split('\n') };
  }
}

/** A rule as it was given. */
function draftOf({ group, every_ms, definition, enabled }: StoredRule) {
  return { group, every: formatDuration(every_ms), rule: { ...definition }, enabled };
}
