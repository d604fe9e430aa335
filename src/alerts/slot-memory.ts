// What a process remembers of groups from slot to slot: which rule is asked first, and whether slots take longer than they are apart.
import type { Evaluation } from './evaluate.ts';
import type { RuleGroup } from './rule.ts';

/** By names of groups. */
export class SlotMemory {
  /** Which rule of a group is asked first, where there was no time for it in the last slot. */
  readonly #firstRules = new Map<string, number>();
  readonly #overloaded = new Set<string>();

  /** Index of the rule that is asked first. */
  firstRuleOf(group: string): number {
    return this.#firstRules.get(group) ?? 0;
  }

  /** Whether the last slot took longer than slots are apart. */
  isOverloaded(group: string): boolean {
    return this.#overloaded.has(group);
  }

  /** Notes how long a slot took that was committed, with what it waited for others. */
  noteTime({ name, everyMs }: Pick<RuleGroup, 'name' | 'everyMs'>, tookMs: number): void {
    if (tookMs > everyMs) this.#overloaded.add(name);
    else this.#overloaded.delete(name);
  }

  /** The rules that had no time in this slot go first in the next, so that none is left out for ever. @param first index of the rule that was asked first */
  noteCut(
    { name, rules }: Pick<RuleGroup, 'name' | 'rules'>,
    evaluations: readonly Pick<Evaluation, 'isCut'>[],
    first: number,
  ): void {
    const inTurn = evaluations.map((_, index) => (first + index) % rules.length);
    const next = inTurn.find((index) => evaluations[index]?.isCut === true);
    if (next === undefined) this.#firstRules.delete(name);
    else this.#firstRules.set(name, next);
  }

  /** Forgets groups that are gone. */
  retain(groups: ReadonlySet<string>): void {
    for (const name of this.#firstRules.keys()) if (!groups.has(name)) this.#firstRules.delete(name);
    for (const name of this.#overloaded) if (!groups.has(name)) this.#overloaded.delete(name);
  }
}
