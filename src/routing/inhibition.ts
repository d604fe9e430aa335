// Inhibition: while a cause fires, nobody is told of its effects. Words and meaning are Alertmanager's; a label that neither alert has is
// equal in both. Source: https://prometheus.io/docs/alerting/latest/configuration/#inhibition-related-settings
import { type Labels, labelOf, type Matcher, matchesAll } from './matcher.ts';

export interface InhibitRule {
  readonly name?: string | undefined;
  /** Of the cause. */
  readonly sourceMatchers: readonly Matcher[];
  /** Of what nobody is told meanwhile. */
  readonly targetMatchers: readonly Matcher[];
  /** Labels that cause and effect have in common. */
  readonly equal: readonly string[];
}

/** An alert that fires. */
export interface FiringAlert {
  readonly fingerprint: string;
  readonly labels: Labels;
}

/** What fires now, asked about many alerts. */
export class Inhibitor {
  readonly #rules: readonly InhibitRule[];
  /** By rule: what fires that may be a cause, by its values of `equal`. */
  readonly #causes: readonly ReadonlyMap<string, readonly FiringAlert[]>[];

  constructor(rules: readonly InhibitRule[], firing: Iterable<FiringAlert>) {
    this.#rules = rules;
    const causes = rules.map(() => new Map<string, FiringAlert[]>());
    for (const alert of firing) {
      for (const [index, rule] of rules.entries()) {
        if (!matchesAll(rule.sourceMatchers, alert.labels)) continue;
        const known = causes[index] as Map<string, FiringAlert[]>;
        const key = equalKey(rule, alert.labels);
        const alike = known.get(key);
        if (alike === undefined) known.set(key, [alert]);
        else alike.push(alert);
      }
    }
    this.#causes = causes;
  }

  /** The alert that an alert with these labels is held back for; undefined when it may be told of. What is cause and effect inhibits none like it. */
  causeOf(labels: Labels): FiringAlert | undefined {
    for (const [index, rule] of this.#rules.entries()) {
      if (!matchesAll(rule.targetMatchers, labels)) continue;
      const alike = this.#causes[index]?.get(equalKey(rule, labels)) ?? [];
      const isBoth = matchesAll(rule.sourceMatchers, labels);
      const cause = isBoth ? alike.find((alert) => !matchesAll(rule.targetMatchers, alert.labels)) : alike[0];
      if (cause !== undefined) return cause;
    }
    return undefined;
  }
}

function equalKey({ equal }: InhibitRule, labels: Labels): string {
  return JSON.stringify(equal.map((name) => labelOf(labels, name)));
}
