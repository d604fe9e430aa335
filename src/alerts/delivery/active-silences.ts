// The silences that hold at the moment, by the clock of Postgres, for whoever delivers.
import type { Database, Transaction } from '../../db/database.ts';
import { loadSql } from '../../db/sql.ts';
import type { ActiveSilence } from './group-flush.ts';
import { type SilenceMatcher, toMatcher } from './silence-draft.ts';

interface StoredSilence {
  readonly id: string;
  readonly version: number;
  readonly matchers: readonly SilenceMatcher[];
}

const LIST_ACTIVE = loadSql('alerts/list-active-silences');

/**
 * One whose matchers cannot be read mutes nothing, so that people are told.
 * @param known what was read before, by whoever asks often: what has not changed since is not read anew. Holds what is active.
 */
export async function listActiveSilences(
  database: Database | Transaction,
  known: Map<string, ActiveSilence> = new Map(),
): Promise<readonly ActiveSilence[]> {
  const rows = await database.any<StoredSilence>(LIST_ACTIVE);
  const active = rows.flatMap((row) => {
    const key = `${row.id} ${row.version}`;
    const silence = known.get(key) ?? toActive(row);
    return silence === undefined ? [] : [[key, silence] as const];
  });
  known.clear();
  for (const [key, silence] of active) known.set(key, silence);
  return active.map(([, silence]) => silence);
}

function toActive({ id, matchers }: StoredSilence): ActiveSilence | undefined {
  try {
    return { id, matchers: matchers.map(toMatcher) };
  } catch {
    return undefined;
  }
}
