// Rows that Postgres refuses: found by bisection and put in the dead letter, in the transaction of their batch, so that the others go on.
// A table that takes no row at all is no matter of rows: then nothing is put away, and the archive waits until somebody mends it.
import { type Statement, sqlState, type Transaction } from '../../db/database.ts';
import { loadSql, readSql } from '../../db/sql.ts';
import { describeError, KeepwatchError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { NamedRows } from '../rollups/batch-rollups.ts';
import { COPY_HEADER, COPY_TRAILER, splitTuples } from '../segments/copy-tuples.ts';
import type { SegmentHeader } from '../segments/segment-format.ts';

/** So many rows in a row go to the dead letter with none taken between them; from then on it is the table that is at fault. */
export const MAX_REFUSED_IN_A_ROW = 1000;
/** Rows that are tried one by one before the table is blamed. */
const SAMPLE_ROWS = 100;
const LOG_EVERY_MS = 60_000;
/**
 * Classes of SQLSTATE that speak of a row: data exceptions, broken constraints, limits of the program, what triggers and functions raise,
 * and the codes that they make up. All others (no such column, no privilege, no room, no lock) speak of the state of things.
 */
const ROW_CLASSES = /^(?:09|2[0-37]|38|39|44|54|P0|[689I-OQ-WYZ])/;

const copyRows = loadSql('archive/copy-rows');
const insertDeadLetter = loadSql('archive/insert-dead-letter');
const checkImmediately = readSql('archive/check-immediately');

/** Neighbouring rows of a block. */
export interface Run {
  readonly block: number;
  /** Place of the first one in its block, counted from 1. */
  readonly row: number;
  readonly frames: Buffer;
  /** All rows of the block, with their series; undefined when it does not tell. */
  readonly named?: NamedRows | undefined;
}

/** Rows for one relation. */
export interface Rows {
  readonly relation: string;
  readonly runs: readonly Run[];
  readonly count: number;
}

/** Whether Postgres refuses a row, rather than the work at this moment. */
export function isRefusal(error: unknown): boolean {
  return ROW_CLASSES.test(sqlState(error) ?? '');
}

/** How many rows in a row were refused, with none taken between them: one for all that a process archives. */
export class RefusalStreak {
  readonly #logger: Logger;
  #rows = 0;
  #saidAtMs = -Infinity;
  #lastReason = '';

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get rows(): number {
    return this.#rows;
  }

  /** The reason of a refusal, for the log. */
  noteReason(reason: string): void {
    this.#lastReason = reason;
  }

  /** What became of a batch that is committed. Says once a minute that rows are refused. */
  noteCommit({ taken, refused }: { taken: number; refused: number }): void {
    this.#rows = taken > 0 ? 0 : this.#rows + refused;
    if (refused === 0 || performance.now() - this.#saidAtMs < LOG_EVERY_MS) return;
    this.#saidAtMs = performance.now();
    this.#logger.warn(
      { rows: refused, reason: this.#lastReason },
      'Postgres refused rows: they are kept in keepwatch.observability_dead_letter, and all others are archived',
    );
  }
}

/** The COPY that takes all rows, or none. */
export function copyStatement(header: SegmentHeader, { relation, runs }: Rows): Required<Statement> {
  const frames = runs.map((run) => run.frames);
  return { sql: copyRows, values: { relation, columns: header.columns }, chunks: [COPY_HEADER, ...frames, COPY_TRAILER] };
}

/**
 * Copies what Postgres takes and puts what it refuses in the dead letter.
 * @returns the rows that it took, one by one, and how many it refused
 * @throws KeepwatchError ERR_DATABASE_SCHEMA when it takes no row of very many; else what Postgres says of its state
 */
export async function copyCarefully(
  transaction: Transaction,
  header: SegmentHeader,
  { relation, runs, count }: Rows,
  streak: RefusalStreak | undefined,
): Promise<{ taken: readonly Run[]; refused: number }> {
  const rows: readonly Run[] = runs.flatMap(({ block, row, frames, named }) =>
    splitTuples(frames).map((tuple, index) => ({ block, row: row + index, frames: tuple, named })),
  );
  const attempt = (part: readonly Run[]) => copyPart(transaction, header, { relation, runs: part, count: part.length });
  // What a deferred constraint has against a row would be said at COMMIT, of nobody knows which.
  await transaction.none(checkImmediately);
  const ranges: [number, number][] = [[0, rows.length]];
  if ((streak?.rows ?? 0) + count > MAX_REFUSED_IN_A_ROW && (await attempt(rows)) !== undefined) {
    const taken = await takeOne(rows, attempt);
    ranges.splice(0, 1, [taken + 1, rows.length], [0, taken]);
  }
  const refused = new Set<Run>();
  for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
    const [from, to] = range;
    const refusal = from === to ? undefined : await attempt(rows.slice(from, to));
    if (refusal === undefined) continue;
    const only = rows[from];
    if (to - from === 1 && only !== undefined) {
      refused.add(only);
      const { sourceId, lane, segment } = header;
      const reason = { sqlstate: sqlState(refusal) ?? '', error: describeError(refusal) };
      streak?.noteReason(reason.error);
      const { block, row, frames } = only;
      await transaction.none(insertDeadLetter, { sourceId, lane, segment, block, row, payload: frames, ...reason });
    } else {
      const middle = (from + to) >>> 1;
      ranges.push([middle, to], [from, middle]);
    }
  }
  return { taken: refused.size === 0 ? rows : rows.filter((row) => !refused.has(row)), refused: refused.size };
}

/** @returns the refusal; undefined when Postgres took the rows. @throws what it says of its state */
async function copyPart(transaction: Transaction, header: SegmentHeader, rows: Rows): Promise<unknown> {
  try {
    const { sql, chunks, values } = copyStatement(header, rows);
    await transaction.savepoint((inner) => inner.copyFrom(sql, chunks, values));
    return undefined;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return error;
  }
}

/**
 * Copies one of the rows, chosen at random.
 * @returns its index
 * @throws KeepwatchError ERR_DATABASE_SCHEMA when none of many is taken by itself
 */
async function takeOne(rows: readonly Run[], attempt: (part: readonly Run[]) => Promise<unknown>): Promise<number> {
  let refusal: unknown;
  for (let tries = 0; tries < SAMPLE_ROWS; tries++) {
    const index = Math.floor(Math.random() * rows.length);
    refusal = await attempt(rows.slice(index, index + 1));
    if (refusal === undefined) return index;
  }
  const what = `Postgres takes no row any more; events wait in the spool until it does: ${describeError(refusal)}`;
  throw new KeepwatchError('ERR_DATABASE_SCHEMA', what, { cause: refusal });
}
