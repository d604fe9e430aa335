// Puts what evaluators have to tell into groups, in the order in which it was committed. A piece ends before a second change of a series, so that
// each of them is looked at by its group: an alert that is told at once is told of both.
import type { Transaction } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';

interface WaitingChange {
  readonly id: number;
  readonly series: string;
  readonly kind: 'tell' | 'end' | 'forget';
  readonly group_key: string | null;
}

const READ_CHANGES = loadSql('alerts/delivery/read-changes');
const PUT_INTO_GROUPS = loadSql('alerts/delivery/put-into-groups');
const END_MEMBERS = loadSql('alerts/delivery/end-members');
/** Of one piece: what bounds its memory and its statements. */
const MOST = 2000;

/** @returns how many were taken; the rest is left for the next piece */
export async function takeChanges(transaction: Transaction): Promise<number> {
  const waiting = await transaction.any<WaitingChange>(READ_CHANGES, { most: MOST });
  const piece = firstPiece(waiting);
  const idsOf = (isTold: boolean) => piece.filter(({ kind }) => (kind === 'tell') === isTold).map(({ id }) => id);
  const [told, ended] = [idsOf(true), idsOf(false)];
  if (told.length > 0) await transaction.none(PUT_INTO_GROUPS, { ids: told });
  if (ended.length > 0) await transaction.none(END_MEMBERS, { ids: ended });
  return piece.length;
}

/** As far as no series changes twice; several groups may be told of one change. */
function firstPiece(waiting: readonly WaitingChange[]): readonly WaitingChange[] {
  const groups = new Map<string, Set<string>>();
  const end = waiting.findIndex(({ series, kind, group_key }) => {
    const seen = groups.get(series);
    if (seen !== undefined && (kind !== 'tell' || seen.has(group_key ?? '') || seen.has(ENDED))) return true;
    groups.set(series, (seen ?? new Set()).add(kind === 'tell' ? (group_key ?? '') : ENDED));
    return false;
  });
  return end === -1 ? waiting : waiting.slice(0, end);
}

/** No key of a group. */
const ENDED = 'ended';
