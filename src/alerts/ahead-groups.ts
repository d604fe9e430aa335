// Groups that nobody evaluates, as their newest slot is still to come: the clock of Postgres was ahead once and was set right. Nothing is done about
// it, since a slot is evaluated once; it is told, and docs/alerts.md says how to go back.
import type { Database } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';
import type { FileProblem } from '../yaml-file.ts';
import type { RuleGroup } from './rule.ts';

/** When slots are evaluated again: a group, and its newest slot. */
export interface AheadGroup {
  readonly name: string;
  readonly lastSlotMs: number;
}

const LIST_AHEAD = loadSql('alerts/list-groups-ahead');

/** Those of `groups` whose newest slot is further ahead than the next one may be late. @param lastSlotOf by name; ms, undefined without a slot */
export function findAhead(
  groups: readonly RuleGroup[],
  nowMs: number,
  lastSlotOf: (name: string) => number | null | undefined,
): AheadGroup[] {
  return groups.flatMap(({ name, everyMs, maxWaitMs }) => {
    const lastSlotMs = lastSlotOf(name);
    return lastSlotMs != null && lastSlotMs > nowMs + maxWaitMs + everyMs ? [{ name, lastSlotMs }] : [];
  });
}

/** What is wrong with it, and what to do. */
export function describeAhead({ name, lastSlotMs }: AheadGroup): string {
  const until = new Date(lastSlotMs).toISOString();
  return `the group "${name}" is not evaluated before ${until}, its newest slot: the clock of Postgres was ahead; docs/alerts.md ("A clock that was ahead") says how to go on now`;
}

/** What is wrong with `groups`, at the place of each. @throws the error of the database */
export async function readAhead(database: Database, groups: readonly RuleGroup[]): Promise<FileProblem[]> {
  const rows = await database.any<{ group_name: string; last_slot_ms: number; now_ms: number }>(LIST_AHEAD);
  const slots = new Map(rows.map(({ group_name, last_slot_ms }) => [group_name, last_slot_ms]));
  return findAhead(groups, rows[0]?.now_ms ?? 0, (name) => slots.get(name)).map((ahead) => {
    const group = groups.find(({ name }) => name === ahead.name);
    return { file: group?.file ?? '', line: group?.rules[0]?.line ?? 1, message: describeAhead(ahead) };
  });
}
