// The silences that hold at the moment.
import type { Transaction } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import { createMatcher } from '../../routing/matcher.ts';
import type { ActiveSilence } from './group-flush.ts';

interface StoredMatcher {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual: boolean;
}
const LIST_ACTIVE = loadSql('alerts/list-active-silences');

export async function listActiveSilences(transaction: Transaction): Promise<readonly ActiveSilence[]> {
  const rows = await transaction.any<{ id: string; matchers: readonly StoredMatcher[] }>(LIST_ACTIVE);
  return rows.map(({ id, matchers }) => ({
    id,
    matchers: matchers.map(({ name, value, isRegex, isEqual }) =>
      createMatcher(name, isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!=', value),
    ),
  }));
}
