// Finds rules that have their uid together with a rule of another service: the series of both would be one, and each would end the alerts of the other.
// Uids are checked where rules are read, but by each process alone; here, under the lock of the group, is where they meet.
import { loadSql } from '../db/sql.ts';
import type { Evaluation } from './evaluate.ts';
import type { KnownBatch } from './known-series.ts';

const LIST_SHARED = loadSql('alerts/list-shared-uids');

interface SharedUid {
  readonly rule_uid: string;
  readonly group_name: string;
  /** The service that evaluates it. */
  readonly rule_set: string;
}

/** Asks the database in a transaction. */
interface SharedUidReader {
  any<Row>(statement: typeof LIST_SHARED, values: object): Promise<Row[]>;
}

/**
 * The evaluations of a batch, with the outcome `error` where another service evaluates a rule of the uid. A rule that has moved from a group that
 * nobody evaluates, or that is of the same service, is none of these.
 * @param group name of the group that is evaluated, and the evaluator that has leased it
 */
export async function refuseSharedUids(
  reader: SharedUidReader,
  { evaluations, known = new Map() }: KnownBatch,
  { group, evaluatorId }: { readonly group: string; readonly evaluatorId: string },
): Promise<readonly Evaluation[]> {
  const rules = [...known].flatMap(([rule_uid, series]) => {
    const others = new Set([...series.values()].map(({ group_name }) => group_name).filter((name) => name !== group));
    return [...others].map((group_name) => ({ rule_uid, group_name }));
  });
  if (rules.length === 0) return evaluations;
  const found = await reader.any<SharedUid>(LIST_SHARED, { group, evaluatorId, rules });
  return evaluations.map((evaluation) => {
    const shared = found.find(({ rule_uid }) => rule_uid === evaluation.rule.uid);
    return shared === undefined ? evaluation : refuse(evaluation, shared);
  });
}

function refuse(evaluation: Evaluation, { rule_uid, group_name, rule_set }: SharedUid): Evaluation {
  const error = `the uid "${rule_uid}" is also that of a rule of the group "${group_name}" of the service "${rule_set}"; give one of them another uid`;
  return { ...evaluation, outcome: 'error', series: [], expected: undefined, sqlstate: undefined, error };
}
