// What the code of the app has declared: names and label values that it knew before anybody sent something.
import type { EventType } from '../../event.ts';
import type { TargetLimits } from '../../target.ts';
import { boundLabel, boundName, ownText } from '../bounded-text.ts';
import type { ExecutionOptions } from '../execution-options.ts';
import { isClosedValue, labelsOf } from '../metrics/catalogue.ts';

/** Declared names of a type, and values of a label: what comes later counts as undeclared. */
export const MAX_DECLARED = 5000;

/** Names and label values that are known up front: tools, agents, models. */
export interface DeclaredNames {
  readonly type: EventType;
  /** Names of executions of this type. */
  readonly names?: readonly string[];
  /** Values of the labels of this type: `{ model: ['small', 'large'] }`. */
  readonly labels?: Readonly<Record<string, readonly unknown[]>>;
  /** How fast executions of each of the names have to be: `{ p95: '3s' }`. */
  readonly target?: TargetLimits;
}

export class Declarations {
  /** Names by type; label values by type and label. */
  readonly #known = new Map<string, Set<string>>();

  add({ type, names = [], labels = {} }: DeclaredNames): void {
    for (const name of names) this.#add(type, boundName(name));
    for (const [label, values] of Object.entries(labels)) {
      for (const value of values) this.#add(`${type}.${label}`, boundLabel(value));
    }
  }

  #add(key: string, text: string): void {
    const known = this.#known.get(key) ?? new Set();
    this.#known.set(key, known);
    if (known.size < MAX_DECLARED) known.add(ownText(text));
  }

  hasName(type: EventType, name: string): boolean {
    return this.#known.get(type)?.has(name) === true;
  }

  /** Also true of values that are one of a few by their nature, such as a status code. */
  hasLabel(type: EventType, label: string, value: string): boolean {
    return isClosedValue(label, value) || this.#known.get(`${type}.${label}`)?.has(value) === true;
  }
}

/**
 * What is given once and for all comes from the code of the app. Of the labels those that the catalogue knows: what was given for them may
 * be anything, a text of 10 MB too, which has as many entries. What cannot be read is left to those who read it next.
 */
export function declarationOf({ type, name, labels }: ExecutionOptions): DeclaredNames {
  try {
    return { type, names: [name], labels: Object.fromEntries(labelsOf(type).map((label) => [label, [labels?.[label]]])) };
  } catch {
    return { type, names: [name] };
  }
}
