// Says, once each, what people would otherwise look for in vain: groups that are left to others, that nobody can tell of, that another service
// evaluates with rules of its own, or that nobody evaluates for now.
import type { Logger } from '../logger.ts';
import { type AheadGroup, describeAhead } from './ahead-groups.ts';
import type { LeaseProgress } from './group-leases.ts';
import { type GroupNeeds, missingReceivers } from './group-needs.ts';

export interface LeaseNoticesOptions {
  readonly logger: Logger;
  /** Name of the rule set of this process: its service. */
  readonly ruleSet: string;
  /** Names of its receivers. */
  readonly receivers: readonly string[];
}

/** Remembers what was said. */
export class LeaseNotices {
  readonly #options: LeaseNoticesOptions;
  /** What held in the last pass, and was said; what holds again later is said again. */
  #said: ReadonlySet<string> = new Set();

  constructor(options: LeaseNoticesOptions) {
    this.#options = options;
  }

  /**
   * @param held names of the groups that this process evaluates
   * @param ahead those of them that it does not evaluate for now
   */
  look(
    { left, foreign }: LeaseProgress,
    held: ReadonlySet<string>,
    { needs, ahead }: { readonly needs: readonly GroupNeeds[]; readonly ahead: readonly AheadGroup[] },
  ): void {
    const { logger, ruleSet, receivers } = this.#options;
    const found = new Set<string>();
    const say = (level: 'info' | 'warn', group: string, fields: object, message: string) => {
      const key = `${group}\n${message}`;
      if (!this.#said.has(key)) logger[level]({ group, ...fields }, message);
      found.add(key);
    };
    for (const group of left)
      say('info', group, { receivers }, 'the group is left to a process that has the receivers of its rules');
    for (const { group_name: group, receivers: wanted } of needs) {
      const missing = missingReceivers(wanted, receivers);
      if (missing.length > 0 && held.has(group))
        say('warn', group, { missing }, `nobody is told of these alerts as far as their receivers are missing: ${NO_RECEIVER}`);
    }
    for (const [group, other] of Object.entries(foreign)) {
      const text = `the rules of "${group}" are those of the service "${other}", and not those of "${ruleSet}": ${SAME_GROUP}`;
      say('warn', group, { service: other }, text);
    }
    for (const group of ahead)
      say('warn', group.name, { lastSlot: new Date(group.lastSlotMs).toISOString() }, describeAhead(group));
    this.#said = found;
  }
}

const NO_RECEIVER = 'no process that evaluates rules has all of them; configure them (receivers:), or change `notify`';
const SAME_GROUP =
  'a group is evaluated once, whoever has one of its name; give both services the same rule files, or their groups other names';
