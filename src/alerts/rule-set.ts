// Which rules a process came with, in a word: the hash of all that decides what they do. Where a rule stands in its file is no part of it.
import { createHash } from 'node:crypto';
import type { RuleGroup } from './rule.ts';

/** The rules of a process, as other processes know them. */
export interface RuleSet {
  /** Whose rules they are; sets of one name follow each other, sets of different names live beside each other. */
  readonly name: string;
  /** Hexadecimal SHA-256 over the rules of files: those of the API are the same for all processes. */
  readonly hash: string;
  /** Names of the groups of files. */
  readonly ownGroups: readonly string[];
  /** Names of all groups. */
  readonly groups: readonly string[];
  /** Distance of the slots of each of `groups`. */
  readonly everyMs: readonly number[];
}

const PLACES = new Set(['file', 'line', 'queryLine']);

/**
 * Describes groups, whatever their order.
 * @param own the groups of files
 * @param all with those of the API and of targets; default: `own`
 */
export function createRuleSet(name: string, own: readonly RuleGroup[], all: readonly RuleGroup[] = own): RuleSet {
  const sorted = [...own].sort((a, b) => (a.name < b.name ? -1 : 1));
  const text = JSON.stringify(sorted, (key, value: unknown) => (PLACES.has(key) ? undefined : value));
  return {
    name,
    hash: createHash('sha256').update(text).digest('hex'),
    ownGroups: sorted.map((group) => group.name),
    groups: all.map((group) => group.name),
    everyMs: all.map((group) => group.everyMs),
  };
}
