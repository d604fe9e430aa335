// The targets that the code of the app declares: gathered once, bounded, for whoever keeps and measures them.
import { EVENT_TYPES, type EventType } from '../../event.ts';
import { parseTargetLimits, type Target } from '../../target.ts';
import { boundName, ownText } from '../bounded-text.ts';
import type { DeclaredNames } from './declarations.ts';

/** Targets of a process at most; what comes later is left out, and counted as an internal error. */
const MAX_TARGETS = 500;
/** Options that were looked at already; forgotten all at once. */
const MAX_SEEN = 10_000;

export class TargetList {
  readonly #targets = new Map<string, Target>();
  /** What was given last for a name: options of each execution say the same again. */
  readonly #seen = new Map<string, unknown>();

  /** All of them; of two limits for one quantile the later one. */
  get all(): readonly Target[] {
    return [...this.#targets.values()];
  }

  /** The target of each name. @throws as `add` */
  declare({ type, names = [], target }: DeclaredNames): void {
    if (target !== undefined) for (const name of names) this.add(type, name, target);
  }

  /**
   * Called for every execution whose options have a target.
   * @throws TypeError for what is no target, once for each name; RangeError for one too many
   */
  add(type: EventType, givenName: string, given: unknown): void {
    const name = boundName(givenName);
    const subject = `${type}\n${name}`;
    const text = JSON.stringify(given);
    if (this.#seen.get(subject) === text) return;
    if (this.#seen.size >= MAX_SEEN) this.#seen.clear();
    this.#seen.set(ownText(subject), text);
    if (!EVENT_TYPES.includes(type))
      throw new TypeError(`target: got the type ${JSON.stringify(type)}; allowed: ${EVENT_TYPES.join(', ')}`);
    for (const { quantile, limitMs } of parseTargetLimits(given)) {
      const key = `${subject}\n${quantile}`;
      if (!this.#targets.has(key) && this.#targets.size >= MAX_TARGETS)
        throw new RangeError(`target: there are ${MAX_TARGETS} already; allowed: no more`);
      this.#targets.set(key, { type, name: ownText(name), quantile, limitMs });
    }
  }
}
