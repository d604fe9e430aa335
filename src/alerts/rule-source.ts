// Where rules come from: files, rules of the API, targets beside code. Merges them into one set; Postgres is only asked for more than one number when
// that number has changed, and what did not change of the set stays what it is.
import type { Database } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';
import type { FileProblem } from '../yaml-file.ts';
import { CompiledRules } from './compiled-rules.ts';
import { API_FILE } from './definitions/rule-draft.ts';
import { createStoredRules, type StoredRule } from './definitions/stored-rules.ts';
import { hasTargets } from './definitions/targets.ts';
import type { RuleGroup } from './rule.ts';
import type { LoadedRules } from './rule-file.ts';

/** Who a rule is from. */
export interface RuleOrigin {
  readonly source: 'file' | 'api' | 'target';
  /** Of a rule of the API. */
  readonly version?: number;
}

/** All rules of a moment. */
export interface MergedRules extends LoadedRules {
  /** Which rules of the API and targets these are: equal numbers, equal rules. */
  readonly revision: number;
  /** By uid. */
  readonly origins: ReadonlyMap<string, RuleOrigin>;
}

/** What Postgres holds of rules. */
export interface StoredDefinitions {
  readonly revision: number;
  readonly rules: readonly StoredRule[];
  /** Whether any target beside code holds. */
  readonly hasTargets: boolean;
}

export interface RuleSource {
  /**
   * The rules of now; the same object as long as nothing has changed, and the same groups where others have.
   * @param revision what `alert_definition_revision` says, where the caller has read it along with something else
   * @throws when the database does not answer
   */
  load(revision?: number): Promise<MergedRules>;
}

const READ_REVISION = loadSql('alerts/read-revision');
/** Targets cease to hold without a change of the revision. */
const READ_AGAIN_MS = 600_000;

export function createRuleSource({ database, files }: { readonly database: Database; readonly files: LoadedRules }): RuleSource {
  const compiled = new CompiledRules(files);
  let known: MergedRules | undefined;
  let readAtMs = Number.NEGATIVE_INFINITY;
  /** One reads at a time: who comes second finds what the first has found. */
  let running: Promise<unknown> = Promise.resolve();
  const load = async (given: number | undefined): Promise<MergedRules> => {
    const revision = given ?? (await readRevision(database));
    if (known?.revision === revision && performance.now() - readAtMs < READ_AGAIN_MS) return known;
    const readMs = performance.now();
    const merged = await mergeRules(files, await loadStoredRules(database), compiled);
    readAtMs = readMs;
    // With the same number only targets may have come or gone.
    const isKnown = known?.revision === merged.revision && isSame(known.groups, merged.groups);
    if (known === undefined || !isKnown) known = merged;
    return known;
  };
  return {
    load(given) {
      const loaded = running.then(() => load(given));
      running = loaded.catch(() => {});
      return loaded;
    },
  };
}

function isSame(before: readonly RuleGroup[], after: readonly RuleGroup[]): boolean {
  return before.length === after.length && after.every((group, index) => group === before[index]);
}

async function readRevision(database: Database): Promise<number> {
  return (await database.one<{ revision: number }>(READ_REVISION)).revision;
}

/** The number first: rules that are newer than it are read again. */
export async function loadStoredRules(database: Database): Promise<StoredDefinitions> {
  const revision = await readRevision(database);
  const [rules, isAnyTarget] = await Promise.all([createStoredRules(database).list(), hasTargets(database)]);
  return { revision, rules, hasTargets: isAnyTarget };
}

/**
 * One set of all rules. Files come first: a rule of the API that has a uid or a group of theirs is left out, and told as a problem, as is one that is
 * no rule any more, as this version of Keepwatch knows less than the one that took it. A receiver that is not known here may be known to another
 * service, which evaluates the rule then (group-needs.ts).
 * @param compiled by the same files, as of the set before
 */
export async function mergeRules(
  files: LoadedRules,
  { revision, rules, hasTargets: isAnyTarget }: StoredDefinitions,
  compiled: CompiledRules,
): Promise<MergedRules> {
  const origins = new Map<string, RuleOrigin>();
  for (const { uid } of files.groups.flatMap((group) => group.rules)) origins.set(uid, { source: 'file' });
  const problems: FileProblem[] = [...files.problems];
  const enabled = rules.filter((rule) => rule.enabled);
  const found = await compiled.compile(enabled);
  const parts = new Map<string, Map<string, RuleGroup>>();
  for (const [index, { uid, version }] of enabled.entries()) {
    const rule = found[index];
    if (rule === undefined) continue;
    const messages = 'error' in rule ? rule.error.message.split('\n') : addTo(parts, rule.group);
    problems.push(...messages.map((message) => ({ file: API_FILE, line: 1, message: `${uid}: ${message}` })));
    if (messages.length === 0) origins.set(uid, { source: 'api', version });
  }
  const ofTargets = isAnyTarget ? [compiled.targets()] : [];
  for (const { uid } of ofTargets.flatMap((group) => group.rules)) origins.set(uid, { source: 'target' });
  const groups = [...files.groups, ...compiled.unite(parts), ...ofTargets];
  return { revision, groups, problems, warnings: files.warnings, origins };
}

/** Puts a rule, a group of its own, beside those of its group. @returns why it cannot be */
function addTo(parts: Map<string, Map<string, RuleGroup>>, part: RuleGroup): string[] {
  const others = parts.get(part.name) ?? new Map<string, RuleGroup>();
  const alert = part.rules[0]?.name ?? '';
  if (others.has(alert)) return [`the alert "${alert}" is there twice in its group`];
  parts.set(part.name, others.set(alert, part));
  return [];
}
