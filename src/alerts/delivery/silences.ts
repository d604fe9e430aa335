// Silences in Postgres: made, changed by whoever says which version they have seen, ended, with a record of each change. States and times
// are those of Postgres' clock.
import { type Database, inTransaction, type Transaction } from '../../db/database.ts';
import { loadSql, type SqlFile } from '../../db/sql.ts';
import { KeepwatchError } from '../../errors.ts';
import { matchesAll, parseMatchers } from '../../routing/matcher.ts';
import type { ChangeRecord } from '../definitions/change-record.ts';
import type { WriteOutcome } from '../definitions/write-outcome.ts';
import { createCursor, cursorBehind, type Position, parseCursor } from '../page-cursor.ts';
import { idsFrom, MOST_ALIKE, onlyOne, UUID } from './id-prefix.ts';
import { parseSilence, type SilenceDraft, type SilenceMatcher, settleTimes, toSilenceMatcher } from './silence-draft.ts';

export const SILENCE_STATES = ['pending', 'active', 'expired'] as const;
export type SilenceState = (typeof SILENCE_STATES)[number];

/** A silence, as Alertmanager's API has it. Times are ISO 8601 in UTC. */
export interface Silence {
  readonly id: string;
  readonly status: { readonly state: SilenceState };
  readonly matchers: readonly SilenceMatcher[];
  readonly startsAt: string;
  readonly endsAt: string;
  readonly createdBy: string;
  readonly comment: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Grows by 1 with each change. */
  readonly version: number;
}

/** A change of a silence, from alert_audit. */
export type SilenceChange = ChangeRecord<'create' | 'update' | 'expire'>;

export interface SilencesQuery {
  /** Default: all that are not over. */
  readonly state?: SilenceState | undefined;
  readonly createdBy?: string | undefined;
  /** Matchers of the values that silences ask for, as Alertmanager's `filter`: `service="shop"` finds those with a matcher of this name and value. */
  readonly filter?: string | undefined;
  readonly limit: number;
  /** Where the last page ended; filters have to be given again. */
  readonly cursor?: string | undefined;
}

export interface Silences {
  /** Those that end last first. A page may be shorter than the limit, or empty, and have one behind it. @throws KeepwatchError ERR_USAGE when cursor or filter is none */
  list(query: SilencesQuery): Promise<{ readonly silences: readonly Silence[]; readonly cursor?: string }>;
  /** @param id or its first 8 characters and more @throws KeepwatchError ERR_USAGE when several begin so */
  read(id: string): Promise<Silence | undefined>;
  /** Newest first, 100 at most; undefined: there never was such a silence. */
  changes(id: string): Promise<readonly SilenceChange[] | undefined>;
  /** @throws KeepwatchError ERR_USAGE naming all that is wrong with it, or that it is one too many */
  create(given: unknown, actor: string): Promise<Silence>;
  /** @throws KeepwatchError ERR_USAGE naming all that is wrong with it, or that it is over */
  replace(id: string, version: number, given: unknown, actor: string): Promise<WriteOutcome<Silence>>;
  /** Ends it now. One that is over stays as it is, without a record. */
  expire(id: string, version: number, actor: string): Promise<WriteOutcome<Silence>>;
}

/** Silences at most that are not over: each is held against each alert. */
export const MAX_SILENCES = 10_000;

const LIST = loadSql('alerts/list-silences');
const LIST_BY_ID = loadSql('alerts/list-silences-by-id');
const INSERT = loadSql('alerts/insert-silence');
const UPDATE = loadSql('alerts/update-silence');
const EXPIRE = loadSql('alerts/expire-silence');
const NOW = loadSql('alerts/read-now');
const CHANGES = loadSql('alerts/list-audit');
const RECORD = loadSql('alerts/insert-audit');
/** Silences that one page looks through with a filter. */
const MAX_LOOKED_AT = 20_000;
const LOOKED_AT_ONCE = 1000;

/** @param database may write silences, and records of them */
export function createSilences(database: Database): Silences {
  return {
    list: (query) => listSilences(database, query),
    read: (id) => read(database, id),
    async changes(id) {
      const changes = await database.any<SilenceChange>(CHANGES, { kind: 'silence', name: id });
      return changes.length === 0 && (await read(database, id)) === undefined ? undefined : changes;
    },
    async create(given, actor) {
      const draft = parseSilence(given);
      return inTransaction(database, async (transaction) => {
        const values = await settle(transaction, draft);
        const made = await write(transaction, INSERT, { ...values, most: MAX_SILENCES });
        if (made === null)
          throw new KeepwatchError('ERR_USAGE', `there are ${MAX_SILENCES} silences already that are not over; allowed: no more`);
        await record(transaction, { actor, action: 'create', before: undefined, after: made });
        return made;
      });
    },
    async replace(id, version, given, actor) {
      const draft = parseSilence(given);
      return change(database, { id, version, actor, action: 'update' }, async (transaction, before) => {
        if (before.status.state === 'expired')
          throw new KeepwatchError('ERR_USAGE', `the silence is over since ${before.endsAt}; allowed: to make a new one`);
        return write(transaction, UPDATE, { id, version, ...(await settle(transaction, draft, before)) });
      });
    },
    expire: (id, version, actor) =>
      change(database, { id, version, actor, action: 'expire' }, async (transaction, before) =>
        before.status.state === 'expired' ? before : write(transaction, EXPIRE, { id, version }),
      ),
  };
}

/** A row of alert_silence, with the time of Postgres when it was read. */
interface SilenceRow {
  readonly id: string;
  readonly matchers: readonly SilenceMatcher[];
  readonly starts_at: Date;
  readonly ends_at: Date;
  readonly created_by: string;
  readonly comment: string;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly version: number;
  readonly read_at: Date;
}

function toSilence(row: SilenceRow): Silence {
  const { starts_at, ends_at, read_at } = row;
  return {
    id: row.id,
    matchers: row.matchers,
    status: { state: ends_at <= read_at ? 'expired' : starts_at > read_at ? 'pending' : 'active' },
    startsAt: starts_at.toISOString(),
    endsAt: ends_at.toISOString(),
    createdBy: row.created_by,
    comment: row.comment,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    version: row.version,
  };
}

type ListedRow = SilenceRow & { readonly position: string };

async function listSilences(
  database: Database,
  { state, createdBy, filter, limit, cursor }: SilencesQuery,
): Promise<{ silences: readonly Silence[]; cursor?: string }> {
  const matchers = filter === undefined ? [] : readFilter(filter);
  const most = matchers.length === 0 ? limit + 1 : LOOKED_AT_ONCE;
  const found: ListedRow[] = [];
  let behind = cursor === undefined ? undefined : parseCursor(cursor, UUID);
  for (let lookedAt = 0; lookedAt < MAX_LOOKED_AT; lookedAt += most) {
    const [beforeTime = null, beforeId = null] = behind ?? [];
    const filters = { state: state ?? null, createdBy: createdBy ?? null };
    const rows = await database.any<ListedRow>(LIST, { ...filters, beforeTime, beforeId, limit: most });
    found.push(...rows.filter((row) => matchesAll(matchers, valuesOf(row))));
    const last = rows[most - 1];
    if (last === undefined || found.length > limit)
      return { silences: found.slice(0, limit).map(toSilence), ...cursorBehind(found, limit, positionOf) };
    behind = positionOf(last);
  }
  return { silences: found.map(toSilence), ...(behind === undefined ? {} : { cursor: createCursor(behind) }) };
}

/** What a silence asks for, as if it were labels. */
function valuesOf({ matchers }: SilenceRow): Readonly<Record<string, string>> {
  return Object.fromEntries(matchers.map(({ name, value }) => [name, value]));
}

function positionOf({ position, id }: ListedRow): Position {
  return [position, id];
}

function readFilter(filter: string) {
  try {
    return parseMatchers(filter);
  } catch (cause) {
    throw new KeepwatchError('ERR_USAGE', `filter: got ${JSON.stringify(filter.slice(0, 100))}; ${(cause as Error).message}`, {
      cause,
    });
  }
}

async function read(database: Database | Transaction, id: string): Promise<Silence | undefined> {
  const rows = await database.any<SilenceRow>(LIST_BY_ID, { ...idsFrom(id, 'silence'), most: MOST_ALIKE });
  const row = onlyOne(rows, id, 'silence', (silence) => `${silence.id} (${silence.comment.slice(0, 50)})`);
  return row && toSilence(row);
}

/** @returns null where the statement found nothing to write */
async function write(transaction: Transaction, statement: SqlFile, values: object): Promise<Silence | null> {
  const row = await transaction.oneOrNone<SilenceRow>(statement, values);
  return row && toSilence(row);
}

interface Change {
  readonly id: string;
  readonly version: number;
  readonly actor: string;
  readonly action: SilenceChange['action'];
}

/** Makes a change, and its record with it. `work` gives null where somebody else was quicker. */
function change(
  database: Database,
  { id, version, actor, action }: Change,
  work: (transaction: Transaction, before: Silence) => Promise<Silence | null>,
): Promise<WriteOutcome<Silence>> {
  return inTransaction(database, async (transaction) => {
    const before = await read(transaction, id);
    if (before === undefined) return { outcome: 'missing' };
    if (before.version !== version) return { outcome: 'conflict', current: before };
    const after = await work(transaction, before);
    if (after === null) {
      const current = await read(transaction, id);
      return current === undefined ? { outcome: 'missing' } : { outcome: 'conflict', current };
    }
    if (after !== before) await record(transaction, { actor, action, before, after });
    return { outcome: 'done', current: after };
  });
}

async function settle(transaction: Transaction, draft: SilenceDraft, before?: Silence) {
  const { now_ms } = await transaction.one<{ now_ms: number }>(NOW);
  const times = settleTimes(draft, now_ms, before && { startsAt: new Date(before.startsAt) });
  const { createdBy, comment } = draft;
  return { ...times, createdBy, comment, matchers: draft.matchers.map(toSilenceMatcher) };
}

async function record(
  transaction: Transaction,
  {
    actor,
    action,
    before,
    after,
  }: Pick<Change, 'actor' | 'action'> & { readonly before: Silence | undefined; readonly after: Silence },
): Promise<void> {
  const { id, version } = after;
  const entry = { kind: 'silence', name: id, action, version, before: before === undefined ? null : contentOf(before) };
  await transaction.none(RECORD, { actor, changes: [{ ...entry, after: contentOf(after) }] });
}

function contentOf({ id: _id, status: _status, createdAt: _created, updatedAt: _updated, ...content }: Silence): object {
  return content;
}
