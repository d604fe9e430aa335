// Which rules GET /rules tells of, by the parameters that Prometheus has for it
// (https://prometheus.io/docs/prometheus/latest/querying/api/#rules).
import type { z } from 'zod';
import type { rulesParameters } from './alerts-parameters.ts';

/** What groups are chosen by. */
export interface ChosenFrom {
  readonly name: string;
  readonly file: string;
  readonly rules: readonly { readonly name: string }[];
}

/** Those that every given parameter names; a group of which none is left goes too. All our rules are alerting rules. */
export function chooseRules<Group extends ChosenFrom>(
  groups: readonly Group[],
  query: z.output<typeof rulesParameters>,
): readonly Group[] {
  const { type, 'rule_name[]': names, 'rule_group[]': groupNames, 'file[]': files } = query;
  const isChosen = (given: readonly string[] | undefined, name: string) => given === undefined || given.includes(name);
  const isNarrowed = [type, names, groupNames, files].some((given) => given !== undefined);
  return groups
    .filter(({ name, file }) => type !== 'record' && isChosen(groupNames, name) && isChosen(files, file))
    .map((group) => ({ ...group, rules: group.rules.filter(({ name }) => isChosen(names, name)) }))
    .filter(({ rules }) => !isNarrowed || rules.length > 0);
}
