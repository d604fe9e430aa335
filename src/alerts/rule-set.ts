// Which rules a process came with, in a word: the hash of all that decides what they do. Where a rule stands in its file is no part of it.
import { createHash } from 'node:crypto';
import type { RuleGroup } from './rule.ts';

/** The rules of a process, as other processes know them. */
export interface RuleSet {
  /** Whose rules they are; sets of one name follow each other, sets of different names live beside each other. */
  readonly name: string;
  /** Hexadecimal SHA-256. */
  readonly hash: string;
  /** Names of the groups. */
  readonly groups: readonly string[];
  /** Distance of the slots of each group. */
  readonly everyMs: readonly number[];
}

const PLACES = new Set(['file', 'line', 'queryLine']);

/**
 * Describes groups, whatever their order.
 * @param revision of the rules that the API can change: a rule that is switched off and on again is a new set, which takes its groups at once,
 * where an old one would have to wait until nobody holds the newest. Default 0
 */
export function createRuleSet(name: string, groups: readonly RuleGroup[], revision = 0): RuleSet {
  const sorted = [...groups].sort((a, b) => (a.name < b.name ? -1 : 1));
  const text = JSON.stringify(sorted, (key, value: unknown) => (PLACES.has(key) ? undefined : value));
  return {
    name,
    hash: createHash('sha256')
      .update(revision === 0 ? text : `${revision}:${text}`)
      .digest('hex'),
    groups: sorted.map((group) => group.name),
    everyMs: sorted.map((group) => group.everyMs),
  };
}
